package load

import (
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"streamcat/load/footage"
	"streamcat/load/peer"
)

// kept is how many packets of a stream can be sent again: a second and more.
const kept = 1024

// level is what the header extension says of the sound: somebody speaks at -20 dBov, so that no server takes it for silence. // RFC 6464 3
const level = 0x80 | 20

// source is one stream that a host sends. Its packets are made by the goroutine of the host.
type source struct {
	id          uint16 // in marks
	ssrc        uint32
	payloadType uint8
	extension   []byte // with its profile and length; nil without
	video       footage.Video
	audio       *footage.Audio

	index  uint64 // sequence number with the roll-overs above it
	number uint64 // counts packets
	octets uint32
	last   uint32 // timestamp
	packet []byte
	offset uint32 // of timestamps

	wanted   atomic.Bool // somebody asked for a keyframe
	keyAt    int64       // when the last one was sent
	asked    atomic.Int64
	answered atomic.Int64 // keyframes sent because they were asked for

	mu   sync.Mutex
	ring [kept][]byte // the protected packets, by their number modulo kept
}

func newSource(id uint16, payloadType uint8) *source {
	return &source{id: id, ssrc: rand.Uint32() | 1, payloadType: payloadType, index: uint64(rand.Uint32() & 0x3fff), offset: rand.Uint32()}
}

// extend has each packet carry header extensions. // RFC 8285 4.2
func (s *source) extend(id uint8, value string) {
	if id == 0 || value == "" {
		return
	}
	if s.extension == nil {
		s.extension = []byte{0xbe, 0xde, 0, 0}
	}
	for len(s.extension) > 4 && s.extension[len(s.extension)-1] == 0 {
		s.extension = s.extension[:len(s.extension)-1] // the padding
	}
	s.extension = append(s.extension, id<<4|byte(len(value)-1))
	s.extension = append(s.extension, value...)
	for len(s.extension)%4 != 0 {
		s.extension = append(s.extension, 0)
	}
	binary.BigEndian.PutUint16(s.extension[2:], uint16(len(s.extension)/4-1))
}

// send marks a payload and sends it.
func (s *source) send(c *peer.Conn, run footage.Run, payload []byte, timestamp uint32, marker bool, now int64) error {
	footage.Mark{Sent: now, Number: s.number, Source: s.id}.Write(payload, run)
	var header [64]byte
	header[0], header[1] = 0x80, s.payloadType
	if marker {
		header[1] |= 0x80
	}
	s.last = timestamp + s.offset
	binary.BigEndian.PutUint16(header[2:], uint16(s.index))
	binary.BigEndian.PutUint32(header[4:], s.last)
	binary.BigEndian.PutUint32(header[8:], s.ssrc)
	length := 12
	if s.extension != nil {
		header[0] |= 0x10
		length += copy(header[12:], s.extension)
	}
	s.mu.Lock()
	slot := &s.ring[s.index%kept]
	packet, err := c.SendRTP((*slot)[:0], header[:length], payload, s.index)
	*slot = packet
	s.mu.Unlock()
	if err != nil {
		return err
	}
	s.index++
	s.number++
	s.octets += uint32(len(payload))
	return nil
}

// repeat sends a packet that was lost once more, as it was.
func (s *source) repeat(c *peer.Conn, sequence uint16) {
	s.mu.Lock()
	defer s.mu.Unlock()
	packet := s.ring[int(sequence)%kept]
	if len(packet) >= 4 && binary.BigEndian.Uint16(packet[2:]) == sequence {
		c.Repeat(packet)
	}
}

// report sends a sender report.
func (s *source) report(c *peer.Conn, timestamp uint32, now int64) error {
	compound := peer.AppendSenderReport(nil, s.ssrc, peer.NTP(now), timestamp+s.offset, uint32(s.number), s.octets)
	var err error
	s.packet, err = c.SendRTCP(s.packet[:0], compound)
	return err
}
