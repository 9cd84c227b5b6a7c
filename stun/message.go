package stun

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/binary"
	"hash/crc32"
	"net/netip"
)

// TransactionID tells which request a response answers.
type TransactionID [12]byte

// NewTransactionID makes an identifier that nobody can guess, as an answer must prove that its sender saw the request.
func NewTransactionID() (id TransactionID) {
	rand.Read(id[:]) // never fails
	return id
}

// Message is a Binding message as it was parsed. What has variable length refers to the memory of the datagram.
type Message struct {
	TransactionID TransactionID
	// Username is the two ICE fragments, receiver's first, with a colon between them; empty in responses.
	Username []byte
	// TieBreaker is the number that comes with the role. It is zero without a role.
	TieBreaker uint64
	// Mapped is the address that the other side saw a request come from; invalid if the message does not say. // RFC 8489 14.2
	Mapped netip.AddrPort
	// Priority is what a peer-reflexive candidate learned from the request shall have, 0 if the message does not say.
	Priority uint32
	// ErrorCode is 300 to 699 in an error response and else 0.
	ErrorCode int

	class   class
	flags   flags
	unknown [maxUnknown]Attribute
	// unknownCount is how many of them there are; further ones are only known to be there.
	unknownCount uint8
	datagram     []byte
	integrity    int // where the attribute MESSAGE-INTEGRITY begins, 0 without
}

// maxUnknown is how many unknown attributes an error response names at most.
const maxUnknown = 8

type flags uint8

const (
	hasRole flags = 1 << iota
	hasControlling
	hasUseCandidate
	hasFingerprint
	hasPriority
)

// IsRequest says whether the message is a request, which wants an answer.
func (m *Message) IsRequest() bool { return m.class == classRequest }

// IsIndication says whether the message is an indication, which only keeps a binding alive.
func (m *Message) IsIndication() bool { return m.class == classIndication }

// IsSuccess says whether the message is a success response.
func (m *Message) IsSuccess() bool { return m.class == classSuccess }

// IsError says whether the message is an error response.
func (m *Message) IsError() bool { return m.class == classError }

// HasRole says whether the sender told its ICE role, as every check does.
func (m *Message) HasRole() bool { return m.flags&hasRole != 0 }

// Controlling says whether the sender has the controlling role.
func (m *Message) Controlling() bool { return m.flags&hasControlling != 0 }

// UseCandidate says whether the sender nominates the pair that the check was sent over.
func (m *Message) UseCandidate() bool { return m.flags&hasUseCandidate != 0 }

// HasFingerprint says whether the message carries a checksum. It was right then, or Parse would have failed.
func (m *Message) HasFingerprint() bool { return m.flags&hasFingerprint != 0 }

// HasPriority says whether Priority was in the message.
func (m *Message) HasPriority() bool { return m.flags&hasPriority != 0 }

// HasIntegrity says whether the message carries an integrity code, which says nothing until Authentic has checked it.
func (m *Message) HasIntegrity() bool { return m.integrity != 0 }

// Unknown returns the first few attributes that the message demands to be understood and that are not, for an answer with code 420; empty
// if there is none. It is a part of m.
func (m *Message) Unknown() []Attribute { return m.unknown[:m.unknownCount] }

// LocalFragment returns the ICE user fragment of the agent that a request was sent to, which finds the session; empty without one.
// // RFC 8445 7.2.2
func (m *Message) LocalFragment() []byte {
	local, _, ok := bytes.Cut(m.Username, []byte{':'})
	if !ok {
		return nil
	}
	return local
}

// Parse reads a datagram that is one Binding message. Attributes that occur twice count once, and those behind the integrity code, except
// the fingerprint, not at all. // RFC 8489 6.3, 14
//
// The error is ErrNotSTUN, ErrMethod, ErrFingerprint or ErrMalformed. After ErrMalformed m.IsRequest and m.TransactionID hold what a
// refusal needs.
func Parse(datagram []byte, m *Message) error {
	*m = Message{}
	if len(datagram) < headerLen || len(datagram) > maxMessage || datagram[0] > 3 ||
		binary.BigEndian.Uint32(datagram[4:]) != magicCookie ||
		int(binary.BigEndian.Uint16(datagram[2:])) != len(datagram)-headerLen || len(datagram)%4 != 0 {
		return ErrNotSTUN
	}
	switch c := class(binary.BigEndian.Uint16(datagram)); c {
	case classRequest, classIndication, classSuccess, classError:
		m.class = c
	default:
		return ErrMethod
	}
	m.datagram = datagram
	copy(m.TransactionID[:], datagram[8:])

	for at := headerLen; at < len(datagram); {
		// The header of an attribute always fits: everything is a multiple of four bytes.
		kind, length := Attribute(binary.BigEndian.Uint16(datagram[at:])), int(binary.BigEndian.Uint16(datagram[at+2:]))
		next := at + 4 + (length+3)&^3
		if next > len(datagram) {
			return ErrMalformed
		}
		value := datagram[at+4 : at+4+length]
		switch {
		case kind == attrFingerprint:
			if next != len(datagram) || length != fingerprintLen {
				return ErrMalformed
			}
			if binary.BigEndian.Uint32(value) != checksum(datagram[:at]) {
				return ErrFingerprint
			}
			m.flags |= hasFingerprint
		case m.integrity != 0: // not covered, so not believed
		case kind == attrIntegrity:
			if length != integrityLen {
				return ErrMalformed
			}
			m.integrity = at
		default:
			if !m.attribute(kind, value) {
				return ErrMalformed
			}
		}
		at = next
	}
	return nil
}

