package codec

// VP8KeyframeStart says whether payload is the first packet of a VP8 keyframe.
func VP8KeyframeStart(payload []byte) bool {
	frame, ok := vp8FrameStart(payload)
	return ok && len(frame) > 0 && frame[0]&1 == 0 // RFC 6386 9.1: the inverse key frame flag
}

// VP8Dimensions returns the size of the picture from the first packet of a keyframe.
func VP8Dimensions(payload []byte) (width, height int, ok bool) {
	frame, ok := vp8FrameStart(payload)
	// RFC 6386 9.1: three bytes of frame tag, the start code, then two 14-bit dimensions with two bits of scaling each.
	if !ok || len(frame) < 10 || frame[0]&1 != 0 || frame[3] != 0x9d || frame[4] != 0x01 || frame[5] != 0x2a {
		return 0, 0, false
	}
	width = int(frame[6]) | int(frame[7]&0x3f)<<8
	height = int(frame[8]) | int(frame[9]&0x3f)<<8
	return width, height, width > 0 && height > 0
}

// vp8FrameStart returns what follows the payload descriptor (RFC 7741 4.2) when a frame begins there.
func vp8FrameStart(payload []byte) ([]byte, bool) {
	if len(payload) < 1 {
		return nil, false
	}
	const extended, start, partition = 0x80, 0x10, 0x07
	if payload[0]&start == 0 || payload[0]&partition != 0 {
		return nil, false
	}
	at := 1
	if payload[0]&extended != 0 {
		if len(payload) < 2 {
			return nil, false
		}
		flags := payload[1]
		at = 2
		if flags&0x80 != 0 { // picture id, one byte or two
			if len(payload) <= at {
				return nil, false
			}
			if payload[at]&0x80 != 0 {
				at++
			}
			at++
		}
		if flags&0x40 != 0 { // TL0PICIDX
			at++
		}
		if flags&0x30 != 0 { // TID or KEYIDX
			at++
		}
	}
	if len(payload) < at {
		return nil, false
	}
	return payload[at:], true
}
