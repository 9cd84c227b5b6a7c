// Package load drives a server of stages with real WebRTC sessions and says what that costs: it publishes hosts, connects viewers, and
// measures what arrives, how late, and what the server's process used for it. It is how the claims of docs/performance.md are made;
// docs/load.md tells how to read what it says.
//
//	Config ──Run──▶ hosts ──▶ ramp ──▶ windows (or a search) ──▶ probes ──▶ Report
//	                 │                    ▲
//	  footage ──▶ host.play ──▶ server ──▶ peer.Loop ──▶ viewer.RTP ──▶ meter
//
// A host is a goroutine that sends in real time. A viewer is none: its packets are counted by the loop that receives them, in the [meter] of
// that loop, and only the header and the first bytes of a packet are looked at. A window is the difference between two readings of
// all meters, of the server's process and of the machine.
//
// Loss is told in two ways. Holes are numbers that a viewer never saw. Omissions are packets that the host sent and the viewer did not get, by
// the marks in the packets, whether or not the server closed the gap in the numbers. A viewer that gets nothing at all has neither,
// and is counted as stalled.
//
// Latency is from right before a frame is sent to when the kernel received the packet, both by this machine's clock.
//
// Goroutines: Run waits for all that it starts. Lock order: test.mu, then nothing; source.mu, then the socket's.
package load
