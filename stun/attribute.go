package stun

import "errors"

// class is the class of a Binding message, as it stands in the first two bytes. // RFC 8489 5
type class uint16

const (
	classRequest    class = 0x0001
	classIndication class = 0x0011
	classSuccess    class = 0x0101
	classError      class = 0x0111
)

const (
	headerLen   = 20
	magicCookie = 0x2112A442
	// fingerprintMask keeps a CRC-32 of another protocol in the same place from being taken for a FINGERPRINT. // RFC 8489 14.7
	fingerprintMask = 0x5354554e
	integrityLen    = 20
	fingerprintLen  = 4
	// maxMessage bounds what Parse looks at. A check has about 100 bytes, and none may need fragments. // RFC 8489 6.1
	maxMessage = 1280
	// maxUsername and maxReason bound what Parse accepts. // RFC 8489 14.3, 14.8
	maxUsername = 508
	maxReason   = 763
)

// Attribute is the type of an attribute. Those below 0x8000 must be understood. // RFC 8489 14
type Attribute uint16

const (
	attrUsername          Attribute = 0x0006
	attrIntegrity         Attribute = 0x0008
	attrErrorCode         Attribute = 0x0009
	attrUnknownAttributes Attribute = 0x000A
	attrXORMappedAddress  Attribute = 0x0020
	attrPriority          Attribute = 0x0024 // RFC 8445 16.1
	attrUseCandidate      Attribute = 0x0025
	attrFingerprint       Attribute = 0x8028
	attrControlled        Attribute = 0x8029
	attrControlling       Attribute = 0x802A
)

// The address families of XOR-MAPPED-ADDRESS. // RFC 8489 14.1
const (
	familyIPv4 = 1
	familyIPv6 = 2
)

var (
	// ErrNotSTUN says that a datagram is no STUN message: another first byte, no magic cookie, or a length that is not its own.
	ErrNotSTUN = errors.New("not a STUN message")
	// ErrMethod says that a STUN message is none of the four Binding messages.
	ErrMethod = errors.New("not a Binding message")
	// ErrMalformed says that an attribute does not fit into the message, or has a wrong length or content. It is answered with BadRequest,
	// or not at all.
	ErrMalformed = errors.New("malformed STUN attribute")
	// ErrFingerprint says that the checksum of a message is wrong.
	ErrFingerprint = errors.New("wrong STUN fingerprint")
)
