package peer

import "encoding/binary"

// Packet types and formats of RTCP. // RFC 3550 12.1, RFC 4585 6.1, RFC 5104 4.3.1
const (
	typeSR   = 200
	typeRR   = 201
	typeSDES = 202
	typeBye  = 203
	typeRTP  = 205 // transport layer feedback
	typePS   = 206 // payload specific feedback

	formatNACK = 1
	formatTWCC = 15
	formatPLI  = 1
	formatFIR  = 4
	formatREMB = 15
)

// Report is what a receiver reports of one stream. // RFC 3550 6.4.1
type Report struct {
	SSRC     uint32
	Fraction uint8 // lost since the last report, of 256
	Lost     int32 // 24 bits
	Highest  uint32
	Jitter   uint32
	LastSR   uint32
	Delay    uint32 // since it, in units of 1/65536 s
}

func appendHeader(dst []byte, count, kind byte, words int, ssrc uint32) []byte {
	dst = append(dst, 0x80|count, kind)
	dst = binary.BigEndian.AppendUint16(dst, uint16(words))
	return binary.BigEndian.AppendUint32(dst, ssrc)
}

// AppendReceiverReport appends one report packet, or several where there are more than 31 reports, and the name of the sender.
func AppendReceiverReport(dst []byte, ssrc uint32, reports []Report) []byte {
	for first := true; first || len(reports) > 0; first = false {
		part := reports[:min(len(reports), 31)]
		reports = reports[len(part):]
		dst = appendHeader(dst, byte(len(part)), typeRR, 1+6*len(part), ssrc)
		for _, r := range part {
			dst = binary.BigEndian.AppendUint32(dst, r.SSRC)
			dst = binary.BigEndian.AppendUint32(dst, uint32(r.Fraction)<<24|uint32(r.Lost)&0xffffff)
			dst = binary.BigEndian.AppendUint32(dst, r.Highest)
			dst = binary.BigEndian.AppendUint32(dst, r.Jitter)
			dst = binary.BigEndian.AppendUint32(dst, r.LastSR)
			dst = binary.BigEndian.AppendUint32(dst, r.Delay)
		}
	}
	return appendName(dst, ssrc)
}

// AppendSenderReport appends a report of what was sent, and the name of the sender.
func AppendSenderReport(dst []byte, ssrc uint32, ntp uint64, timestamp, packets, octets uint32) []byte {
	dst = appendHeader(dst, 0, typeSR, 6, ssrc)
	dst = binary.BigEndian.AppendUint64(dst, ntp)
	dst = binary.BigEndian.AppendUint32(dst, timestamp)
	dst = binary.BigEndian.AppendUint32(dst, packets)
	dst = binary.BigEndian.AppendUint32(dst, octets)
	return appendName(dst, ssrc)
}

// appendName appends the canonical name. // RFC 3550 6.5
func appendName(dst []byte, ssrc uint32) []byte {
	dst = appendHeader(dst, 1, typeSDES, 3, ssrc)
	return append(dst, 1, 4, 'l', 'o', 'a', 'd', 0, 0)
}

// NTP is the time of sender reports: seconds since 1900 and their fraction.
func NTP(unixNano int64) uint64 {
	const between = 2208988800 // seconds from 1900 to 1970
	return uint64(unixNano/1e9+between)<<32 | uint64(unixNano%1e9)<<32/1e9
}

// AppendPLI appends a request for a keyframe. // RFC 4585 6.3.1
func AppendPLI(dst []byte, ssrc, media uint32) []byte {
	dst = appendHeader(dst, formatPLI, typePS, 2, ssrc)
	return binary.BigEndian.AppendUint32(dst, media)
}

