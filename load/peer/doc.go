// Package peer is a WebRTC client for a load test: thousands of connections in one process, at the least cost for each packet, all with the
// protocols as a browser speaks them.
//
//	Offer ──signal──▶ answer ──▶ checks (stun) ──▶ DTLS handshake (pion/dtls) ──▶ keys ──▶ Handler
//	datagram ──Loop──▶ Classify ──▶ RTP: Handler.RTP, with a peep into the payload
//	                              ├▶ RTCP: opened, Handler.RTCP
//	                              └▶ checks of the server: answered
//
// [Pool.Dial] makes a connection. While it does, the connection has the goroutines of the caller and of the handshake; after it, none: a
// [Loop] receives for all its connections, calls their handlers, and ticks them, ten times a second each. Every connection has a socket of
// its own, because a server tells clients apart by their addresses.
//
// Packets are not decrypted as a rule. [Conn.Peek] makes the first bytes of a payload readable without authenticating them, for the price of
// three AES blocks; [Conn.Open] authenticates the whole packet, where one was received as a whole: the loop takes only the first [Glimpse] bytes
// of most datagrams from the kernel.
//
// Invariants: the methods of a Handler, and all methods of a Conn but SendRTP, SendRTCP, Repeat and Close, are called in the goroutine of the
// connection's loop. SendRTP and SendRTCP are called by one goroutine, whichever. Nothing blocks in a loop.
package peer
