package sfu

import (
	"encoding/binary"
	"math/rand/v2"
	"strconv"
	"time"

	"streamcat/seqmap"
	"streamcat/stage"
	"streamcat/transport"
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

// rtpHeaderLen is the length of the headers that are sent: no contributing sources, no extensions. // RFC 3550 5.1
const rtpHeaderLen = 12

// output is one outgoing stream: a section of a downlink. Everything in it is guarded by the downlink's lock.
type output struct {
	section
	downlink *downlink

	source  *track // what it carries; nothing else may be sent
	waiting bool   // for the start of a keyframe
	begin   bool   // the next packet begins a segment
	numbers seqmap.Map[*track]
	lastAt  time.Time // when the last packet was forwarded
	credit  int
	rtxNext uint64 // index of the next packet of the RTX stream
	lastPLI time.Time

	packets, octets uint32 // for sender reports
}

func (o *output) init(d *downlink, s section) {
	// RFC 3550 5.1 wants a random first number; below 2^15 it does not wrap before a receiver has seen packets, which keeps its SRTP roll-over
	// counter right (RFC 3711 3.3.1).
	*o = output{
		section: s, downlink: d,
		numbers: seqmap.New[*track](uint16(rand.Uint32N(1 << 15))),
		rtxNext: uint64(rand.Uint32N(1 << 15)),
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

// forward queues a packet of the output's source.
func (o *output) forward(b *transport.Batch, p *packet, now time.Time) {
	types := o.types[p.format]
	if types.media == 0 || o.waiting && !p.header.Keyframe {
		return
	}
	began := o.begin
	if o.begin {
		o.start(p, now)
	}
	index, timestamp, ok := o.numbers.Forward(p.seq, p.header.Timestamp)
	if !ok {
		return
	}
	o.lastAt = now
	o.credit = min(o.credit+1, maxCredit)
	o.packets++
	o.octets += uint32(len(p.payload))
	// What may be repeated under its own number has to be repeated byte by byte, without knowing what it was padded to.
	payload, padded := p.payload, false
	if types.rtx != 0 && o.rtx != 0 {
		payload, padded = p.padded, len(p.padded) > len(p.payload)
	}
	o.write(b, types.media, p.header.Marker, padded, o.ssrc, index, timestamp, payload)
	if began {
		o.report(b, now)
	}
}

// start begins a segment with p. A source that goes on keeps its timestamps; a new one follows the old as if no time had been
// lost or won: the sender report that follows ties both to the same clock.
func (o *output) start(p *packet, now time.Time) {
	o.begin, o.waiting = false, false
	if o.numbers.Resume(o.source, p.seq) {
		return
	}
	timestamp, ok := o.numbers.Last()
	if !ok {
		timestamp = rand.Uint32()
	} else {
		rate := clockRate(o.kind)
		timestamp += max(ticks(min(now.Sub(o.lastAt), maxGap), rate), rate/minGap)
	}
	o.numbers.Start(o.source, p.seq, p.header.Timestamp, timestamp)
}

// write queues one packet.
func (o *output) write(b *transport.Batch, payloadType uint8, marker, padded bool, ssrc uint32, index uint64, timestamp uint32, payload []byte) {
	header := o.downlink.scratch[:rtpHeaderLen]
	header[0], header[1] = 2<<6, payloadType
	if padded {
		header[0] |= 1 << 5
	}
	if marker {
		header[1] |= 1 << 7
	}
	binary.BigEndian.PutUint16(header[2:], uint16(index))
	binary.BigEndian.PutUint32(header[4:], timestamp)
	binary.BigEndian.PutUint32(header[8:], ssrc)
	// What cannot be sent is lost like any other packet; the connection's own state says when it is over.
	if o.downlink.carrier.AppendRTP(b, header, payload, index) == nil {
		o.downlink.counters.packetsOut.Add(1)
		o.downlink.counters.bytesOut.Add(int64(len(payload)))
	}
}

// lost answers the loss of one packet from the source's cache. It returns whether anything was queued.
func (o *output) lost(b *transport.Batch, number uint16) bool {
	if o.credit <= 0 {
		return false
	}
	o.credit--
	if !o.repeat(b, number) {
		o.downlink.counters.nacksMissed.Add(1)
		return false
	}
	o.downlink.counters.nacksAnswered.Add(1)
	return true
}

// repeat queues a packet again: as RTX (RFC 4588) where agreed, else as it was. Packets of a source that the output no longer carries are
// not repeated: they may be forbidden by now.
func (o *output) repeat(b *transport.Batch, number uint16) bool {
	found, ok := o.numbers.Find(number)
	if source := found.Source; !ok || source == nil || source != o.source {
		return false
	}
	const room = 2 // for the original sequence number
	if o.downlink.buf == nil {
		o.downlink.buf = make([]byte, room+maxPacket)
	}
	buf := o.downlink.buf
	header, payload, ok := found.Source.cache.Load(found.Seq, buf[room:])
	if !ok {
		return false
	}
	types := o.types[found.Source.formats[header.PayloadType&0x7f]]
	timestamp := header.Timestamp + found.Offset
	switch {
	case types.media == 0:
		return false
	case types.rtx == 0 || o.rtx == 0:
		o.write(b, types.media, header.Marker, false, o.ssrc, found.Index, timestamp, payload)
	default:
		binary.BigEndian.PutUint16(buf, number)
		o.write(b, types.rtx, header.Marker, false, o.rtx, o.rtxNext, timestamp, buf[:room+len(payload)])
		o.rtxNext++
	}
	return true
}

func (o *output) requestKeyframe(now time.Time) {
	if o.source == nil || o.kind != stage.Video || now.Sub(o.lastPLI) < pliInterval {
		return
	}
	o.lastPLI = now
	o.source.keyframes.request()
}

// report queues a sender report: which timestamp of the outgoing stream is now. Both outputs of a slot are told of the same clock, ours, so
// they play in sync whoever is in the slot.
func (o *output) report(b *transport.Batch, now time.Time) {
	offset, ok := o.numbers.Offset(o.source)
	timestamp, known := o.source.clock.timestampAt(now)
	if !ok || !known || o.begin {
		return
	}
	packet := o.appendReport(o.downlink.scratch[:0], toNTP(now), timestamp+offset)
	// The reports of a viewer are lost like its packets.
	_ = o.downlink.carrier.AppendRTCP(b, packet)
}

// maxReport is longer than a report can be.
const maxReport = 64

// appendReport writes a sender report and the CNAME, which ties the sections of a slot together. // RFC 3550 6.4.1, 6.5
func (o *output) appendReport(dst []byte, ntp uint64, timestamp uint32) []byte {
	dst = append(dst, 2<<6, rtcpSenderReport, 0, 6)
	dst = binary.BigEndian.AppendUint32(dst, o.ssrc)
	dst = binary.BigEndian.AppendUint64(dst, ntp)
	dst = binary.BigEndian.AppendUint32(dst, timestamp)
	dst = binary.BigEndian.AppendUint32(dst, o.packets)
	dst = binary.BigEndian.AppendUint32(dst, o.octets)
	const prefix = "slot-" // as in section.streamID
	start := len(dst)
	dst = append(dst, 2<<6|1, rtcpSourceDescription, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, o.ssrc)
	const itemCNAME = 1
	dst = append(dst, itemCNAME, 0)
	name := len(dst)
	dst = strconv.AppendInt(append(dst, prefix...), int64(o.slot), 10)
	dst[name-1] = byte(len(dst) - name)
	for dst = append(dst, 0); (len(dst)-start)%4 != 0; {
		dst = append(dst, 0)
	}
	binary.BigEndian.PutUint16(dst[start+2:], uint16((len(dst)-start)/4-1))
	return dst
}