// attribute takes in what is covered by the integrity code. It returns false for what has a wrong form.
func (m *Message) attribute(kind Attribute, value []byte) bool {
	switch kind {
	case attrUsername:
		if len(value) > maxUsername {
			return false
		}
		if m.Username == nil {
			m.Username = value
		}
	case attrPriority:
		if len(value) != 4 {
			return false
		}
		if m.flags&hasPriority == 0 {
			m.Priority = binary.BigEndian.Uint32(value)
			m.flags |= hasPriority
		}
	case attrUseCandidate:
		if len(value) != 0 {
			return false
		}
		m.flags |= hasUseCandidate
	case attrControlled, attrControlling:
		if len(value) != 8 {
			return false
		}
		if m.flags&hasRole == 0 {
			m.TieBreaker = binary.BigEndian.Uint64(value)
			m.flags |= hasRole
			if kind == attrControlling {
				m.flags |= hasControlling
			}
		}
	case attrXORMappedAddress:
		mapped, ok := readAddress(value, &m.TransactionID)
		if !ok {
			return false
		}
		if !m.Mapped.IsValid() {
			m.Mapped = mapped
		}
	case attrErrorCode:
		if len(value) < 4 || len(value) > 4+maxReason {
			return false
		}
		hundreds, rest := int(value[2]&7), int(value[3])
		if hundreds < 3 || hundreds > 6 || rest > 99 { // RFC 8489 14.8
			return false
		}
		if m.ErrorCode == 0 {
			m.ErrorCode = 100*hundreds + rest
		}
	case attrUnknownAttributes: // says what we sent, which we know
	default:
		if kind < 0x8000 && int(m.unknownCount) < len(m.unknown) {
			m.unknown[m.unknownCount] = kind
			m.unknownCount++
		}
	}
	return true
}

// readAddress undoes the masking with the magic cookie and, for IPv6, the transaction. // RFC 8489 14.2
func readAddress(value []byte, id *TransactionID) (netip.AddrPort, bool) {
	if len(value) != 8 && len(value) != 20 {
		return netip.AddrPort{}, false
	}
	port := binary.BigEndian.Uint16(value[2:]) ^ magicCookie>>16
	var mask, plain [16]byte
	addressMask(&mask, id)
	subtle.XORBytes(plain[:], mask[:], value[4:])
	switch family := value[1]; {
	case family == familyIPv4 && len(value) == 8:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(plain[:4])), port), true
	case family == familyIPv6 && len(value) == 20:
		return netip.AddrPortFrom(netip.AddrFrom16(plain), port), true
	}
	return netip.AddrPort{}, false
}

func addressMask(mask *[16]byte, id *TransactionID) {
	binary.BigEndian.PutUint32(mask[:], magicCookie)
	copy(mask[4:], id[:])
}

// Authentic says whether the integrity code of the message was made with a password: the own one for requests and indications, the other
// side's for responses. // RFC 8489 9.1.3, RFC 8445 7.2.2
func (m *Message) Authentic(password string) bool {
	if m.integrity == 0 || password == "" {
		return false
	}
	want := integrity(m.datagram[:m.integrity], password)
	return hmac.Equal(want[:], m.datagram[m.integrity+4:m.integrity+4+integrityLen])
}

// integrity computes the code for a message that ends where the attribute begins, whose length counts the attribute in. // RFC 8489 14.5
//
// It is HMAC-SHA1 spelled out: the one of the standard library allocates two hashes for each key, and there are as many keys as viewers.
func integrity(message []byte, password string) [sha1.Size]byte {
	var inner [sha1.BlockSize + maxMessage]byte
	var outer [sha1.BlockSize + sha1.Size]byte
	if len(password) > sha1.BlockSize {
		sum := sha1.Sum([]byte(password))
		copy(inner[:], sum[:])
	} else {
		copy(inner[:], password)
	}
	for i := range sha1.BlockSize {
		outer[i] = inner[i] ^ 0x5c
		inner[i] ^= 0x36
	}
	n := sha1.BlockSize + copy(inner[sha1.BlockSize:], message)
	binary.BigEndian.PutUint16(inner[sha1.BlockSize+2:], uint16(len(message)-headerLen+4+integrityLen))
	sum := sha1.Sum(inner[:n])
	copy(outer[sha1.BlockSize:], sum[:])
	return sha1.Sum(outer[:])
}

// checksum is the value of FINGERPRINT for what precedes it, whose length counts the attribute in. // RFC 8489 14.7
func checksum(message []byte) uint32 {
	return crc32.ChecksumIEEE(message) ^ fingerprintMask
}
