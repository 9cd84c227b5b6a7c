package load

import (
	"encoding/binary"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"streamcat/load/footage"
	"streamcat/load/peer"
	"streamcat/rtcapi/client"
)

const (
	reportEvery = int64(time.Second)
	// Browsers ask for a keyframe when there is none for a while, and then once a second.
	firstPLI   = int64(500 * time.Millisecond)
	pliEvery   = int64(time.Second)
	maxStreams = 128 // of a connection
)

// meter counts what the viewers of one loop receive. It belongs to that loop.
type meter struct {
	run footage.Run

	packets, bytes   int64 // RTP, without repetitions; bytes as UDP carries them
	repetitions      int64 // packets that came again, or as a repair
	holes            int64 // numbers left out, less those that came late
	omitted          int64 // packets of the publisher that did not come, by the marks
	marked           int64
	repaired         int64 // packets that came by RTX
	nacks, plis      int64 // sent
	verified, forged int64
	audio, video     histogram // latency
}

// viewer is one connection that receives. All of it belongs to its loop once it is connected, but for what says otherwise.
type viewer struct {
	client *client.Client
	token  string
	meter  *meter
	config *Config

	// Set before connecting, or by it.
	conn     *peer.Conn
	resource *client.Resource
	events   func() // ends the events socket, and waits for it

	ssrc      uint32 // its own, for reports
	twcc      uint8
	remb      bool
	streams   []*stream
	last      *stream
	arrivals  peer.Arrivals
	plain     [peer.PeekLen]byte
	scratch   []byte
	compound  []byte
	numbers   []uint16
	reports   []peer.Report
	estimated []uint32 // streams of an estimate

	connected           int64
	pictured            int64 // when the first keyframe was complete
	nextReport, nextPLI int64
	audioAt, videoAt    int64 // when the last packet came
	gone                atomic.Bool
	reason              error
}

// serve is called by the loop when the connection is there.
func (v *viewer) serve(c *peer.Conn) peer.Handler {
	v.conn = c
	v.connected = c.Timing().Connected.UnixNano()
	v.ssrc = rand.Uint32() | 1
	v.nextReport = v.connected + rand.Int64N(reportEvery)
	v.nextPLI = v.connected + firstPLI
	for _, s := range c.Answer().Sections {
		if s.TWCC != 0 {
			v.twcc = s.TWCC
		}
		v.remb = v.remb || s.REMB
		var media *stream
		if s.SSRC != 0 {
			media = v.add(s.SSRC, s.Kind)
		}
		if s.Repair != 0 {
			if r := v.add(s.Repair, s.Kind); r != nil {
				r.repair, r.media = true, media
			}
		}
	}
	return v
}

func (v *viewer) add(ssrc uint32, kind peer.Kind) *stream {
	if len(v.streams) == maxStreams {
		return nil
	}
	s := &stream{ssrc: ssrc, kind: kind, source: -1}
	v.streams = append(v.streams, s)
	return s
}

// stream finds the one that a packet belongs to. One that the answer did not declare is known by its payload type.
func (v *viewer) stream(h *header) *stream {
	if v.last != nil && v.last.ssrc == h.ssrc {
		return v.last
	}
	for _, s := range v.streams {
		if s.ssrc == h.ssrc {
			v.last = s
			return s
		}
	}
	switch h.payloadType {
	case peer.PayloadOpus:
		return v.add(h.ssrc, peer.Audio)
	case peer.PayloadVideo, peer.PayloadVP8:
		return v.add(h.ssrc, peer.Video)
	case peer.PayloadVideo + 1, peer.PayloadVP8 + 1:
		if s := v.add(h.ssrc, peer.Video); s != nil {
			s.repair = true
			return s
		}
	}
	return nil
}

// RTP takes a packet.
func (v *viewer) RTP(packet []byte, length int, at int64) {
	h, ok := readHeader(packet)
	if !ok {
		return
	}
	if v.twcc != 0 {
		if e := h.extension(v.twcc); len(e) == 2 {
			v.arrivals.Note(binary.BigEndian.Uint16(e), at)
		}
	}
	s := v.stream(&h)
	size := length - h.length - v.conn.Overhead() // of the payload
	if s == nil || size < 0 {
		return
	}
	number, where, gap := s.take(h.sequence)
	if where == repeated || where == tooLate {
		v.meter.repetitions++
		return
	}
	payload := packet[h.length:]
	plain := v.plain[:min(size, v.conn.Peek(&v.plain, payload, h.ssrc, uint64(number)))]
	if len(packet) == length {
		if v.conn.Open(packet, h.length, h.ssrc, uint64(number)) == nil {
			v.meter.verified++
		} else {
			v.meter.forged++
		}
	}
	if s.repair {
		v.repaired(s, plain, h.payloadType-1, &h, at)
		return
	}
	v.meter.packets++
	v.meter.bytes += int64(length)
	v.media(s, &h, h.payloadType, plain, number, where, at)
	if where == newest {
		s.observe(h.timestamp, at)
		if gap > 0 {
			v.meter.holes += gap
			if s.kind == peer.Video {
				s.miss(number, gap, at)
				v.ask(s, at)
			}
		}
	} else {
		v.meter.holes--
	}
}

