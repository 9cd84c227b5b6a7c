package load

import (
	"encoding/binary"
	"slices"

	"streamcat/codec"
	"streamcat/load/footage"
	"streamcat/load/peer"
)

const (
	// windowLen is how many numbers back a packet may come late.
	windowLen = 512
	// maxMissing is how many packets of a stream are asked for again at a time, and how large a gap may be for it to be worth it.
	maxMissing = 64
	// nackEvery and maxNACKs say how often.
	nackEvery = int64(100e6) // ns
	maxNACKs  = 10
)

// stream is one SSRC that a viewer receives.
type stream struct {
	ssrc   uint32
	kind   peer.Kind
	repair bool    // repeats packets of media
	media  *stream // that it repairs, where this is known

	started  bool
	high     int64 // sequence number with the roll-overs above it
	first    int64
	received int64 // without repetitions
	window   [windowLen / 64]uint64
	lastAt   int64 // when the last packet came
	missing  []missing
	gaveUp   bool // a packet is lost for good: only a keyframe helps

	// What the publisher numbered, to see what the server left out without a gap.
	source   int32 // of the last mark, -1 without
	number   uint64
	mark     int64 // received when the source began
	omitted  int64 // counted so far
	picture  picture
	transit  int64
	jitter   int64 // scaled by 16 // RFC 3550 A.8
	lastSR   uint32
	lastSRAt int64
	reported struct{ expected, received int64 }
}

// missing is a packet that is asked for again.
type missing struct {
	number int64
	next   int64 // when to ask the next time
	asked  int
}

// picture is the keyframe that is coming in.
type picture struct {
	timestamp   uint32
	coming      bool
	first, last int64 // last is -1 until the end is known
	count       int64
}

// place says what a number is.
type place int

const (
	newest   place = iota // newer than all
	late                  // in a gap
	repeated              // was there before
	tooLate               // cannot be told
)

// take notes a number and says what it was, and how many were left out before it.
func (s *stream) take(sequence uint16) (number int64, where place, gap int64) {
	if !s.started {
		s.started = true
		s.first, s.high = int64(sequence), int64(sequence)
		s.received = 1
		s.set(s.high)
		return s.high, newest, 0
	}
	number = s.high + int64(int16(sequence-uint16(s.high)))
	switch {
	case number > s.high:
		gap = number - s.high - 1
		for n := s.high + 1; n < number && n <= s.high+windowLen; n++ {
			s.clear(n)
		}
		s.high = number
		where = newest
	case number <= s.high-windowLen || number < s.first:
		return number, tooLate, 0
	case s.has(number):
		return number, repeated, 0
	default:
		where = late
		s.found(number)
	}
	s.set(number)
	s.received++
	return number, where, gap
}

func (s *stream) set(n int64)   { s.window[n/64%(windowLen/64)] |= 1 << (n % 64) }
func (s *stream) clear(n int64) { s.window[n/64%(windowLen/64)] &^= 1 << (n % 64) }
func (s *stream) has(n int64) bool {
	return s.window[n/64%(windowLen/64)]&(1<<(n%64)) != 0
}

// miss has the packets of a gap before number asked for again.
func (s *stream) miss(number, gap, now int64) {
	if gap > maxMissing {
		s.missing, s.gaveUp = s.missing[:0], true
		return
	}
	for n := number - gap; n < number; n++ {
		if len(s.missing) == maxMissing {
			s.gaveUp = true
			return
		}
		s.missing = append(s.missing, missing{number: n, next: now})
	}
}

// found stops asking for a packet.
func (s *stream) found(number int64) {
	if i := slices.IndexFunc(s.missing, func(m missing) bool { return m.number == number }); i >= 0 {
		s.missing = slices.Delete(s.missing, i, i+1)
	}
}

// due appends the numbers to ask for now.
func (s *stream) due(numbers []uint16, now int64) []uint16 {
	kept := s.missing[:0]
	for _, m := range s.missing {
		if m.next <= now {
			if m.asked == maxNACKs {
				s.gaveUp = true
				continue
			}
			m.asked++
			m.next = now + nackEvery
			numbers = append(numbers, uint16(m.number))
		}
		kept = append(kept, m)
	}
	s.missing = kept
	return numbers
}

