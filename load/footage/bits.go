package footage

import "math/bits"

// bitWriter writes the syntax elements of ITU-T H.264 7.2 and 9.1.
type bitWriter struct {
	b    []byte
	free int // unused bits of the last byte
}

func (w *bitWriter) u(n int, v uint32) {
	for n--; n >= 0; n-- {
		if w.free == 0 {
			w.b = append(w.b, 0)
			w.free = 8
		}
		w.free--
		w.b[len(w.b)-1] |= byte(v>>n&1) << w.free
	}
}

// ue writes an unsigned Exp-Golomb code.
func (w *bitWriter) ue(v uint32) {
	n := bits.Len32(v + 1)
	w.u(n-1, 0)
	w.u(n, v+1)
}

// end writes the trailing bits, and returns the unit with emulation prevention bytes. // ITU-T H.264 7.3.2.11, 7.4.1
func (w *bitWriter) end(header byte) []byte {
	w.u(1, 1)
	unit := make([]byte, 1, len(w.b)+16)
	unit[0] = header
	zeros := 0
	for _, b := range w.b {
		if zeros == 2 && b <= 3 {
			unit = append(unit, 3)
			zeros = 0
		}
		unit = append(unit, b)
		if b == 0 {
			zeros++
		} else {
			zeros = 0
		}
	}
	return unit
}
