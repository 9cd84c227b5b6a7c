package sfu

import (
	"encoding/binary"
	"time"

	"streamcat/transport"
)

// RTCP packet types, and the formats of feedback that the engine understands. // RFC 3550 12.1, RFC 4585 6.1, RFC 5104 4.3.1
const (
	rtcpSenderReport      = 200
	rtcpSourceDescription = 202
	rtcpTransportFeedback = 205
	rtcpPayloadFeedback   = 206

	formatNACK = 1 // of transport feedback
	formatPLI  = 1 // of payload-specific feedback
	formatFIR  = 4

	rtcpHeaderLen   = 4
	feedbackLen     = 12 // with the SSRCs of the sender and of the stream it speaks of
	nackLen, firLen = 4, 8
)

// feedback takes a compound packet of the subscriber's. It is authentic, which does not make it well-formed; what is not understood is
// passed over. Repeated packets are queued and sent before the lock is released, as Apply has to find them sent.
func (d *downlink) feedback(b *transport.Batch, compound []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	repeated := false
	for len(compound) >= rtcpHeaderLen {
		length := rtcpHeaderLen * (1 + int(binary.BigEndian.Uint16(compound[2:])))
		if length > len(compound) {
			break
		}
		packet := compound[:length]
		compound = compound[length:]
		if length < feedbackLen {
			continue
		}
		format := packet[0] & 0x1f
		switch packet[1] {
		case rtcpTransportFeedback:
			if format == formatNACK {
				repeated = d.lost(b, packet) || repeated
			}
		case rtcpPayloadFeedback:
			d.wantKeyframe(format, packet)
		}
	}
	if repeated && b != nil {
		_ = b.Flush() // whoever reads the socket sees that it is broken
	}
}

// lost answers a NACK. It returns whether anything was queued.
func (d *downlink) lost(b *transport.Batch, packet []byte) bool {
	o := d.output(binary.BigEndian.Uint32(packet[8:]))
	if o == nil {
		return false
	}
	repeated := false
	for entry := packet[feedbackLen:]; len(entry) >= nackLen; entry = entry[nackLen:] {
		number, following := binary.BigEndian.Uint16(entry), binary.BigEndian.Uint16(entry[2:])
		repeated = o.lost(b, number) || repeated
		for ; following != 0; following >>= 1 {
			if number++; following&1 != 0 {
				repeated = o.lost(b, number) || repeated
			}
		}
	}
	return repeated
}

// wantKeyframe takes a PLI or a FIR.
func (d *downlink) wantKeyframe(format uint8, packet []byte) {
	now := time.Now()
	switch format {
	case formatPLI:
		if o := d.output(binary.BigEndian.Uint32(packet[8:])); o != nil {
			o.requestKeyframe(now)
		}
	case formatFIR:
		for entry := packet[feedbackLen:]; len(entry) >= firLen; entry = entry[firLen:] {
			if o := d.output(binary.BigEndian.Uint32(entry)); o != nil {
				o.requestKeyframe(now)
			}
		}
	}
}