// follow compares the marks with what came, and returns how many more packets the publisher sent than this stream had; it can be negative, when
// repaired packets come in.
func (s *stream) follow(m footage.Mark) (omitted int64) {
	if s.source != int32(m.Source) || m.Number < s.number {
		s.source, s.number, s.mark, s.omitted = int32(m.Source), m.Number, s.received, 0
		return 0
	}
	missing := int64(m.Number-s.number) - (s.received - s.mark)
	if missing < 0 {
		// More than was sent: padding of the server's own. It starts anew from here.
		omitted = -s.omitted
		s.number, s.mark, s.omitted = m.Number, s.received, 0
		return omitted
	}
	omitted = missing - s.omitted
	s.omitted = missing
	return omitted
}

// complete says whether this packet of a stream of pictures was the last one that a keyframe lacked.
func (s *stream) complete(number int64, timestamp uint32, marker, keyframe bool) bool {
	p := &s.picture
	if keyframe && (!p.coming || p.timestamp != timestamp) {
		*p = picture{timestamp: timestamp, coming: true, first: number, last: -1}
	}
	if !p.coming || p.timestamp != timestamp {
		return false
	}
	p.count++
	if marker {
		p.last = number
	}
	return p.last >= 0 && p.count > p.last-p.first
}

// observe updates the jitter. // RFC 3550 A.8
func (s *stream) observe(timestamp uint32, at int64) {
	rate := int64(90)
	if s.kind == peer.Audio {
		rate = 48
	}
	transit := at/1000*rate/1000 - int64(timestamp)
	d := int64(int32(transit - s.transit))
	s.transit = transit
	if s.received <= 1 {
		return
	}
	s.jitter += max(d, -d) - s.jitter>>4
}

// report is the receiver report of the stream. // RFC 3550 6.4.1, A.3
func (s *stream) report(now int64) peer.Report {
	expected := s.high - s.first + 1
	lost := max(0, min(expected-s.received, 1<<23-1))
	r := peer.Report{SSRC: s.ssrc, Lost: int32(lost), Highest: uint32(s.high), Jitter: uint32(s.jitter >> 4), LastSR: s.lastSR}
	interval, received := expected-s.reported.expected, s.received-s.reported.received
	if interval > 0 && interval > received {
		r.Fraction = uint8(min(255, (interval-received)<<8/interval))
	}
	s.reported.expected, s.reported.received = expected, s.received
	if s.lastSR != 0 {
		r.Delay = uint32((now - s.lastSRAt) / 1000 * 65536 / 1e6)
	}
	return r
}

// header is what a viewer has to know of an RTP header. // RFC 3550 5.1
type header struct {
	length      int
	marker      bool
	payloadType uint8
	sequence    uint16
	timestamp   uint32
	ssrc        uint32
	extensions  []byte // the one-byte form // RFC 8285 4.2
}

// readHeader reads a header that is in packet whole.
func readHeader(packet []byte) (h header, ok bool) {
	if len(packet) < 12 || packet[0]>>6 != 2 {
		return h, false
	}
	h.length = 12 + 4*int(packet[0]&15)
	if packet[0]&0x10 != 0 {
		if len(packet) < h.length+4 {
			return h, false
		}
		n := 4 * int(binary.BigEndian.Uint16(packet[h.length+2:]))
		profile := binary.BigEndian.Uint16(packet[h.length:])
		h.length += 4
		if len(packet) < h.length+n {
			return h, false
		}
		if profile == 0xbede {
			h.extensions = packet[h.length : h.length+n]
		}
		h.length += n
	}
	h.marker, h.payloadType = packet[1]&0x80 != 0, packet[1]&0x7f
	h.sequence = binary.BigEndian.Uint16(packet[2:])
	h.timestamp = binary.BigEndian.Uint32(packet[4:])
	h.ssrc = binary.BigEndian.Uint32(packet[8:])
	return h, len(packet) >= h.length
}

// extension finds an extension by its number.
func (h *header) extension(id uint8) []byte {
	for b := h.extensions; len(b) > 0; {
		if b[0] == 0 {
			b = b[1:]
			continue
		}
		n := int(b[0]&15) + 1
		if len(b) < 1+n || b[0]>>4 == 15 {
			return nil
		}
		if b[0]>>4 == id {
			return b[1 : 1+n]
		}
		b = b[1+n:]
	}
	return nil
}

// isKeyframe says whether the beginning of a payload is that of a keyframe.
func isKeyframe(payloadType uint8, payload []byte) bool {
	if payloadType == peer.PayloadVP8 {
		return codec.VP8KeyframeStart(payload)
	}
	return codec.H264KeyframeStart(payload)
}
