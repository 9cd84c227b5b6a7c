// Package packetcache holds the newest RTP packets of one layer in a ring.
//
// There is one cache for a layer, whoever reads it: fan-out, retransmission, late joiners. One goroutine stores, any number
// load. A packet is named by its extended sequence number: the 16 bits on the wire and, above them, how often they have
// wrapped. A packet that comes late goes where it belongs, so readers never see the order of arrival.
//
// Invariants: what Load returns was stored under exactly that number; a packet is kept until a packet capacity numbers
// newer is stored; once every place of the ring has been used, neither Store nor Load allocates.
package packetcache
