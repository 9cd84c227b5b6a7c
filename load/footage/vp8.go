package footage

// vp8 has the headers of a stream and nothing that decodes.
type vp8 struct {
	shelf
	key, other int
	size       Size
	picture    uint16
}

// NewVP8 makes a synthetic stream of a rate, with a keyframe every interval frames on average.
func NewVP8(size Size, bitsPerSecond int, framesPerSecond float64, interval int) Video {
	v := &vp8{size: size}
	v.key, v.other = frameSizes(bitsPerSecond, framesPerSecond, interval)
	return v
}

func (v *vp8) Codec() string  { return "VP8/90000" }
func (v *vp8) Format() string { return "" }

func (v *vp8) Frame(keyframe bool) ([][]byte, bool) {
	v.clear()
	const descriptor = 4
	rest := v.other
	if keyframe {
		rest = v.key
	}
	for first := true; first || rest > 0; first = false {
		n := min(max(rest, MarkAt+MarkLen), MaxPayload)
		rest -= n
		p := v.add(n)
		fill(p)
		p[0], p[1], p[2], p[3] = 0x80, 0x80, 0x80|byte(v.picture>>8), byte(v.picture) // extended, picture id of 15 bits // RFC 7741 4.2
		if !first {
			continue
		}
		p[0] |= 0x10 // begins a partition
		frame := p[descriptor:]
		size := uint32(n - descriptor)
		frame[0], frame[1], frame[2] = 0x10|byte(size<<5), byte(size>>3), byte(size>>11) // shown // RFC 6386 9.1
		if !keyframe {
			frame[0] |= 1
			continue
		}
		frame[3], frame[4], frame[5] = 0x9d, 0x01, 0x2a
		frame[6], frame[7] = byte(v.size.Width), byte(v.size.Width>>8)
		frame[8], frame[9] = byte(v.size.Height), byte(v.size.Height>>8)
	}
	v.picture = (v.picture + 1) & 0x7fff
	return v.payloads, keyframe
}
