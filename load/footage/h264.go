package footage

import "encoding/binary"

// Headers of NAL units with nal_ref_idc. // ITU-T H.264 table 7-1, RFC 6184 5.4, 5.7, 5.8
const (
	nalSlice  = 0x41
	nalIDR    = 0x65
	nalSEI    = 0x06
	nalSPS    = 0x67
	nalPPS    = 0x68
	nalFiller = 0x0c
	nalSTAPA  = 0x78
	nalFUA    = 28

	fuStart = 0x80
	fuEnd   = 0x40
)

// H264Format is what the synthetic stream is: constrained baseline, level 3.1, any packetization but interleaved.
const H264Format = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"

// seiUnit is as long as the marked unit: header, type, size, 30 bytes, trailing bits.
const seiUnit = 34

// h264 is a grey picture that stands still: the keyframe predicts every macroblock from nothing, all others are skipped.
type h264 struct {
	shelf
	key, other int // bytes of a frame
	sps, pps   []byte
	idr        []byte
	blocks     uint32 // macroblocks of a picture
	number     uint32 // frame_num of the next picture
}

// NewH264 makes a synthetic stream of a rate, with a keyframe every interval frames on average. The rate is exceeded when it is too low for
// the keyframes, which have a byte for each macroblock.
func NewH264(size Size, bitsPerSecond int, framesPerSecond float64, interval int) Video {
	columns, rows := uint32(size.Width+15)/16, uint32(size.Height+15)/16
	v := &h264{blocks: columns * rows}
	v.key, v.other = frameSizes(bitsPerSecond, framesPerSecond, interval)

	w := bitWriter{b: []byte{0x42, 0xe0, 0x1f}} // profile_idc, constraint flags, level_idc
	w.ue(0)                                     // seq_parameter_set_id
	w.ue(0)                                     // log2_max_frame_num_minus4
	w.ue(2)                                     // pic_order_cnt_type: pictures come out in the order they come in
	w.ue(1)                                     // max_num_ref_frames
	w.u(1, 0)
	w.ue(columns - 1)
	w.ue(rows - 1)
	w.u(1, 1) // frame_mbs_only_flag
	w.u(1, 1) // direct_8x8_inference_flag
	right, bottom := columns*16-uint32(size.Width), rows*16-uint32(size.Height)
	if right+bottom == 0 {
		w.u(1, 0)
	} else {
		w.u(1, 1)
		w.ue(0)
		w.ue(right / 2)
		w.ue(0)
		w.ue(bottom / 2)
	}
	w.u(1, 0) // vui_parameters_present_flag
	v.sps = w.end(nalSPS)

	w = bitWriter{}
	w.ue(0)   // pic_parameter_set_id
	w.ue(0)   // seq_parameter_set_id
	w.u(2, 0) // entropy_coding_mode_flag: CAVLC; bottom_field_pic_order_in_frame_present_flag
	w.ue(0)   // num_slice_groups_minus1
	w.ue(0)
	w.ue(0)
	w.u(3, 0) // weighted prediction
	w.ue(0)   // QP: se(0) is written like ue(0)
	w.ue(0)
	w.ue(0)
	w.u(3, 0) // deblocking control, constrained intra, redundant pictures
	v.pps = w.end(nalPPS)

	w = bitWriter{}
	w.ue(0)   // first_mb_in_slice
	w.ue(7)   // slice_type: I, all of them
	w.ue(0)   // pic_parameter_set_id
	w.u(4, 0) // frame_num
	w.ue(0)   // idr_pic_id
	w.u(2, 0) // dec_ref_pic_marking
	w.ue(0)   // slice_qp_delta
	for range v.blocks {
		// mb_type I_16x16_2_0_0 (DC, no coefficients), intra_chroma_pred_mode DC, mb_qp_delta 0, coeff_token of no coefficients.
		w.u(8, 0x27)
	}
	v.idr = w.end(nalIDR)
	return v
}