// AppendNACK appends a request for packets, whose numbers are in ascending order. // RFC 4585 6.2.1
func AppendNACK(dst []byte, ssrc, media uint32, numbers []uint16) []byte {
	start := len(dst)
	dst = appendHeader(dst, formatNACK, typeRTP, 0, ssrc)
	dst = binary.BigEndian.AppendUint32(dst, media)
	for len(numbers) > 0 {
		first, following := numbers[0], uint16(0)
		numbers = numbers[1:]
		for len(numbers) > 0 && numbers[0]-first >= 1 && numbers[0]-first <= 16 {
			following |= 1 << (numbers[0] - first - 1)
			numbers = numbers[1:]
		}
		dst = binary.BigEndian.AppendUint16(dst, first)
		dst = binary.BigEndian.AppendUint16(dst, following)
	}
	binary.BigEndian.PutUint16(dst[start+2:], uint16((len(dst)-start)/4-1))
	return dst
}

// AppendREMB appends an estimate of what the receiver's line carries. // draft-alvestrand-rmcat-remb-03 2.2
func AppendREMB(dst []byte, ssrc uint32, bitsPerSecond uint64, streams []uint32) []byte {
	streams = streams[:min(len(streams), 255)]
	dst = appendHeader(dst, formatREMB, typePS, 4+len(streams), ssrc)
	dst = append(dst, 0, 0, 0, 0, 'R', 'E', 'M', 'B', byte(len(streams)))
	exponent := byte(0)
	for bitsPerSecond > 0x3ffff {
		bitsPerSecond >>= 1
		exponent++
	}
	dst = append(dst, exponent<<2|byte(bitsPerSecond>>16), byte(bitsPerSecond>>8), byte(bitsPerSecond))
	for _, s := range streams {
		dst = binary.BigEndian.AppendUint32(dst, s)
	}
	return dst
}

// Control is one packet of a compound RTCP packet, as far as a client has to know it.
type Control struct {
	// SSRC is who sent it, Media whom it is about.
	SSRC, Media uint32
	// SenderReport is one, with NTP the middle 32 bits of its time.
	SenderReport bool
	NTP          uint32
	// Keyframe asks for one, by PLI or FIR.
	Keyframe bool
	// Lost asks for packets: pairs of a number and a bitmask of those that follow.
	Lost []byte
}

// EachControl calls visit with each packet of a compound, as far as it is well formed. FIR is reported once for each stream it names.
func EachControl(compound []byte, visit func(Control)) {
	for len(compound) >= 8 && compound[0]>>6 == 2 {
		n := 4 * (int(binary.BigEndian.Uint16(compound[2:])) + 1)
		if n < 8 || n > len(compound) {
			return
		}
		packet, format := compound[:n], compound[0]&31
		compound = compound[n:]
		c := Control{SSRC: binary.BigEndian.Uint32(packet[4:])}
		if packet[1] == typeSR && n >= 28 {
			c.SenderReport, c.NTP = true, binary.BigEndian.Uint32(packet[10:])
			visit(c)
			continue
		}
		if n < 12 || packet[1] != typeRTP && packet[1] != typePS {
			continue
		}
		c.Media = binary.BigEndian.Uint32(packet[8:])
		switch {
		case packet[1] == typeRTP && format == formatNACK:
			c.Lost = packet[12:]
			visit(c)
		case packet[1] == typePS && format == formatPLI:
			c.Keyframe = true
			visit(c)
		case packet[1] == typePS && format == formatFIR:
			c.Keyframe = true
			for entry := packet[12:]; len(entry) >= 8; entry = entry[8:] {
				c.Media = binary.BigEndian.Uint32(entry)
				visit(c)
			}
		}
	}
}

// EachLost calls visit with each number that Control.Lost asks for.
func (c Control) EachLost(visit func(number uint16)) {
	for entry := c.Lost; len(entry) >= 4; entry = entry[4:] {
		first, following := binary.BigEndian.Uint16(entry), binary.BigEndian.Uint16(entry[2:])
		visit(first)
		for i := range uint16(16) {
			if following&(1<<i) != 0 {
				visit(first + i + 1)
			}
		}
	}
}
