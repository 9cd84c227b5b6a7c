// Package store keeps what StreamCat must not forget, in SQLite or in PostgreSQL.
//
// It owns the database handles, the schema (migrations/NNNN_*.sql, applied by Open) and every SQL statement of the program.
// The domain packages, stage and site, declare what they need of a store in their own interfaces; *DB implements them in
// stage*.go and site_*.go.
//
// One SQL text serves both engines: placeholders are $1, ids are TEXT made by the callers, times are BIGINT Unix
// milliseconds (0 means none), flags are BOOLEAN, bytes are BYTEA. Nothing else that differs between the engines is used;
// what has to differ, how to connect and how to recognise errors, is in sqlite.go and postgres.go.
//
// Data flow: reads go to read(), changes through write(), which commits when its function returns nil and rolls back
// otherwise. On SQLite there is one writing connection, so changes are serial; on PostgreSQL they are not, so every rule
// that two requests could break together is kept by a constraint or by the WHERE of a single statement, never by reading
// first and writing later. Two limits on numbers, of open invitations and of their uses, are no such rules: requests that come
// together may exceed them by as many.
//
// Invariants: a migration that was released is never edited; a migration runs in one transaction with the row that records
// it; a database that a newer program has migrated is refused. There are no locks in this package.
package store