func (v *h264) Codec() string  { return "H264/90000" }
func (v *h264) Format() string { return H264Format }

func (v *h264) Frame(keyframe bool) ([][]byte, bool) {
	v.clear()
	if keyframe {
		v.keyframe()
	} else {
		v.skipped()
	}
	return v.payloads, keyframe
}

func (v *h264) keyframe() {
	v.number = 1
	head := 1 + 2 + seiUnit + 2 + len(v.sps) + 2 + len(v.pps)
	if whole := head + 2 + len(v.idr); whole <= MaxPayload {
		v.aggregate(whole, v.sps, v.pps, v.idr)
	} else {
		v.aggregate(head, v.sps, v.pps)
		v.fragment(v.idr)
	}
	v.filler(v.key - head - len(v.idr))
}

func (v *h264) skipped() {
	var w bitWriter
	w.ue(0)          // first_mb_in_slice
	w.ue(5)          // slice_type: P, all of them
	w.ue(0)          // pic_parameter_set_id
	w.u(4, v.number) // frame_num
	w.u(3, 0)        // num_ref_idx_active_override_flag, ref_pic_list_modification_flag_l0, adaptive_ref_pic_marking_mode_flag
	w.ue(0)          // slice_qp_delta
	w.ue(v.blocks)   // mb_skip_run
	slice := w.end(nalSlice)
	v.number = (v.number + 1) & 15

	// What does not fit behind the slice goes into packets of its own.
	head := 1 + 2 + seiUnit + 2 + len(slice)
	room := min(MaxPayload, max(v.other, head+4))
	pad := make([]byte, room-head-2)
	fill(pad)
	pad[0], pad[len(pad)-1] = nalFiller, 0x80
	v.aggregate(room, slice, pad)
	v.filler(v.other - room)
}

// aggregate writes a STAP-A with a supplemental unit that has room for a mark, and then others.
func (v *h264) aggregate(n int, units ...[]byte) {
	p := v.add(n)
	p[0] = nalSTAPA
	binary.BigEndian.PutUint16(p[1:], seiUnit)
	fill(p[3 : 3+seiUnit])
	// user_data_unregistered, ITU-T H.264 D.1.7. The last bytes of its identifier lie under the mark.
	p[3], p[4], p[5], p[2+seiUnit] = nalSEI, 5, seiUnit-4, 0x80
	at := 3 + seiUnit
	for _, unit := range units {
		binary.BigEndian.PutUint16(p[at:], uint16(len(unit)))
		at += 2 + copy(p[at+2:], unit)
	}
}

// fragment writes a unit as FU-A packets, all as long as they may be but the last.
func (s *shelf) fragment(unit []byte) {
	header, rest := unit[0], unit[1:]
	bits := byte(fuStart)
	for len(rest) > 0 {
		n := min(len(rest), MaxPayload-2)
		if n == len(rest) {
			bits |= fuEnd
		}
		p := s.add(2 + n)
		p[0], p[1] = header&0x60|nalFUA, header&0x1f|bits
		copy(p[2:], rest[:n])
		rest, bits = rest[n:], 0
	}
}

// filler writes packets of filler data with that many bytes. Each has room for a mark.
func (v *h264) filler(n int) {
	if n < MarkAt+MarkLen {
		return
	}
	if n <= MaxPayload {
		p := v.add(n)
		fill(p)
		p[0], p[n-1] = nalFiller, 0x80
		return
	}
	bits := byte(fuStart)
	for n > 0 {
		length := min(n, MaxPayload)
		// No fragment is too short for a mark: the last but one gives some away.
		if rest := n - length; rest > 0 && rest < MarkAt+MarkLen {
			length -= MarkAt + MarkLen - rest
		}
		n -= length
		p := v.add(length)
		fill(p)
		if n == 0 {
			bits |= fuEnd
			p[length-1] = 0x80
		}
		p[0], p[1] = nalFUA, nalFiller|bits
		bits = 0
	}
}
