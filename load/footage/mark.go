package footage

import "crypto/rand"

const (
	// MarkAt is where in a payload a mark lies.
	MarkAt = 16
	// MarkLen is its length. A payload without MarkAt+MarkLen bytes has none.
	MarkLen = runLen + timeLen + numberLen + sourceLen

	runLen    = 4
	timeLen   = 9 // 63 bits
	numberLen = 5 // 35 bits
	sourceLen = 2 // 14 bits
)

// Run tells the packets of one load test from those of others, and from everything else.
type Run [runLen]byte

// NewRun draws one.
func NewRun() (r Run) {
	rand.Read(r[:]) // never fails
	for i := range r {
		r[i] |= 0x80
	}
	return r
}

// Mark is what a packet says of itself.
type Mark struct {
	Sent   int64  // nanoseconds of Unix time
	Number uint64 // counts the packets of the source
	Source uint16 // which stream of which host, below 1<<14
}

// Write puts the mark into a payload that is long enough to have one, and says whether it was.
func (m Mark) Write(payload []byte, run Run) bool {
	if len(payload) < MarkAt+MarkLen {
		return false
	}
	b := payload[MarkAt:]
	copy(b, run[:])
	sevens(b[runLen:runLen+timeLen], uint64(m.Sent))
	sevens(b[runLen+timeLen:runLen+timeLen+numberLen], m.Number)
	sevens(b[runLen+timeLen+numberLen:MarkLen], uint64(m.Source))
	return true
}

// ReadMark reads the mark of a payload, of which the first MarkAt+MarkLen bytes are enough; false when there is none of this run.
func ReadMark(payload []byte, run Run) (m Mark, ok bool) {
	if len(payload) < MarkAt+MarkLen {
		return Mark{}, false
	}
	b := payload[MarkAt : MarkAt+MarkLen]
	if Run(b[:runLen]) != run {
		return Mark{}, false
	}
	return Mark{
		Sent:   int64(unsevens(b[runLen : runLen+timeLen])),
		Number: unsevens(b[runLen+timeLen : runLen+timeLen+numberLen]),
		Source: uint16(unsevens(b[runLen+timeLen+numberLen:])),
	}, true
}

// sevens writes the low bits of v, seven in each byte.
func sevens(b []byte, v uint64) {
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = byte(v) | 0x80
		v >>= 7
	}
}

func unsevens(b []byte) (v uint64) {
	for _, c := range b {
		v = v<<7 | uint64(c&0x7f)
	}
	return v
}
