package sfu

import (
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"streamcat/stage"
)

// transport carries media to one subscriber. A downlink decides what is sent, a transport how: it encrypts and sends, and knows nothing of
// slots, publishers and keyframes.
//
// Both methods are called with the downlink's lock held, one at a time, and must not block: a packet that cannot be sent now is
// lost. When they return nothing of their arguments is kept, and the packet is out: Apply relies on it.
type transport interface {
	writeRTP(section int, header *rtp.Header, payload []byte) error
	writeRTCP(packets []rtcp.Packet) error
}

// section is what a transport has agreed for one media section.
type section struct {
	kind  stage.Kind
	slot  int // counted among the sections of its kind
	ssrc  uint32
	rtx   uint32 // 0: repeat lost packets on the stream itself
	types payloadTypes
}
