package codec

// maxSPS is how much of a sequence parameter set is read; real ones have a few dozen bytes.
const maxSPS = 512

// spsDimensions reads the picture size from a sequence parameter set, ITU-T H.264 7.3.2.1.1.
func spsDimensions(unit []byte) (width, height int, ok bool) {
	var clean [maxSPS]byte
	r := bitReader{data: unescape(clean[:0], unit)}
	r.skip(8) // NAL header
	profile := r.bits(8)
	r.skip(16)      // constraint flags, level
	r.exponential() // seq_parameter_set_id
	chroma, separate := uint32(1), uint32(0)
	switch profile {
	case 100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135:
		chroma = r.exponential()
		if chroma == 3 {
			separate = r.bits(1)
		}
		r.exponential() // bit_depth_luma_minus8
		r.exponential() // bit_depth_chroma_minus8
		r.skip(1)
		if r.bits(1) == 1 { // scaling matrix
			lists := 8
			if chroma == 3 {
				lists = 12
			}
			for i := range lists {
				if r.bits(1) == 1 {
					r.scalingList(16 << (i / 6 * 2))
				}
			}
		}
	}
	r.exponential()          // log2_max_frame_num_minus4
	switch r.exponential() { // pic_order_cnt_type
	case 0:
		r.exponential()
	case 1:
		r.skip(1)
		r.exponential()
		r.exponential()
		for n := min(r.exponential(), 255); n > 0 && !r.failed; n-- {
			r.exponential()
		}
	}
	r.exponential() // max_num_ref_frames
	r.skip(1)
	columns := r.exponential() + 1
	rows := r.exponential() + 1
	frameOnly := r.bits(1)
	if frameOnly == 0 {
		r.skip(1)
	}
	r.skip(1)
	var left, right, top, bottom uint32
	if r.bits(1) == 1 {
		left, right, top, bottom = r.exponential(), r.exponential(), r.exponential(), r.exponential()
	}
	const largest = 1 << 10 // macroblocks in a row: 16384 pixels
	if r.failed || columns > largest || rows > largest || max(left, right, top, bottom) > largest*16 {
		return 0, 0, false
	}
	// 7.4.2.1.1: cropping counts in chroma samples, and in pairs of lines when fields are coded.
	unitX, unitY := 1, 2-int(frameOnly)
	if separate == 0 && (chroma == 1 || chroma == 2) {
		unitX = 2
	}
	if separate == 0 && chroma == 1 {
		unitY *= 2
	}
	width = int(columns)*16 - unitX*int(left+right)
	height = int(rows)*16*(2-int(frameOnly)) - unitY*int(top+bottom)
	return width, height, width > 0 && height > 0
}

// unescape appends unit without its emulation prevention bytes, at most up to the capacity of dst (ITU-T H.264 7.4.1).
func unescape(dst, unit []byte) []byte {
	zeros := 0
	for _, b := range unit {
		if len(dst) == cap(dst) {
			break
		}
		if zeros >= 2 && b == 3 {
			zeros = 0
			continue
		}
		if b == 0 {
			zeros++
		} else {
			zeros = 0
		}
		dst = append(dst, b)
	}
	return dst
}

// bitReader reads bits from the left. Reading past the end sets failed and returns zeros.
type bitReader struct {
	data   []byte
	at     int
	failed bool
}

func (r *bitReader) bits(n int) uint32 {
	var v uint32
	for range n {
		v <<= 1
		if r.at >= len(r.data)*8 {
			r.failed = true
			continue
		}
		v |= uint32(r.data[r.at/8]>>(7-r.at%8)) & 1
		r.at++
	}
	return v
}

func (r *bitReader) skip(n int) { r.bits(n) }

// exponential reads an Exp-Golomb code, ITU-T H.264 9.1.
func (r *bitReader) exponential() uint32 {
	zeros := 0
	for r.bits(1) == 0 {
		zeros++
		if r.failed || zeros > 31 {
			r.failed = true
			return 0
		}
	}
	return 1<<zeros - 1 + r.bits(zeros)
}

// scalingList skips a scaling list, ITU-T H.264 7.3.2.1.1.1.
func (r *bitReader) scalingList(size int) {
	last, next := 8, 8
	for range size {
		if r.failed {
			return
		}
		if next != 0 {
			code := r.exponential()
			delta := int(code+1) / 2
			if code%2 == 0 {
				delta = -delta
			}
			next = (last + delta + 256) % 256
		}
		if next != 0 {
			last = next
		}
	}
}
