package stun

// Protocol is what a datagram on a socket of WebRTC may be.
type Protocol uint8

const (
	// Unknown is everything that a WebRTC server does not understand: ZRTP, TURN channel data, noise.
	Unknown Protocol = iota
	// STUN datagrams are connectivity checks.
	STUN
	// DTLS datagrams are handshakes, and data channels.
	DTLS
	// RTP datagrams are media, protected as SRTP.
	RTP
	// RTCP datagrams are reports and feedback, protected as SRTCP.
	RTCP
)

// Classify tells the protocol of a datagram by its first two bytes. It says nothing about the rest being valid. // RFC 7983 7
func Classify(datagram []byte) Protocol {
	if len(datagram) < 2 {
		return Unknown
	}
	switch first := datagram[0]; {
	case first <= 3:
		return STUN
	case first >= 20 && first <= 63:
		return DTLS
	case first >= 128 && first <= 191:
		// Payload types 64 to 95 are not used for RTP where RTCP shares the port. // RFC 5761 4
		if packetType := datagram[1]; packetType >= 192 && packetType <= 223 {
			return RTCP
		}
		return RTP
	}
	return Unknown
}
