package footage

import "fmt"

// MaxPayload is the length of the longest payload, so that a protected packet fits into what every path carries.
const MaxPayload = 1188

// keyframeRatio is how many times larger a keyframe is than another one.
const keyframeRatio = 5

// Video makes pictures.
type Video interface {
	// Frame returns the payloads of the next picture, in order; a keyframe where one is asked for, and where the source has one anyway.
	// The payloads may be written to, and are good until the next call.
	Frame(keyframe bool) (payloads [][]byte, isKeyframe bool)
	// Codec is the name in rtpmap, with the clock rate.
	Codec() string
	// Format is the fmtp line, which may be empty.
	Format() string
}

// Size is that of a picture, in pixels.
type Size struct{ Width, Height int }

// String writes it as 1280x720.
func (s Size) String() string { return fmt.Sprintf("%dx%d", s.Width, s.Height) }

// Check says what is wrong with a size.
func (s Size) Check() error {
	if s.Width < 16 || s.Height < 16 || s.Width > 4096 || s.Height > 4096 || s.Width%2 != 0 || s.Height%2 != 0 {
		return fmt.Errorf("a picture has 16 to 4096 pixels each way, and an even number of them, not %v", s)
	}
	return nil
}

// frameSizes divides a rate into the bytes of a keyframe and of another frame, with interval frames from one keyframe to the next.
func frameSizes(bitsPerSecond int, framesPerSecond float64, interval int) (key, other int) {
	bytes := float64(bitsPerSecond) / 8 * float64(interval) / framesPerSecond
	other = int(bytes / float64(interval-1+keyframeRatio))
	return other * keyframeRatio, other
}

// shelf holds the payloads of one frame in memory that is used again for the next.
type shelf struct {
	memory   []byte
	payloads [][]byte
}

func (s *shelf) clear() { s.memory, s.payloads = s.memory[:0], s.payloads[:0] }

// add makes room for one more payload. Slices handed out before stay valid when the memory moves.
func (s *shelf) add(n int) []byte {
	at := len(s.memory)
	if cap(s.memory)-at < n {
		s.memory = make([]byte, 0, max(2*cap(s.memory), n, 1<<16))
		at = 0
	}
	s.memory = s.memory[:at+n]
	payload := s.memory[at : at+n : at+n]
	s.payloads = append(s.payloads, payload)
	return payload
}

// fill writes bytes that are no start code and that a reader of a hex dump recognizes.
func fill(b []byte) {
	for i := range b {
		b[i] = 0xff
	}
}
