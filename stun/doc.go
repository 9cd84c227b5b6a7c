// Package stun has the part of STUN (RFC 8489) that an ICE agent with public addresses needs: it reads Binding messages of the
// other side's connectivity checks, answers them, and writes checks of its own (RFC 8445). It also tells STUN, DTLS, RTP and RTCP
// apart, which share one socket (RFC 7983, RFC 5761).
//
//	datagram ──Classify──▶ STUN, DTLS, RTP or RTCP
//	STUN ──Parse──▶ Message ──LocalFragment──▶ whose check it is ──Responder.Answer──▶ datagram
//	AppendRequest ──▶ datagram, whose answer comes back through Parse and is checked by Authentic
//
// It keeps no state but a role: transactions, retransmission, candidates and consent (RFC 7675) belong to the caller. Everything is
// written behind what a caller's buffer holds, a Message refers to the memory of its datagram, and nothing allocates while passwords have
// up to 64 characters and buffers have room. All input is hostile: Parse accepts only what is well formed to the last byte, in time that
// is linear in its length. ICE bounds fragments and passwords to 256 characters (RFC 8839 5.4); whoever takes them out of SDP checks that.
//
// Left out, because ICE has no use for it: long-term credentials, MESSAGE-INTEGRITY-SHA256 (a request with it and nothing else is
// refused like one with any unknown attribute), methods other than Binding, and STUN over TCP without the framing of RFC 4571.
package stun
