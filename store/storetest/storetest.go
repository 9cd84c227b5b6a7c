package storetest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib" // registers "pgx", to make schemas with

	"streamcat/store"
)

// PostgresVariable names the environment variable with the URL of a PostgreSQL server for tests.
const PostgresVariable = "STREAMCAT_TEST_POSTGRES"

// Each runs a test on a fresh database of every engine there is.
func Each(t *testing.T, test func(t *testing.T, db *store.DB)) {
	EachURL(t, func(t *testing.T, url string) { test(t, Open(t, url)) })
}

// EachURL runs a test on the URL of a fresh, empty database of every engine there is, for tests that open it themselves.
func EachURL(t *testing.T, test func(t *testing.T, url string)) {
	t.Run("sqlite", func(t *testing.T) { test(t, SQLiteURL(t)) })
	if server := os.Getenv(PostgresVariable); server != "" {
		t.Run("postgres", func(t *testing.T) { test(t, postgresURL(t, server)) })
	}
}

// SQLite opens a fresh SQLite database.
func SQLite(t testing.TB) *store.DB { return Open(t, SQLiteURL(t)) }

// SQLiteURL names a SQLite database that does not exist yet.
func SQLiteURL(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "streamcat.db") }

// Open opens a database and closes it when the test ends.
func Open(t testing.TB, url string) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// postgresDatabase is where the schemas of tests are.
const postgresDatabase = "streamcat_test"

// postgresURL creates a schema and drops it when the test ends.
func postgresURL(t testing.TB, server string) string {
	t.Helper()
	location, err := url.Parse(server)
	if err != nil {
		t.Fatalf("%s must be a URL", PostgresVariable)
	}
	makeDatabase(t, server)
	location.Path = "/" + postgresDatabase
	admin, err := sql.Open("pgx", location.String())
	if err != nil {
		t.Fatal(err)
	}
	schema := "test_" + strings.ToLower(rand.Text())
	if _, err := admin.ExecContext(t.Context(), "CREATE SCHEMA "+schema); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// The context of the test is done by now.
		if _, err := admin.ExecContext(context.Background(), "DROP SCHEMA "+schema+" CASCADE"); err != nil {
			t.Error(err)
		}
		if err := admin.Close(); err != nil {
			t.Error(err)
		}
	})
	query := location.Query()
	query.Set("search_path", schema)
	location.RawQuery = query.Encode()
	return location.String()
}

// makeDatabase makes postgresDatabase unless it is there, whoever else does so at this moment.
func makeDatabase(t testing.TB, server string) {
	t.Helper()
	conns, err := sql.Open("pgx", server)
	if err != nil {
		t.Fatal(err)
	}
	defer conns.Close()
	_, err = conns.ExecContext(t.Context(), "CREATE DATABASE "+postgresDatabase)
	var refusal *pgconn.PgError
	if errors.As(err, &refusal) && slices.Contains([]string{pgDuplicateDatabase, pgUniqueViolation}, refusal.Code) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
}

// PostgreSQL documentation, appendix A: the answers to making a database that is there, or is just being made.
const (
	pgDuplicateDatabase = "42P04"
	pgUniqueViolation   = "23505"
)
