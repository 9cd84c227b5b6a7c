// Package seqmap rewrites sequence numbers and timestamps so that one outgoing RTP stream goes on without a break while what
// feeds it changes.
//
// An outgoing stream is a row of segments. In each, packets of one source are forwarded with a constant offset, so a packet
// the source lost is a hole at the same place of the outgoing stream and can be repaired there. A new segment begins where
// the last one ended, with the next number. The map remembers the latest segments and so finds, for a number that a receiver
// misses, the source and the number that the packet had there.
//
// Sources are named by any comparable value; their numbers are extended (see packetcache), so they never wrap here. A Map is not safe for
// concurrent use.
package seqmap