// repaired takes a packet that came again in a stream of its own. // RFC 4588 4
func (v *viewer) repaired(s *stream, plain []byte, payloadType uint8, h *header, at int64) {
	if s.media == nil || len(plain) < 2 {
		return
	}
	number, where, _ := s.media.take(binary.BigEndian.Uint16(plain))
	if where != late {
		v.meter.repetitions++
		return
	}
	v.meter.repaired++
	v.meter.holes--
	v.media(s.media, h, payloadType, plain[2:], number, where, at)
}

// media looks at the beginning of a payload.
func (v *viewer) media(s *stream, h *header, payloadType uint8, plain []byte, number int64, where place, at int64) {
	s.lastAt = at
	if s.kind == peer.Audio {
		v.audioAt = at
	} else {
		v.videoAt = at
		if v.pictured == 0 && s.complete(number, h.timestamp, h.marker, isKeyframe(payloadType, plain)) {
			v.pictured = at
		}
		if s.gaveUp && isKeyframe(payloadType, plain) {
			s.gaveUp = false
		}
	}
	m, ok := footage.ReadMark(plain, v.meter.run)
	if !ok {
		return
	}
	v.meter.marked++
	if where != newest {
		return // it was repaired; its latency is that of the repair
	}
	v.meter.omitted += s.follow(m)
	if s.kind == peer.Audio {
		v.meter.audio.add(time.Duration(at - m.Sent))
	} else {
		v.meter.video.add(time.Duration(at - m.Sent))
	}
}

// RTCP takes the server's reports.
func (v *viewer) RTCP(compound []byte, at int64) {
	peer.EachControl(compound, func(c peer.Control) {
		if !c.SenderReport {
			return
		}
		for _, s := range v.streams {
			if s.ssrc == c.SSRC {
				s.lastSR, s.lastSRAt = c.NTP, at
			}
		}
	})
}

// ask sends a NACK for what a stream lacks, if it is time.
func (v *viewer) ask(s *stream, now int64) {
	v.numbers = s.due(v.numbers[:0], now)
	if len(v.numbers) == 0 {
		return
	}
	v.meter.nacks += int64(len(v.numbers))
	v.send(peer.AppendNACK(v.compound[:0], v.ssrc, s.ssrc, v.numbers))
}

// send sends a compound packet that was written into v.compound.
func (v *viewer) send(compound []byte) {
	v.compound = compound
	v.scratch, _ = v.conn.SendRTCP(v.scratch[:0], compound) // fails after 2^31 packets
}

// Tick sends what a browser sends from time to time.
func (v *viewer) Tick(now int64) {
	lost := v.pictured == 0
	var media uint32 // any stream of pictures
	for _, s := range v.streams {
		if s.kind == peer.Video && !s.repair {
			if len(s.missing) > 0 {
				v.ask(s, now)
			}
			if s.started && (media == 0 || s.gaveUp) {
				media = s.ssrc
			}
			lost = lost || s.gaveUp
		}
	}
	if lost && media != 0 && now >= v.nextPLI {
		v.nextPLI = now + pliEvery
		v.meter.plis++
		v.send(peer.AppendPLI(v.compound[:0], v.ssrc, media))
	}
	if v.twcc != 0 {
		if feedback := v.arrivals.AppendFeedback(v.compound[:0], v.ssrc, media); len(feedback) > 0 {
			v.send(feedback)
		}
	}
	if now < v.nextReport {
		return
	}
	v.nextReport = now + reportEvery
	v.reports = v.reports[:0]
	for _, s := range v.streams {
		if s.started && !s.repair {
			v.reports = append(v.reports, s.report(now))
		}
	}
	compound := peer.AppendReceiverReport(v.compound[:0], v.ssrc, v.reports)
	if v.remb {
		v.estimated = v.estimated[:0]
		for _, r := range v.reports {
			v.estimated = append(v.estimated, r.SSRC)
		}
		compound = peer.AppendREMB(compound, v.ssrc, rembBits, v.estimated)
	}
	v.send(compound)
}

// rembBits is what a viewer with a good line claims to be able to receive.
const rembBits = 50_000_000

// Gone notes that the server has ended the connection.
func (v *viewer) Gone(err error) {
	v.reason = err
	v.gone.Store(true)
}

// silent says whether nothing of a kind of media has come for a while.
func (v *viewer) silent(now int64, patience time.Duration) bool {
	since := now - int64(patience)
	return v.config.video() && v.videoAt < since || v.config.Audio && v.audioAt < since
}
