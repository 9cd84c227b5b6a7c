package packetcache

import (
	"math/bits"
	"sync"
)

// firstCycle is where extended numbers begin, one cycle above zero, so that packets older than the first one have a number too.
const firstCycle = 1 << 16

// Header is what the cache keeps of an RTP header. Sequence number and SSRC belong to the stream, not to the packet.
type Header struct {
	Timestamp   uint32
	PayloadType uint8
	Marker      bool
	Keyframe    bool // the first packet of a keyframe
}

// Cache is the ring of one layer.
type Cache struct {
	mu      sync.RWMutex
	entries []entry
	mask    uint64
	newest  uint64 // 0 until the first packet

	keyframe uint64 // number of the newest first packet of a keyframe, 0 for none
}

type entry struct {
	seq     uint64
	header  Header
	payload []byte // grows to the largest payload seen at this place, then stays
}

// New makes a cache for at least capacity packets.
func New(capacity int) *Cache {
	size := uint64(1) << bits.Len64(uint64(max(capacity, 2)-1))
	return &Cache{entries: make([]entry, size), mask: size - 1}
}

// Store keeps a copy of a packet and returns its extended number. It returns false for a duplicate and for a packet too old
// to be kept.
func (c *Cache) Store(number uint16, header Header, payload []byte) (uint64, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	seq := c.extend(number)
	if c.newest >= uint64(len(c.entries)) && seq <= c.newest-uint64(len(c.entries)) {
		return seq, false
	}
	e := &c.entries[seq&c.mask]
	if e.seq >= seq {
		return seq, false
	}
	e.seq = seq
	e.header = header
	e.payload = append(e.payload[:0], payload...)
	c.newest = max(c.newest, seq)
	if header.Keyframe {
		c.keyframe = max(c.keyframe, seq)
	}
	return seq, true
}

// extend names the packet nearest to the newest one that has this number (RFC 3550 A.1, without probation).
func (c *Cache) extend(number uint16) uint64 {
	if c.newest == 0 {
		return firstCycle + uint64(number)
	}
	return c.newest + uint64(int64(int16(number-uint16(c.newest))))
}

// Load appends the payload of a packet to buf[:0] and returns it with the header, or false when the packet is not there.
func (c *Cache) Load(seq uint64, buf []byte) (Header, []byte, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	e := &c.entries[seq&c.mask]
	if e.seq != seq || seq == 0 {
		return Header{}, buf[:0], false
	}
	return e.header, append(buf[:0], e.payload...), true
}

// Newest returns the highest number stored, and false while the cache is empty.
func (c *Cache) Newest() (uint64, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.newest, c.newest != 0
}

// Keyframe returns the number of the first packet of the newest keyframe, and false when it is no longer, or not yet, kept.
func (c *Cache) Keyframe() (uint64, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.keyframe, c.keyframe != 0 && c.entries[c.keyframe&c.mask].seq == c.keyframe
}
