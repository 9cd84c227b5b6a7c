package sfu

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"streamcat/seqmap"
	"streamcat/stage"
)

const (
	// pliInterval is the least time between two keyframe requests of one viewer that are listened to.
	pliInterval = time.Second
	// maxCredit is how many retransmissions a viewer may have in store; each packet forwarded earns one. So nobody can make the server
	// send more than twice what it sends anyway.
	maxCredit = 256
	// minGap is the least distance of timestamps, in parts of a second, between the packets of two publishers in a slot.
	minGap = 100
	// maxGap is the largest one: more would come near half the range of a timestamp and read as a step back.
	maxGap = time.Hour
)

// output is one outgoing stream: a section of a downlink. Everything in it is guarded by the downlink's lock.
type output struct {
	section
	downlink *downlink
	index    int
	cname    string

	source  *track // what it carries; nothing else may be sent
	waiting bool   // for the start of a keyframe
	begin   bool   // the next packet begins a segment
	numbers seqmap.Map[*track]
	lastAt  time.Time // when the last packet was forwarded
	header  rtp.Header
	credit  int
	rtxNext uint16
	lastPLI time.Time

	packets, octets uint32 // for sender reports
}

func newOutput(d *downlink, index int, s section) *output {
	// RFC 3550 5.1 wants a random first number; below 2^15 it does not wrap before a receiver has seen packets, which keeps its SRTP roll-over
	// counter right (RFC 3711 3.3.1).
	return &output{
		section: s, downlink: d, index: index, cname: fmt.Sprintf("slot-%d", s.slot),
		numbers: seqmap.New[*track](uint16(rand.Uint32N(1 << 15))),
		rtxNext: uint16(rand.Uint32N(1 << 15)),
	}
}

// set says what the output carries.
func (o *output) set(t *track) {
	if o.source == t {
		return
	}
	o.source = t
	o.begin = true
	o.waiting = false
	if t != nil && o.kind == stage.Video {
		o.waiting = true
		t.keyframes.request()
	}
}

// pause waits for the next keyframe.
func (o *output) pause() {
	o.begin = true
	if o.kind == stage.Video {
		o.waiting = true
		o.source.keyframes.request()
	}
}

// forward sends a packet of the output's source.
func (o *output) forward(p *packet, now time.Time) {
	types := o.types[p.track.formats[p.header.PayloadType&0x7f]]
	if types.media == 0 || o.waiting && !p.header.Keyframe {
		return
	}
	began := o.begin
	if o.begin {
		o.start(p, now)
	}
	number, timestamp, ok := o.numbers.Forward(p.seq, p.header.Timestamp)
	if !ok {
		return
	}
	o.lastAt = now
	o.credit = min(o.credit+1, maxCredit)
	o.packets++
	o.octets += uint32(len(p.payload))
	o.write(types.media, p.header.Marker, o.ssrc, number, timestamp, p.payload)
	if began {
		o.report(now)
	}
}

// start begins a segment with p. A source that goes on keeps its timestamps; a new one follows the old as if no time had been
// lost or won: the sender report that follows ties both to the same clock.
func (o *output) start(p *packet, now time.Time) {
	o.begin, o.waiting = false, false
	if o.numbers.Resume(p.track, p.seq) {
		return
	}
	timestamp, ok := o.numbers.Last()
	if !ok {
		timestamp = rand.Uint32()
	} else {
		rate := clockRate(o.kind)
		timestamp += max(ticks(min(now.Sub(o.lastAt), maxGap), rate), rate/minGap)
	}
	o.numbers.Start(p.track, p.seq, p.header.Timestamp, timestamp)
}

// write sends one packet.
func (o *output) write(payloadType uint8, marker bool, ssrc uint32, number uint16, timestamp uint32, payload []byte) {
	o.header = rtp.Header{
		Version: 2, Marker: marker, PayloadType: payloadType,
		SequenceNumber: number, Timestamp: timestamp, SSRC: ssrc,
	}
	// What cannot be sent is lost like any other packet; the connection's own state says when it is over.
	if o.downlink.transport.writeRTP(o.index, &o.header, payload) == nil {
		o.downlink.counters.packetsOut.Add(1)
		o.downlink.counters.bytesOut.Add(int64(len(payload)))
	}
}

// lost answers a NACK from the source's cache.
func (o *output) lost(nacks []rtcp.NackPair) {
	for _, pair := range nacks {
		for _, number := range pair.PacketList() {
			if o.credit <= 0 {
				return
			}
			o.credit--
			if o.repeat(number) {
				o.downlink.counters.nacksAnswered.Add(1)
			} else {
				o.downlink.counters.nacksMissed.Add(1)
			}
		}
	}
}

// repeat sends a packet again: as RTX (RFC 4588) where agreed, else as it was. Packets of a source that the output no longer carries are
// not repeated: they may be forbidden by now.
func (o *output) repeat(number uint16) bool {
	source, seq, offset, ok := o.numbers.Find(number)
	if !ok || source == nil || source != o.source {
		return false
	}
	const room = 2 // for the original sequence number
	if o.downlink.buf == nil {
		o.downlink.buf = make([]byte, room+maxPacket)
	}
	buf := o.downlink.buf
	header, payload, ok := source.cache.Load(seq, buf[room:])
	if !ok {
		return false
	}
	types := o.types[source.formats[header.PayloadType&0x7f]]
	if types.media == 0 {
		return false
	}
	if types.rtx == 0 || o.rtx == 0 {
		o.write(types.media, header.Marker, o.ssrc, number, header.Timestamp+offset, payload)
		return true
	}
	binary.BigEndian.PutUint16(buf, number)
	o.write(types.rtx, header.Marker, o.rtx, o.rtxNext, header.Timestamp+offset, buf[:room+len(payload)])
	o.rtxNext++
	return true
}

func (o *output) requestKeyframe(now time.Time) {
	if o.source == nil || o.kind != stage.Video || now.Sub(o.lastPLI) < pliInterval {
		return
	}
	o.lastPLI = now
	o.source.keyframes.request()
}

// report sends a sender report: which timestamp of the outgoing stream is now. Both outputs of a slot are told of the same clock, ours, so they
// play in sync whoever is in the slot.
func (o *output) report(now time.Time) {
	offset, ok := o.numbers.Offset(o.source)
	timestamp, known := o.source.clock.timestampAt(now)
	if !ok || !known || o.begin {
		return
	}
	// The reports of a viewer are lost like its packets.
	_ = o.downlink.transport.writeRTCP([]rtcp.Packet{
		&rtcp.SenderReport{SSRC: o.ssrc, NTPTime: toNTP(now), RTPTime: timestamp + offset, PacketCount: o.packets, OctetCount: o.octets},
		&rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{
			Source: o.ssrc,
			Items:  []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: o.cname}},
		}}},
	})
}
