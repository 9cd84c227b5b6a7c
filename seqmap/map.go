package seqmap

// depth is how many segments are remembered. A receiver asks for what is at most about a second old; a stream that changes its source more
// often than this within a second is repaired by keyframes instead.
const depth = 8

// firstCycle is where extended numbers begin, one cycle above zero, so that every number has others before it.
const firstCycle = 1 << 16

// Map belongs to one outgoing stream.
type Map[S comparable] struct {
	segments []segment[S] // depth of them, made with the first: most streams of a large audience never carry anything
	count    uint64       // segments ever begun
	next     uint64       // the extended number after the highest one forwarded
	lastTS   uint32       // the timestamp of the highest number forwarded
	sent     bool
}

type segment[S comparable] struct {
	source S
	in     uint64 // first number, as the source counts
	out    uint64 // the same packet's number in the outgoing stream
	end    uint64 // the outgoing number after the highest one forwarded in this segment
	offset uint32 // added to timestamps
}

// New makes a map whose first packet gets the given number, and the index of that value.
func New[S comparable](first uint16) Map[S] {
	return Map[S]{next: firstCycle + uint64(first)}
}

// Start begins a segment: the packet that source numbers seq follows the last one forwarded, and timestamp becomes
// outTimestamp.
func (m *Map[S]) Start(source S, seq uint64, timestamp, outTimestamp uint32) {
	m.begin(source, seq, outTimestamp-timestamp)
}

// Resume begins a segment of a source whose timestamps go on as they were mapped when it was last forwarded: a gap that the
// receiver should see in time, but not in numbers. It returns false when that source is not the one of the last segment.
func (m *Map[S]) Resume(source S, seq uint64) bool {
	if m.count == 0 {
		return false
	}
	last := m.current()
	if last.source != source {
		return false
	}
	m.begin(source, seq, last.offset)
	return true
}

func (m *Map[S]) begin(source S, seq uint64, offset uint32) {
	if m.segments == nil {
		m.segments = make([]segment[S], depth)
	}
	m.segments[m.count%depth] = segment[S]{source: source, in: seq, out: m.next, end: m.next, offset: offset}
	m.count++
}

func (m *Map[S]) current() *segment[S] { return &m.segments[(m.count-1)%depth] }

// Forward returns what a packet of the current segment's source is called in the outgoing stream, and false for a packet from before
// the segment. Its index is its sequence number with the times that wrapped above its 16 bits, as SRTP counts (RFC 3711 3.3.1).
func (m *Map[S]) Forward(seq uint64, timestamp uint32) (index uint64, outTimestamp uint32, ok bool) {
	if m.count == 0 {
		return 0, 0, false
	}
	s := m.current()
	if seq < s.in {
		return 0, 0, false
	}
	out := s.out + (seq - s.in)
	outTimestamp = timestamp + s.offset
	if out >= m.next {
		m.next = out + 1
		m.lastTS = outTimestamp
		m.sent = true
	}
	s.end = max(s.end, out+1)
	return out - firstCycle, outTimestamp, true
}

// Last returns the timestamp of the newest packet, and false before the first.
func (m *Map[S]) Last() (timestamp uint32, ok bool) { return m.lastTS, m.sent }

// Offset returns what is added to the timestamps of source now, and false when it is not the current one.
func (m *Map[S]) Offset(source S) (uint32, bool) {
	if m.count == 0 || m.current().source != source {
		return 0, false
	}
	return m.current().offset, true
}

// Packet is one packet of an outgoing stream, as Find found it.
type Packet[S comparable] struct {
	Source S
	Seq    uint64 // as the source counts
	Index  uint64 // as Forward returned it
	Offset uint32 // what was added to the timestamp
}

// Find returns which packet has a number in the outgoing stream. It returns false for numbers not used yet or forgotten.
func (m *Map[S]) Find(number uint16) (Packet[S], bool) {
	out := m.next + uint64(int64(int16(number-uint16(m.next))))
	for i := range min(m.count, depth) {
		s := &m.segments[(m.count-1-i)%depth]
		if out >= s.out && out < s.end {
			return Packet[S]{Source: s.source, Seq: s.in + (out - s.out), Index: out - firstCycle, Offset: s.offset}, true
		}
	}
	return Packet[S]{}, false
}
