// Package transport is WebRTC for those who are only sent to: ICE, DTLS and SRTP for thousands of viewers over a few UDP sockets, without
// a goroutine or a timer for any of them once they are connected.
//
// # Sockets
//
// Every local address has one UDP socket for each shard, all on the same port (SO_REUSEPORT). Each socket has one goroutine that
// receives in batches and looks at what it got (RFC 7983): a connectivity check whose user name begins with the fragment of a Peer,
// and everything from an address that a Peer's checks came from, belongs to that Peer. All else goes to the net.PacketConn of that local
// address (PublisherConns), which an ICE implementation for publishers reads from: so everybody shares one port.
//
//	                     ┌ check, response ──▶ Peer: ICE
//	socket ─▶ receive ───┼ DTLS ─────────────▶ Peer: handshake (pion/dtls, with goroutines, until it is done)
//	                     ├ SRTCP ────────────▶ Peer: opened, Callbacks.Feedback
//	                     └ all else ─────────▶ PublisherConn
//	Peer.AppendRTP ─▶ sealed in the arena of a Batch ─▶ Batch.Flush ─▶ one message for each Peer and burst
//
// # ICE
//
// A Peer answers checks and never begins: it is the controlled side (RFC 8445) and every client can reach its addresses. It is not
// lite, though. Each check from an address that has not proven to be the client's is followed by one of the Peer's own: clients connect
// sooner by it, and nobody can direct media at an address that does not answer. Media goes to the address that the client
// nominated last and that answered; when that one is silent and another one is not, it follows (a NAT gave the client a new port). Whoever
// has sent nothing authentic for Config.Silence is gone; before, it is asked a few times (in the sense of RFC 7675: an authentic answer of
// any kind is consent).
//
// # DTLS
//
// The client begins the handshake (a=setup:passive in the answer). When it is done, three things remain of it: the SRTP keys, the
// datagram with the last flight, which is repeated for a client that has not got it, and one with a sealed close_notify, which Close sends.
// A goodbye of the client's cannot be read any more: whatever looks like one makes the Peer ask, and end when there is no answer.
//
// # Numbers
//
// One Peer sends any number of SSRCs under one key. The caller numbers the packets of each and hands in the 48-bit index, whose low 16
// bits are the sequence number in the header. It must never hand in two packets with different bytes under one SSRC and index.
//
// # Concurrency and locks
//
// Append methods of one Peer must not be called at the same time, nor those of one Batch; everything else may. Callbacks are called
// without any lock held. A Peer's lock is taken before a shard's, a socket's, the list's of fragments or the admission's, which
// hold nothing else. Transport.Close waits for every goroutine and callback.
package transport
