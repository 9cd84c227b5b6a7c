// Package srtp protects the media that leaves for one viewer and opens the feedback that comes back: SRTP and SRTCP with keys from a
// DTLS handshake (RFC 3711, RFC 5764, RFC 7714).
//
// It is the half of SRTP that a server needs which sends the same pictures to many: the payload of a packet is shared between all
// viewers and only ever read, the header is the viewer's own, and the protected packet is appended to a buffer the caller owns, which is
// where the kernel reads it from. One Sender holds the keys of one viewer for one direction and serves all SSRCs sent under them; how
// often a sequence number has wrapped is known to whoever numbers the packets, so the caller gives the whole 48-bit packet index and
// nothing is remembered here per SSRC.
//
//	DTLS exporter ──Split──▶ MasterKey (client's), MasterKey (server's)
//	header + shared payload + index ──Sender.SealRTP──▶ SRTP packet in the caller's arena
//	sender report ──Sender.SealRTCP──▶ SRTCP packet
//	datagram ──Receiver.OpenRTCP──▶ compound RTCP packet, in the same memory
//
// Invariants: what is sealed is never modified, unless the caller asks for sealing in place by handing over the very memory it is sealed
// into; nothing is returned by OpenRTCP that was not authenticated, and nothing twice. One index must never be sealed twice with
// different content under one SSRC: with AES-GCM that gives the key away (RFC 7714 8.1). A repaired packet therefore goes out in an
// RTX stream with numbers of its own, or as the same bytes.
//
// Cost: sealing with AEAD_AES_128_GCM allocates nothing. With AES_CM_128_HMAC_SHA1_80 a packet with more than [shortKeystream] bytes of
// payload allocates 512 bytes for the key stream of the standard library, which is less than half the time of going block by block.
//
// Neither Sender nor Receiver is safe for concurrent use, and there are no locks: a viewer belongs to one goroutine.
package srtp
