package codec

import "encoding/binary"

// NAL unit types, ITU-T H.264 table 7-1 and RFC 6184 table 1.
const (
	nalIDR   = 5
	nalSPS   = 7
	nalSTAPA = 24
	nalFUA   = 28
	nalType  = 0x1f
)

// H264KeyframeStart says whether payload may be the first packet of an H.264 keyframe: it holds a sequence parameter set or
// the beginning of an IDR slice. An encoder that sends the parameter sets in packets of their own makes more than one such packet for
// a keyframe; the first of a timestamp is the start.
func H264KeyframeStart(payload []byte) bool {
	start := false
	eachNAL(payload, func(kind byte, _ []byte) bool {
		start = kind == nalSPS || kind == nalIDR
		return !start
	})
	return start
}

// H264Dimensions returns the size of the picture when payload holds a whole sequence parameter set.
func H264Dimensions(payload []byte) (width, height int, ok bool) {
	eachNAL(payload, func(kind byte, unit []byte) bool {
		if kind == nalSPS && payload[0]&nalType != nalFUA {
			width, height, ok = spsDimensions(unit)
		}
		return !ok
	})
	return width, height, ok
}

// eachNAL calls visit for every NAL unit that begins in payload, with what the packet holds of it, header included, until visit
// returns false. The first byte of a fragmented unit is missing from the slice: its header travels beside it.
func eachNAL(payload []byte, visit func(kind byte, unit []byte) bool) {
	if len(payload) == 0 {
		return
	}
	switch kind := payload[0] & nalType; kind {
	case nalSTAPA:
		for rest := payload[1:]; len(rest) > 2; {
			size := int(binary.BigEndian.Uint16(rest))
			rest = rest[2:]
			if size == 0 || size > len(rest) {
				return
			}
			if !visit(rest[0]&nalType, rest[:size]) {
				return
			}
			rest = rest[size:]
		}
	case nalFUA:
		if len(payload) >= 2 && payload[1]&0x80 != 0 { // the start bit
			visit(payload[1]&nalType, payload[2:])
		}
	default:
		if kind > 0 && kind < nalSTAPA {
			visit(kind, payload)
		}
	}
}
