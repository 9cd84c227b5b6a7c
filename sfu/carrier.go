package sfu

import (
	"streamcat/stage"
	"streamcat/transport"
)

// carrier takes media to one subscriber: a transport.Peer. A downlink decides what is sent, a carrier how: it encrypts and queues, and knows
// nothing of slots, publishers and keyframes.
//
// Both methods are called with the downlink's lock held, one at a time, and do not block: a packet that cannot be sent now is
// lost. When they return nothing of their arguments is kept; the packet leaves when the batch is flushed.
type carrier interface {
	AppendRTP(batch *transport.Batch, header, payload []byte, index uint64) error
	AppendRTCP(batch *transport.Batch, packet []byte) error
}

// section is what was agreed for one media section.
type section struct {
	kind  stage.Kind
	slot  int // counted among the sections of its kind
	ssrc  uint32
	rtx   uint32 // 0: repeat lost packets on the stream itself
	types payloadTypes
}
