package sfu

import (
	"encoding/binary"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"streamcat/stage"
	"streamcat/transport"
)

// fakeTransport keeps what it is given to send; hook, if set, sees every packet while the downlink's lock is held.
type fakeTransport struct {
	hook func(section int, header *rtp.Header, payload []byte)

	mu      sync.Mutex
	packets []sentPacket
	reports []rtcp.Packet
	indexes map[uint64]string // by SSRC and index: what was sent under it
}

type sentPacket struct {
	section int
	header  rtp.Header
	payload string
	size    int // with padding
}

func (f *fakeTransport) AppendRTP(_ *transport.Batch, header, payload []byte, index uint64) error {
	var p rtp.Packet
	if err := p.Unmarshal(append(append([]byte(nil), header...), payload...)); err != nil {
		return err
	}
	section := int(p.SSRC) % 1000 // see fakeSections
	if f.hook != nil {
		f.hook(section, &p.Header, p.Payload)
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	size := len(payload)
	p.Header.Padding, p.Header.PaddingSize = false, 0
	f.packets = append(f.packets, sentPacket{section, p.Header, string(p.Payload), size})
	return f.once(header, payload, index)
}

// once checks what SRTP demands: an index belongs to one packet, and ends in its number.
func (f *fakeTransport) once(header, payload []byte, index uint64) error {
	key := uint64(binary.BigEndian.Uint32(header[8:]))<<32 | index
	if f.indexes == nil {
		f.indexes = map[uint64]string{}
	}
	text := string(header) + string(payload)
	if before, ok := f.indexes[key]; ok && before != text || uint16(index) != binary.BigEndian.Uint16(header[2:]) || index >= 1<<32 {
		panic(fmt.Sprintf("index %d of stream %d is used for %q and %q", index, key>>32, before, text))
	}
	f.indexes[key] = text
	return nil
}

func (f *fakeTransport) AppendRTCP(_ *transport.Batch, packet []byte) error {
	packets, err := rtcp.Unmarshal(packet)
	if err != nil {
		panic(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reports = append(f.reports, packets...)
	return nil
}

func (f *fakeTransport) take() []sentPacket {
	f.mu.Lock()
	defer f.mu.Unlock()
	packets := f.packets
	f.packets = nil
	return packets
}

func (f *fakeTransport) takeReports() []rtcp.Packet {
	f.mu.Lock()
	defer f.mu.Unlock()
	reports := f.reports
	f.reports = nil
	return reports
}

// Payload types of the fake world: everybody has the same.
const (
	opusType = 111
	vp8Type  = 96
	vp8RTX   = 97
	h264Type = 102
)

// fakeSections are what a viewer with so many slots has agreed: the section of slot i is 2i for audio and 2i+1 for video, with SSRCs from 1000 on
// and, for RTX, from 2000 on.
func fakeSections(slots int) []section {
	var types payloadTypes
	types[formatOpus].media = opusType
	types[formatVP8].media, types[formatVP8].rtx = vp8Type, vp8RTX
	types[formatH264].media = h264Type
	var sections []section
	for i := range slots {
		audio := section{kind: stage.Audio, slot: i, ssrc: uint32(1000 + 2*i), types: types}
		video := section{kind: stage.Video, slot: i, ssrc: uint32(1001 + 2*i), rtx: uint32(2001 + 2*i), types: types}
		sections = append(sections, audio, video)
	}
	return sections
}

// world is a stage without a network. Packets go round by hand: take stores them, flush runs the shards.
type world struct {
	t      testing.TB
	engine *Engine
	router *router
}

func newWorld(t testing.TB, shards int) *world {
	e := &Engine{}
	for i := range shards {
		e.shards = append(e.shards, newShard(i, nil, &e.counters))
	}
	return &world{t: t, engine: e, router: newRouter(e.shards)}
}

// flush delivers everything that is queued.
func (w *world) flush() {
	for _, s := range w.engine.shards {
		flush(s)
	}
}

// flush delivers what is queued for one shard, as if the time for it had come.
func flush(s *shard) {
	s.drain()
	s.release(time.Now().Add(holdFrame))
}

// say gives a downlink feedback as it comes from the network.
func say(d *downlink, packets ...rtcp.Packet) {
	compound, err := rtcp.Marshal(packets)
	if err != nil {
		panic(err)
	}
	d.feedback(nil, compound)
}

// fakeHost is a publisher with both tracks.
type fakeHost struct {
	*uplink
	w *world
}

func (w *world) host(id stage.ParticipantID) *fakeHost {
	w.t.Helper()
	h := &fakeHost{w: w, uplink: &uplink{participant: id, ended: func(error) {}, over: func() bool { return false }}}
	if !w.router.addUplink(h.uplink) {
		w.t.Fatal("a publisher was not taken in")
	}
	for _, kind := range []stage.Kind{stage.Audio, stage.Video} {
		t := newTrack(kind, w.router, &w.engine.counters)
		t.formats[opusType], t.formats[vp8Type], t.formats[h264Type] = formatOpus, formatVP8, formatH264
		if !w.router.addTrack(h.uplink, t) {
			w.t.Fatal("a track was not taken in")
		}
	}
	return h
}

// send publishes one packet.
func (h *fakeHost) send(kind stage.Kind, payloadType uint8, number uint16, timestamp uint32, payload string) {
	p := &rtp.Packet{Header: rtp.Header{PayloadType: payloadType, SequenceNumber: number, Timestamp: timestamp}, Payload: []byte(payload)}
	(*h.place(kind)).take(p)
}

// Payloads that begin a VP8 keyframe, and that do not.
const (
	vp8Key   = "\x10\x00"
	vp8Delta = "\x10\x01"
)

// viewer adds a subscriber.
func (w *world) viewer(slots int, change func(*downlink)) (*downlink, *fakeTransport) {
	w.t.Helper()
	f := &fakeTransport{}
	d := &downlink{
		participant: "viewer", audience: true, ready: true, counters: &w.engine.counters,
		ended: func(error) {}, over: func() bool { return false },
		shard: int(w.engine.nextShard.Add(1)) % len(w.engine.shards),
	}
	if change != nil {
		change(d)
	}
	d.open(f, fakeSections(slots))
	if !w.router.addDownlink(d) {
		w.t.Fatal("a viewer was not taken in")
	}
	return d, f
}
