package store

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

func TestParseMigrations(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	for name, test := range map[string]struct {
		files fstest.MapFS
		want  string // names in order, or what the error says
	}{
		"ordered by number": {fstest.MapFS{"m/0010_c.sql": file("c"), "m/0002_b.sql": file("b"), "m/0001_a.sql": file("a")}, "0001_a.sql 0002_b.sql 0010_c.sql"},
		"same number":       {fstest.MapFS{"m/0001_a.sql": file("a"), "m/0001_b.sql": file("b")}, "same number"},
		"no number":         {fstest.MapFS{"m/a.sql": file("a")}, "not named like"},
		"not SQL":           {fstest.MapFS{"m/0001_a.txt": file("a")}, "not named like"},
	} {
		t.Run(name, func(t *testing.T) {
			migrations, err := parseMigrations(test.files, "m")
			var got []string
			for _, m := range migrations {
				got = append(got, m.name)
			}
			if err != nil {
				if !strings.Contains(err.Error(), test.want) {
					t.Errorf("error %v, want one with %q", err, test.want)
				}
			} else if strings.Join(got, " ") != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestApply(t *testing.T) {
	db, err := openSQLite(t.Context(), filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	first := migration{1, "0001_a.sql", "CREATE TABLE a (n BIGINT); INSERT INTO a VALUES (1);"}
	third := migration{3, "0003_c.sql", "INSERT INTO a VALUES (3);"}
	second := migration{2, "0002_b.sql", "INSERT INTO a VALUES (2);"}
	broken := migration{4, "0004_d.sql", "INSERT INTO a VALUES (4); INSERT INTO nowhere VALUES (1);"}
	sum := func() (n int) {
		t.Helper()
		if err := db.read().QueryRow("SELECT SUM(n) FROM a").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}

	for _, step := range []struct {
		name       string
		migrations []migration
		sum        int
		err        string
	}{
		{"from nothing", []migration{first, third}, 4, ""},
		{"again changes nothing", []migration{first, third}, 4, ""},
		{"one that came late", []migration{first, second, third}, 6, ""},
		{"a broken one leaves nothing behind", []migration{first, second, third, broken}, 6, "0004_d.sql"},
		{"an older program", []migration{first, second}, 6, "newer version"},
	} {
		err := db.apply(t.Context(), step.migrations)
		if (err == nil) != (step.err == "") || err != nil && !strings.Contains(err.Error(), step.err) {
			t.Errorf("%s: error %v, want %q", step.name, err, step.err)
		}
		if got := sum(); got != step.sum {
			t.Errorf("%s: sum %d, want %d", step.name, got, step.sum)
		}
	}
}

func TestWriteRollsBack(t *testing.T) {
	db, err := Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	insert := func(tx *sql.Tx) error {
		_, err := tx.Exec(`INSERT INTO secrets (name, value, created) VALUES ('a', $1, 1)`, []byte("x"))
		return err
	}
	if err := db.write(t.Context(), func(tx *sql.Tx) error {
		if err := insert(tx); err != nil {
			return err
		}
		return insert(tx)
	}); !db.uniqueViolation(err) {
		t.Fatalf("a second insert: %v", err)
	}
	if got, err := db.Secret(t.Context(), "a"); got != nil || err != nil {
		t.Errorf("the first insert stayed: %q, %v", got, err)
	}
	if _, err := db.read().Exec(`DELETE FROM secrets`); err == nil {
		t.Error("a reading connection could write")
	}
}
