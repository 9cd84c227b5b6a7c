package sdpfrag

import (
	"errors"
	"fmt"
	"strings"
)

// Limits of what Parse accepts.
const (
	MaxSize       = 16 << 10 // bytes
	MaxMedia      = 64       // media sections
	MaxCandidates = 128      // in all sections together
)

// ErrMalformed is in the chain of every error that Parse returns.
var ErrMalformed = errors.New("malformed SDP fragment")

// Fragment is a parsed sdpfrag.
type Fragment struct {
	Credentials // of the session level
	Media       []Media
}

// Credentials are what names an ICE session (RFC 8839 5.4). Both or none are set.
type Credentials struct {
	Ufrag    string
	Password string
}

// Media is one "m=" section of a fragment.
type Media struct {
	Line string // what follows "m=", e.g. "audio 9 UDP/TLS/RTP/SAVPF 0"
	MID  string
	Credentials
	Candidates      []string // what follows "a=candidate:"
	EndOfCandidates bool
}

// ICE returns the credentials that the fragment carries, wherever they stand, and false when there are none. Bundled media
// has one pair: an error says that the fragment holds more.
func (f *Fragment) ICE() (Credentials, bool, error) {
	found := f.Credentials
	for _, m := range f.Media {
		switch {
		case m.Credentials == Credentials{} || m.Credentials == found:
		case found == Credentials{}:
			found = m.Credentials
		default:
			return Credentials{}, false, fmt.Errorf("%w: it names two ICE sessions", ErrMalformed)
		}
	}
	return found, found != Credentials{}, nil
}

// Parse reads a fragment.
func Parse(text string) (*Fragment, error) {
	if len(text) > MaxSize {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrMalformed, MaxSize)
	}
	f := &Fragment{}
	at := &f.Credentials
	var media *Media
	candidates := 0
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			continue
		}
		if err := checkLine(line); err != nil {
			return nil, fmt.Errorf("%w: line %d %w", ErrMalformed, number, err)
		}
		if value, ok := strings.CutPrefix(line, "m="); ok {
			if len(f.Media) == MaxMedia {
				return nil, fmt.Errorf("%w: more than %d media sections", ErrMalformed, MaxMedia)
			}
			if len(strings.Fields(value)) < 4 {
				return nil, fmt.Errorf("%w: line %d is not a media line", ErrMalformed, number)
			}
			f.Media = append(f.Media, Media{Line: value})
			media = &f.Media[len(f.Media)-1]
			at = &media.Credentials
			continue
		}
		name, value, _ := strings.Cut(strings.TrimPrefix(line, "a="), ":")
		if !strings.HasPrefix(line, "a=") {
			continue
		}
		if err := attribute(at, media, name, value); err != nil {
			return nil, fmt.Errorf("%w: line %d %w", ErrMalformed, number, err)
		}
		if name == "candidate" {
			if candidates++; candidates > MaxCandidates {
				return nil, fmt.Errorf("%w: more than %d candidates", ErrMalformed, MaxCandidates)
			}
		}
	}
	if err := f.check(); err != nil {
		return nil, err
	}
	return f, nil
}

func checkLine(line string) error {
	if len(line) < 2 || line[1] != '=' {
		return errors.New("is not of the form x=…")
	}
	for i := range len(line) {
		if line[i] < ' ' && line[i] != '\t' || line[i] == 0x7f {
			return errors.New("holds a control character")
		}
	}
	return nil
}

// attribute takes one "a=" line into at, the credentials of the level, and media, which is nil at session level.
func attribute(at *Credentials, media *Media, name, value string) error {
	switch name {
	case "ice-ufrag":
		// RFC 8839 5.4: 4 to 256 ice-chars, and 22 to 256 for the password.
		if !iceChars(value, 4) {
			return errors.New("is not an ICE user name fragment")
		}
		at.Ufrag = value
	case "ice-pwd":
		if !iceChars(value, 22) {
			return errors.New("is not an ICE password")
		}
		at.Password = value
	case "mid":
		if media == nil || value == "" || strings.ContainsAny(value, " \t") {
			return errors.New("is not a media identification")
		}
		media.MID = value
	case "candidate":
		// RFC 8839 5.1: foundation, component, transport, priority, address, port, "typ", type.
		if media == nil || len(strings.Fields(value)) < 8 {
			return errors.New("is not a candidate of a media section")
		}
		media.Candidates = append(media.Candidates, value)
	case "end-of-candidates":
		if media != nil {
			media.EndOfCandidates = true
		}
	}
	return nil
}

func (f *Fragment) check() error {
	if (f.Ufrag == "") != (f.Password == "") {
		return fmt.Errorf("%w: ice-ufrag and ice-pwd belong together", ErrMalformed)
	}
	for _, m := range f.Media {
		if (m.Ufrag == "") != (m.Password == "") {
			return fmt.Errorf("%w: ice-ufrag and ice-pwd belong together", ErrMalformed)
		}
		if m.MID == "" {
			return fmt.Errorf("%w: a media section has no a=mid", ErrMalformed)
		}
	}
	return nil
}

func iceChars(s string, shortest int) bool {
	if len(s) < shortest || len(s) > 256 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '+' || c == '/') {
			return false
		}
	}
	return true
}

// String writes the fragment with CRLF line ends.
func (f *Fragment) String() string {
	var b strings.Builder
	writeCredentials(&b, f.Credentials)
	for _, m := range f.Media {
		fmt.Fprintf(&b, "m=%s\r\na=mid:%s\r\n", m.Line, m.MID)
		writeCredentials(&b, m.Credentials)
		for _, c := range m.Candidates {
			fmt.Fprintf(&b, "a=candidate:%s\r\n", c)
		}
		if m.EndOfCandidates {
			b.WriteString("a=end-of-candidates\r\n")
		}
	}
	return b.String()
}

func writeCredentials(b *strings.Builder, c Credentials) {
	if c.Ufrag != "" {
		fmt.Fprintf(b, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", c.Ufrag, c.Password)
	}
}
