package srtp

import (
	"errors"
	"fmt"
)

// Profile is an SRTP protection profile; its value is the one that DTLS negotiates in the use_srtp extension.
type Profile uint16

const (
	// AES128CMHMACSHA180 is SRTP_AES128_CM_HMAC_SHA1_80, which every WebRTC client must offer. // RFC 5764 4.1.2
	AES128CMHMACSHA180 Profile = 0x0001
	// AEADAES128GCM is SRTP_AEAD_AES_128_GCM, several times cheaper and therefore preferred. // RFC 7714 14.2
	AEADAES128GCM Profile = 0x0007
)

// ExporterLabel is the label under which DTLS exports the keying material that Split takes, with no context. // RFC 5764 4.2
const ExporterLabel = "EXTRACTOR-dtls_srtp"

// keyLen is the length of a master key, and of a session key for encryption, of both profiles.
const keyLen = 16

// ErrProfile says that a profile is none of the two that this package implements.
var ErrProfile = errors.New("unknown SRTP protection profile")

// MasterKey is what the two directions of a DTLS-SRTP session each get one of.
type MasterKey struct {
	Key [keyLen]byte
	// Salt is used up to the length of the profile's salt.
	Salt [14]byte
}

// String names the profile as the registry of DTLS-SRTP protection profiles does.
func (p Profile) String() string {
	switch p {
	case AES128CMHMACSHA180:
		return "SRTP_AES128_CM_HMAC_SHA1_80"
	case AEADAES128GCM:
		return "SRTP_AEAD_AES_128_GCM"
	}
	return fmt.Sprintf("SRTP protection profile 0x%04x", uint16(p))
}

// Overhead is how many bytes an SRTP packet is longer than the RTP packet in it, 0 for an unknown profile.
func (p Profile) Overhead() int {
	switch p {
	case AES128CMHMACSHA180:
		return cmTagLen
	case AEADAES128GCM:
		return gcmTagLen
	}
	return 0
}

// ControlOverhead is how many bytes an SRTCP packet is longer than the compound RTCP packet in it, 0 for an unknown profile.
func (p Profile) ControlOverhead() int {
	if n := p.Overhead(); n > 0 {
		return n + indexLen
	}
	return 0
}

// saltLen is the length of the master salt and of session salts.
func (p Profile) saltLen() int {
	switch p {
	case AES128CMHMACSHA180:
		return 14 // RFC 3711 8.2
	case AEADAES128GCM:
		return 12 // RFC 7714 12
	}
	return 0
}

// MaterialLen is how many bytes of keying material the two directions need together, 0 for an unknown profile.
func (p Profile) MaterialLen() int {
	if p.saltLen() == 0 {
		return 0
	}
	return 2 * (keyLen + p.saltLen())
}

// Split divides the keying material that DTLS exported: what the client of the handshake protects with, and what the server does. The
// order is both keys, then both salts. // RFC 5764 4.2
func (p Profile) Split(material []byte) (client, server MasterKey, err error) {
	if p.MaterialLen() == 0 {
		return client, server, fmt.Errorf("split keying material for %v: %w", p, ErrProfile)
	}
	if len(material) != p.MaterialLen() {
		return client, server, fmt.Errorf("split keying material for %v: %d bytes, want %d", p, len(material), p.MaterialLen())
	}
	copy(client.Key[:], material)
	copy(server.Key[:], material[keyLen:])
	salts := material[2*keyLen:]
	copy(client.Salt[:], salts[:p.saltLen()])
	copy(server.Salt[:], salts[p.saltLen():])
	return client, server, nil
}
