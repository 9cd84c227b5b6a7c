package site

import (
	"regexp"
	"strings"
	"testing"
)

func TestCheckName(t *testing.T) {
	for name, test := range map[string]struct{ name, says string }{
		"plain":                    {"kitty", ""},
		"shortest":                 {"abc", ""},
		"longest":                  {strings.Repeat("a", 32), ""},
		"all kinds of characters":  {"Kitty_the-2nd", ""},
		"reserved as a part":       {"admin2", ""},
		"empty":                    {"", "at least 3"},
		"too short":                {"ab", "at least 3"},
		"too long":                 {strings.Repeat("a", 33), "at most 32"},
		"space":                    {"a cat", "letters a to z"},
		"dot":                      {"a.cat", "letters a to z"},
		"slash":                    {"cat/../dog", "letters a to z"},
		"umlaut":                   {"kätzchen", "letters a to z"},
		"looks like another":       {"аdmin", "letters a to z"}, // a Cyrillic a
		"not text":                 {"ab\xff\xfe", "letters a to z"},
		"NUL":                      {"abc\x00", "letters a to z"},
		"newline":                  {"abc\n", "letters a to z"},
		"reserved":                 {"admin", "reserved"},
		"reserved in another case": {"StudiO", "reserved"},
		"reserved me":              {"me", "at least 3"},
	} {
		t.Run(name, func(t *testing.T) {
			err := checkName(test.name)
			if test.says == "" {
				if err != nil {
					t.Error(err)
				}
			} else if CodeOf(err) != Invalid || !strings.Contains(err.Error(), test.says) {
				t.Errorf("checkName(%q) = %v, want %q", test.name, err, test.says)
			}
		})
	}
}

// The routes of the program and the words that must not be somebody's name.
func TestReserved(t *testing.T) {
	for _, word := range strings.Fields(`admin api aws rtc sdk studio login logout register dashboard invite assets live healthz metrics
		help about settings streamcat root support moderator system null undefined me`) {
		if !reserved(word) {
			t.Errorf("%s can be registered", word)
		}
	}
}

func TestCheckPassword(t *testing.T) {
	for name, test := range map[string]struct{ password, says string }{
		"shortest":                {"12345678", ""},
		"longest":                 {strings.Repeat("x", 256), ""},
		"counted in characters":   {"🐈🐈🐈🐈🐈🐈🐈🐈", ""},
		"longest of long letters": {strings.Repeat("🐈", 256), ""},
		"too short":               {"1234567", "at least 8"},
		"too short though bytes":  {"🐈🐈🐈", "at least 8"},
		"too long":                {strings.Repeat("x", 257), "at most 256"},
		"the name":                {"kitty-cat", "same as the name"},
		"the name, louder":        {"KITTY-CAT", "same as the name"},
		"not text":                {"1234567\xff", "not valid text"},
	} {
		t.Run(name, func(t *testing.T) {
			err := checkPassword(test.password, "kitty-cat")
			if test.says == "" {
				if err != nil {
					t.Error(err)
				}
			} else if CodeOf(err) != Invalid || !strings.Contains(err.Error(), test.says) {
				t.Errorf("checkPassword = %v, want %q", err, test.says)
			}
		})
	}
}

func FuzzCheckName(f *testing.F) {
	f.Add("kitty")
	f.Add("Ad\x00min")
	shape := regexp.MustCompile(`\A[A-Za-z0-9_-]{3,32}\z`)
	f.Fuzz(func(t *testing.T, name string) {
		if err := checkName(name); (err == nil) != (shape.MatchString(name) && !reserved(strings.ToLower(name))) {
			t.Errorf("checkName(%q) = %v", name, err)
		}
	})
}
