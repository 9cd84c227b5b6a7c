package stage

import (
	"crypto/rand"
	"regexp"
)

// Lengths of the random names, in characters of alphabet; each carries 5.95 bits.
const (
	stageIDLength       = 22 // 131 bits: knowing one is not a right, but guessing is out of the question
	participantIDLength = 12 // as IVS writes them
	sessionIDLength     = 13 // after "st-"
	resourceIDLength    = 22 // 131 bits: it is part of a URL that acts on a connection
)

// alphabet is safe in URLs, ARNs, SQL, bus subjects and SDP.
const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// randomID returns length random characters of alphabet, each as likely as any other.
func randomID(length int) string {
	id := make([]byte, 0, length)
	var random [32]byte
	for {
		rand.Read(random[:]) // never fails: the program ends instead
		for _, b := range random {
			// 248 is the largest multiple of 62 in a byte; taking more would favour the first letters.
			if b >= 248 {
				continue
			}
			if id = append(id, alphabet[b%62]); len(id) == length {
				return string(id)
			}
		}
	}
}

var (
	participantPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	clientPattern      = regexp.MustCompile(`^[A-Za-z0-9_-]{8,64}$`)
	namePattern        = regexp.MustCompile(`^[A-Za-z0-9_-]{0,128}$`)
	stagePattern       = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
)
