package stun

import (
	"crypto/subtle"
	"encoding/binary"
	"net/netip"
)

// Code is an error code of an error response.
type Code uint16

const (
	// BadRequest answers a request that is malformed or lacks what a check must have.
	BadRequest Code = 400 // RFC 8489 9.1.3
	// Unauthenticated answers a request whose username is not known or whose integrity code is wrong.
	Unauthenticated Code = 401 // RFC 8489 9.1.3
	// UnknownAttribute answers a request with attributes that must be understood and are not; it names them.
	UnknownAttribute Code = 420 // RFC 8489 6.3.1
	// RoleConflict answers a check of an agent that has the role of this one and shall change it.
	RoleConflict Code = 487 // RFC 8445 7.3.1.1
)

// reason is the phrase that RFC 8489 14.8 gives for a code, or RFC 8445 16.2.
func (c Code) reason() string {
	switch c {
	case BadRequest:
		return "Bad Request"
	case Unauthenticated:
		return "Unauthenticated"
	case UnknownAttribute:
		return "Unknown Attribute"
	case RoleConflict:
		return "Role Conflict"
	}
	return ""
}

// AppendSuccess appends to dst the success response to a request: where it was seen to come from, authenticated with the own password and
// with a fingerprint. An IPv4 address that was mapped to IPv6 is written as what it is.
func AppendSuccess(dst []byte, id TransactionID, from netip.AddrPort, password string) []byte {
	w := begin(dst, classSuccess, id)
	w.address(from)
	return w.end(password)
}

// AppendError appends to dst the error response to a request, with a fingerprint. It is authenticated unless password is empty, as it is
// to be for 400 and 401. The attributes are those that UnknownAttribute names. // RFC 8489 9.1.3
func AppendError(dst []byte, id TransactionID, code Code, password string, unknown ...Attribute) []byte {
	w := begin(dst, classError, id)
	reason := code.reason()
	w.attribute(attrErrorCode, 4+len(reason))
	w.b = append(w.b, 0, 0, byte(code/100), byte(code%100))
	w.b = append(w.b, reason...)
	w.pad()
	if len(unknown) > 0 {
		w.attribute(attrUnknownAttributes, 2*len(unknown))
		for _, kind := range unknown {
			w.b = binary.BigEndian.AppendUint16(w.b, uint16(kind))
		}
		w.pad()
	}
	return w.end(password)
}

// Check is a Binding request of the own side: a connectivity check, or one for consent.
type Check struct {
	TransactionID TransactionID
	// RemoteFragment and RemotePassword are the credentials of the agent that is checked, LocalFragment the own.
	RemoteFragment, LocalFragment, RemotePassword string
	// Priority is the one that a peer-reflexive candidate on the own side would have. // RFC 8445 7.1.1
	Priority uint32
	// TieBreaker goes with the role, which is Controlling or controlled.
	TieBreaker  uint64
	Controlling bool
	// UseCandidate nominates the pair. Only a controlling agent does that.
	UseCandidate bool
}

// AppendRequest appends to dst the request of a check. // RFC 8445 7.2.2
func AppendRequest(dst []byte, c *Check) []byte {
	w := begin(dst, classRequest, c.TransactionID)
	w.attribute(attrUsername, len(c.RemoteFragment)+1+len(c.LocalFragment))
	w.b = append(w.b, c.RemoteFragment...)
	w.b = append(w.b, ':')
	w.b = append(w.b, c.LocalFragment...)
	w.pad()
	w.attribute(attrPriority, 4)
	w.b = binary.BigEndian.AppendUint32(w.b, c.Priority)
	role := attrControlled
	if c.Controlling {
		role = attrControlling
	}
	w.attribute(role, 8)
	w.b = binary.BigEndian.AppendUint64(w.b, c.TieBreaker)
	if c.UseCandidate {
		w.attribute(attrUseCandidate, 0)
	}
	return w.end(c.RemotePassword)
}

// AppendIndication appends to dst a Binding indication, which keeps a binding of a NAT alive and asks for nothing. // RFC 8445 11
func AppendIndication(dst []byte, id TransactionID) []byte {
	w := begin(dst, classIndication, id)
	return w.end("")
}

// writer is a message under way in a buffer that may hold other things before it.
type writer struct {
	b     []byte
	start int
}

func begin(dst []byte, c class, id TransactionID) writer {
	w := writer{b: dst, start: len(dst)}
	w.b = binary.BigEndian.AppendUint16(w.b, uint16(c))
	w.b = append(w.b, 0, 0) // the length
	w.b = binary.BigEndian.AppendUint32(w.b, magicCookie)
	w.b = append(w.b, id[:]...)
	return w
}

// attribute begins one whose value has a length.
func (w *writer) attribute(kind Attribute, length int) {
	w.b = binary.BigEndian.AppendUint16(w.b, uint16(kind))
	w.b = binary.BigEndian.AppendUint16(w.b, uint16(length))
}

func (w *writer) pad() {
	for (len(w.b)-w.start)%4 != 0 {
		w.b = append(w.b, 0)
	}
}

// address writes XOR-MAPPED-ADDRESS. // RFC 8489 14.2
func (w *writer) address(from netip.AddrPort) {
	var mask, plain [16]byte
	addressMask(&mask, (*TransactionID)(w.b[w.start+8:]))
	family, length := byte(familyIPv4), 4
	if addr := from.Addr().Unmap(); addr.Is4() {
		v4 := addr.As4()
		copy(plain[:], v4[:])
	} else {
		family, length = familyIPv6, 16
		plain = addr.As16()
	}
	subtle.XORBytes(plain[:], plain[:], mask[:])
	w.attribute(attrXORMappedAddress, 4+length)
	w.b = append(w.b, 0, family)
	w.b = binary.BigEndian.AppendUint16(w.b, from.Port()^magicCookie>>16)
	w.b = append(w.b, plain[:length]...)
}

// end adds the integrity code, if there is a password, and the fingerprint.
func (w *writer) end(password string) []byte {
	if password != "" {
		code := integrity(w.b[w.start:], password)
		w.attribute(attrIntegrity, integrityLen)
		w.b = append(w.b, code[:]...)
	}
	binary.BigEndian.PutUint16(w.b[w.start+2:], uint16(len(w.b)-w.start-headerLen+4+fingerprintLen))
	sum := checksum(w.b[w.start:])
	w.attribute(attrFingerprint, fingerprintLen)
	w.b = binary.BigEndian.AppendUint32(w.b, sum)
	return w.b
}
