package bus

import (
	"fmt"

	"streamcat/stage"
)

// Every subject is here, so that what two programs say to each other can be read in one place.
//
//	streamcat.stage.<stage id>.notice    stage.Notice as JSON

// noticeSubject is where the notices of one stage are published.
func noticeSubject(id stage.ID) (string, error) {
	if !isToken(string(id)) {
		return "", fmt.Errorf("stage id %q cannot be part of a subject", id)
	}
	return "streamcat.stage." + string(id) + ".notice", nil
}

// isToken says whether text can stand between two dots of a subject: dots, wildcards and white space would make it mean
// something else.
func isToken(text string) bool {
	if text == "" || len(text) > 64 {
		return false
	}
	for _, c := range []byte(text) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}
