package sfu

import (
	"slices"
	"time"

	"streamcat/packetcache"
	"streamcat/stage"
)

const (
	// holdFrame is how long the packets of a frame wait for the rest of it, and sound that comes meanwhile with them.
	holdFrame = 4 * time.Millisecond
	// maxFrame is how many packets of one track are sent without waiting for the end of the frame: a keyframe goes out in pieces.
	maxFrame = 12
	// maxBurst is how many packets of one stage are sent together at most.
	maxBurst = 64
	// maxPadding is how many bytes a packet is made longer for, so that it is as long as the others of its frame. It is bought with them that
	// the kernel takes the frame as one message; encoders cut frames into packets that differ by a byte or two.
	maxPadding = 16
)

// burst is packets of one stage that go out together, from the first that came until the frames are complete.
type burst struct {
	router *router
	groups []*group
	order  []*group // the memory of the other order
	spare  []*group // groups of former bursts, with their memory
	count  int
	began  time.Time
}

// group is the packets of one track in a burst.
type group struct {
	track   *track
	packets []packet
}

// packet is one packet on its way to the viewers of a shard.
type packet struct {
	seq     uint64
	header  packetcache.Header
	format  format
	payload []byte // the shard's copy
	padded  []byte // the same with RTP padding, if any, behind it
}

// add copies a packet out of its track's cache.
func (b *burst) add(t *track, seq uint64, now time.Time) {
	g := b.group(t)
	n := len(g.packets)
	g.packets = slices.Grow(g.packets, 1)[:n+1]
	p := &g.packets[n]
	var ok bool
	if p.header, p.payload, ok = t.cache.Load(seq, p.payload); !ok {
		g.packets = g.packets[:n]
		return
	}
	p.seq, p.format, p.padded = seq, t.formats[p.header.PayloadType&0x7f], p.payload
	if b.count++; b.count == 1 {
		b.began = now
	}
}

func (b *burst) group(t *track) *group {
	for _, g := range b.groups {
		if g.track == t {
			return g
		}
	}
	var g *group
	if last := len(b.spare) - 1; last >= 0 {
		g, b.spare = b.spare[last], b.spare[:last]
	} else {
		g = &group{}
	}
	g.track = t
	b.groups = append(b.groups, g)
	return g
}

// ready says whether nothing more is worth waiting for.
func (b *burst) ready(now time.Time) bool {
	if now.Sub(b.began) >= holdFrame {
		return true
	}
	waiting := false
	for _, g := range b.groups {
		n := len(g.packets)
		switch {
		case n >= maxFrame:
			return true
		case n > 0 && g.track.kind == stage.Video && !g.packets[n-1].header.Marker:
			waiting = true
		}
	}
	return !waiting
}

// arrange puts the groups into the order that makes the fewest messages: packets to one viewer that are equally long, with a shorter one
// at the end, leave as one, so a frame is followed by a packet of sound. Frames are padded to that end.
func (b *burst) arrange() {
	videos, sounds := b.order[:0], 0
	for _, g := range b.groups {
		if g.track.kind == stage.Video {
			videos = append(videos, g)
		}
	}
	order := videos
	for _, g := range b.groups {
		if g.track.kind == stage.Audio { // behind the next frame that has none, or at the end
			order = slices.Insert(order, min(2*sounds+1, len(order)), g)
			sounds++
		}
	}
	b.groups, b.order = order, b.groups
	for i, g := range b.groups {
		if g.track.kind == stage.Video {
			g.pad(i < len(b.groups)-1)
		}
	}
}

// pad makes the packets of each frame equally long where little is missing. The last one of a group may stay shorter unless others follow.
func (g *group) pad(others bool) {
	for start := 0; start < len(g.packets); {
		end, size := start, 0
		for ; end < len(g.packets) && g.packets[end].header.Timestamp == g.packets[start].header.Timestamp; end++ {
			size = max(size, len(g.packets[end].payload))
		}
		for i := start; i < end; i++ {
			if i < len(g.packets)-1 || others {
				g.packets[i].padTo(size)
			}
		}
		start = end
	}
}

// padTo adds RTP padding, whose last byte counts it, if that is little. // RFC 3550 5.1
func (p *packet) padTo(size int) {
	n := size - len(p.payload)
	if n == 0 || n > maxPadding {
		return
	}
	length := len(p.payload)
	p.padded = append(p.payload, padding[:n]...)
	p.padded[size-1] = byte(n)
	p.payload = p.padded[:length]
}

const padding = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// reset empties the burst and keeps its memory.
func (b *burst) reset() {
	for _, g := range b.groups {
		g.track, g.packets = nil, g.packets[:0]
	}
	b.spare = append(b.spare, b.groups...)
	clear(b.groups)
	b.router, b.groups, b.count = nil, b.groups[:0], 0
}
