package store

import (
	"database/sql"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// postgresConns bounds the connections of one program; a server's default limit is 100 for all of its clients.
const postgresConns = 20

// openPostgres opens a connection string as libpq knows it.
func openPostgres(url string) (*DB, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		// The driver's own message may repeat the URL, and with it a password.
		return nil, errors.New("open postgres: the URL is not a valid connection string")
	}
	conns := stdlib.OpenDB(*config)
	conns.SetMaxOpenConns(postgresConns)
	conns.SetMaxIdleConns(postgresConns / 2)
	conns.SetConnMaxIdleTime(5 * time.Minute)
	return newPostgres(conns), nil
}

func newPostgres(conns *sql.DB) *DB {
	return &DB{
		engine: engine{
			name: "postgres",
			// The number is arbitrary and must never change: it is what several starting programs agree on.
			migrationLock:   "SELECT pg_advisory_xact_lock(7238123544)",
			uniqueViolation: postgresUniqueViolation,
		},
		writer: conns,
		reader: conns,
	}
}

// unique_violation, PostgreSQL documentation, appendix A.
const postgresUnique = "23505"

func postgresUniqueViolation(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && e.Code == postgresUnique
}
