package sfu

import (
	"sync/atomic"

	"github.com/pion/rtp"

	"streamcat/packetcache"
	"streamcat/stage"
)

// How many packets are kept: about two seconds of 8 Mbit/s video, five of audio. A receiver's NACK comes within one.
const (
	videoCache = 2048
	audioCache = 256
)

// track is one layer of one publisher: the cache its packets lie in, and what is known of its stream.
type track struct {
	kind      stage.Kind
	router    *router
	counters  *counters
	cache     *packetcache.Cache
	formats   [128]format // by the publisher's payload types
	keyframes *keyframes
	clock     mediaClock

	// missed says for each shard that it was not told of a packet, so that its viewers must wait for a keyframe.
	missed []atomic.Bool

	keyframeTimestamp uint32 // of the newest keyframe; touched by take only
	hasKeyframe       bool
}

func newTrack(kind stage.Kind, r *router, c *counters) *track {
	capacity := videoCache
	if kind == stage.Audio {
		capacity = audioCache
	}
	return &track{
		kind: kind, router: r, counters: c,
		cache:     packetcache.New(capacity),
		keyframes: newKeyframes(),
		clock:     mediaClock{rate: clockRate(kind)},
		missed:    make([]atomic.Bool, len(r.shards)),
	}
}

// take stores a packet and tells the shards. It does not allocate once the cache is warm, and never blocks.
func (t *track) take(p *rtp.Packet) {
	f := t.formats[p.PayloadType&0x7f]
	if f == noFormat {
		return
	}
	header := packetcache.Header{Timestamp: p.Timestamp, PayloadType: p.PayloadType, Marker: p.Marker}
	// Parameter sets and slices of one keyframe may come in several packets that could each be a start: the first counts.
	if f.keyframeStart(p.Payload) && (!t.hasKeyframe || p.Timestamp != t.keyframeTimestamp) {
		header.Keyframe = true
	}
	seq, fresh := t.cache.Store(p.SequenceNumber, header, p.Payload)
	if !fresh {
		return
	}
	t.counters.packetsIn.Add(1)
	t.counters.bytesIn.Add(int64(len(p.Payload)))
	if header.Keyframe {
		t.keyframeTimestamp, t.hasKeyframe = p.Timestamp, true
	}
	t.router.notify(notice{track: t, seq: seq})
	if header.Keyframe {
		t.keyframes.arrived()
	}
}
