package footage

// PacketsPerSecond is how many packets a second of sound has.
const PacketsPerSecond = 50

// Audio makes sound.
type Audio struct{ payload []byte }

// NewOpus makes silence of a rate, at least as much as a mark needs: 15 kbit/s.
func NewOpus(bitsPerSecond int) *Audio {
	const head = 4 // table of contents, frame count, two bytes of frame; one or more bytes of padding length come to it
	n := min(max(bitsPerSecond/8/PacketsPerSecond, MarkAt+MarkLen), MaxPayload)
	p := make([]byte, 0, n)
	// CELT, full band, 20 ms, mono; one frame, with padding. // RFC 6716 3.1, 3.2.5
	p = append(p, 0xf8|3, 0x40|1)
	padding := n - head
	for padding > 0 {
		padding-- // the byte that is written now
		if padding < 255 {
			p = append(p, byte(padding))
			break
		}
		p = append(p, 255) // and 254 bytes of padding
		padding -= 254
	}
	p = append(p, 0xff, 0xfe) // a frame of silence
	at := len(p)
	p = p[:n]
	fill(p[at:])
	return &Audio{payload: p}
}

// Payload returns that of the next packet. It may be written to behind MarkAt.
func (a *Audio) Payload() []byte { return a.payload }
