package peer

import (
	"encoding/binary"
	"math"
)

// maxArrivals is how many transport-wide numbers one feedback covers. Ten times what 2.5 Mbit/s have in an interval.
const maxArrivals = 512

// tick of arrival times in feedback, and of its reference time. // draft-holmer-rmcat-transport-wide-cc-extensions-01 3.1
const (
	deltaTick     = 250_000 // ns
	referenceTick = 256 * deltaTick
)

// Arrivals notes when packets with transport-wide numbers came, and makes feedback of it. The zero value has seen nothing.
type Arrivals struct {
	started bool
	next    uint16 // the first number of the next feedback
	count   int    // how many numbers from next on were seen, or missed in between
	times   []int64
	round   uint8
}

// Note notes one packet. Those that were reported already, or are too far ahead, are not noted.
func (a *Arrivals) Note(number uint16, at int64) {
	if !a.started {
		a.started, a.next = true, number
		a.times = make([]int64, maxArrivals)
	}
	offset := int(int16(number - a.next))
	if offset < 0 || offset >= maxArrivals {
		return
	}
	for ; a.count <= offset; a.count++ {
		a.times[a.count] = 0
	}
	a.times[offset] = at
}

// AppendFeedback appends what was noted since the last feedback, and forgets it; nothing if nothing was.
func (a *Arrivals) AppendFeedback(dst []byte, ssrc, media uint32) []byte {
	if a.count == 0 {
		return dst
	}
	start := len(dst)
	dst = appendHeader(dst, formatTWCC, typeRTP, 0, ssrc)
	dst = binary.BigEndian.AppendUint32(dst, media)
	dst = binary.BigEndian.AppendUint16(dst, a.next)
	dst = binary.BigEndian.AppendUint16(dst, uint16(a.count))
	first := int64(0) // of those that came, in the order of their numbers
	for _, at := range a.times[:a.count] {
		if at != 0 {
			first = at
			break
		}
	}
	reference := first / referenceTick
	dst = append(dst, byte(reference>>16), byte(reference>>8), byte(reference), a.round)

	var symbols [maxArrivals]byte
	var deltas [maxArrivals]int16
	last := reference * (referenceTick / deltaTick)
	for i, at := range a.times[:a.count] {
		if at == 0 {
			continue
		}
		now := at / deltaTick
		delta := max(math.MinInt16, min(math.MaxInt16, now-last))
		last += delta
		deltas[i], symbols[i] = int16(delta), 2
		if delta >= 0 && delta <= 255 {
			symbols[i] = 1
		}
	}
	dst = appendChunks(dst, symbols[:a.count])
	for i, symbol := range symbols[:a.count] {
		switch symbol {
		case 1:
			dst = append(dst, byte(deltas[i]))
		case 2:
			dst = binary.BigEndian.AppendUint16(dst, uint16(deltas[i]))
		}
	}
	if padding := -(len(dst) - start) & 3; padding > 0 {
		dst[start] |= 0x20
		for i := range padding {
			dst = append(dst, 0)
			if i == padding-1 {
				dst[len(dst)-1] = byte(padding)
			}
		}
	}
	binary.BigEndian.PutUint16(dst[start+2:], uint16((len(dst)-start)/4-1))
	a.next += uint16(a.count)
	a.count = 0
	a.round++
	return dst
}

// appendChunks writes packet statuses: runs where seven or more are alike, vectors of seven where not.
func appendChunks(dst []byte, symbols []byte) []byte {
	for len(symbols) > 0 {
		run := 1
		for run < len(symbols) && symbols[run] == symbols[0] {
			run++
		}
		if run >= 7 || run == len(symbols) {
			dst = binary.BigEndian.AppendUint16(dst, uint16(symbols[0])<<13|uint16(run))
			symbols = symbols[run:]
			continue
		}
		n := min(7, len(symbols))
		vector := uint16(3) << 14
		for i, symbol := range symbols[:n] {
			vector |= uint16(symbol) << (12 - 2*i)
		}
		dst = binary.BigEndian.AppendUint16(dst, vector)
		symbols = symbols[n:]
	}
	return dst
}
