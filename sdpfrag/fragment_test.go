package sdpfrag

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// trickle is the shape of the example in RFC 9725 4.3.1.
const trickle = "a=group:BUNDLE 0 1\r\n" +
	"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n" +
	"a=mid:0\r\n" +
	"a=ice-ufrag:EsAw\r\n" +
	"a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n" +
	"a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw network-id 1\r\n" +
	"a=candidate:3471623853 1 udp 2122194687 198.51.100.2 61765 typ host generation 0 ufrag EsAw network-id 2\r\n" +
	"a=end-of-candidates\r\n"

var credentials = Credentials{"EsAw", "P2uYro0UCOQ4zxjKXaWCBui1"}

func TestParse(t *testing.T) {
	tests := []struct {
		name string
		text string
		want *Fragment
	}{
		{"empty", "", &Fragment{}},
		{"trickle", trickle, &Fragment{Media: []Media{{
			Line: "audio 9 UDP/TLS/RTP/SAVPF 111", MID: "0", Credentials: credentials,
			Candidates: []string{
				"1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw network-id 1",
				"3471623853 1 udp 2122194687 198.51.100.2 61765 typ host generation 0 ufrag EsAw network-id 2",
			},
			EndOfCandidates: true,
		}}}},
		{"restart with credentials at session level", "a=ice-options:trickle ice2\na=ice-ufrag:EsAw\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\n",
			&Fragment{Credentials: credentials}},
		{"unknown lines", "v=0\r\ns=-\r\na=unheard-of\r\n", &Fragment{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := Parse(test.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	long := strings.Repeat("a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n", MaxCandidates+1)
	tests := []struct{ name, text, want string }{
		{"prose", "hello", "line 1"},
		{"control character", "a=mid:\x00", "control character"},
		{"too long", strings.Repeat("a", MaxSize+1), "longer"},
		{"too many media", strings.Repeat("m=audio 9 X 0\na=mid:1\n", MaxMedia+1), "media sections"},
		{"too many candidates", "m=audio 9 X 0\r\na=mid:0\r\n" + long, "candidates"},
		{"candidate at session level", "a=candidate:1 1 udp 1 192.0.2.1 9 typ host", "candidate"},
		{"short candidate", "m=audio 9 X 0\na=mid:0\na=candidate:1 1 udp", "candidate"},
		{"media line", "m=audio", "media line"},
		{"media without mid", "m=audio 9 X 0", "a=mid"},
		{"empty mid", "m=audio 9 X 0\na=mid:", "media identification"},
		{"short ufrag", "a=ice-ufrag:abc", "user name"},
		{"bad ufrag", "a=ice-ufrag:ab cd", "user name"},
		{"short password", "a=ice-pwd:abc", "password"},
		{"ufrag alone", "a=ice-ufrag:abcd", "together"},
		{"password alone in media", "m=audio 9 X 0\na=mid:0\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1", "together"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Parse(test.text)
			if !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Parse = %v; want an error that names %q", err, test.want)
			}
		})
	}
}

func TestICE(t *testing.T) {
	other := Credentials{"Other", "0123456789012345678901"}
	tests := []struct {
		name     string
		fragment Fragment
		want     Credentials
		found    bool
		wrong    bool
	}{
		{"none", Fragment{Media: []Media{{MID: "0"}}}, Credentials{}, false, false},
		{"session", Fragment{Credentials: credentials}, credentials, true, false},
		{"media", Fragment{Media: []Media{{MID: "0"}, {MID: "1", Credentials: credentials}}}, credentials, true, false},
		{"repeated", Fragment{Credentials: credentials, Media: []Media{{Credentials: credentials}}}, credentials, true, false},
		{"two", Fragment{Credentials: credentials, Media: []Media{{Credentials: other}}}, Credentials{}, false, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, found, err := test.fragment.ICE()
			if got != test.want || found != test.found || (err != nil) != test.wrong {
				t.Errorf("ICE = %v, %v, %v", got, found, err)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add("")
	f.Add(trickle)
	f.Add("a=ice-ufrag:EsAw\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\n")
	f.Add("m=audio 9 X 0\na=mid:0\na=candidate:1 1 udp 1 h.local 9 typ host\na=end-of-candidates\n")
	f.Fuzz(func(t *testing.T, text string) {
		first, err := Parse(text)
		if err != nil {
			if first != nil || !errors.Is(err, ErrMalformed) {
				t.Fatalf("Parse = %v, %v", first, err)
			}
			return
		}
		if len(first.String()) > MaxSize {
			return // the canonical form may be longer than what it was read from
		}
		second, err := Parse(first.String())
		if err != nil {
			t.Fatalf("what String wrote is refused: %v\n%s", err, first)
		}
		if diff := cmp.Diff(first, second); diff != "" {
			t.Fatal(diff)
		}
	})
}
