package srtp

import (
	"encoding/binary"
	"errors"
	"fmt"
)

const (
	rtpHeaderLen  = 12      // without contributing sources and extensions // RFC 3550 5.1
	rtcpClearLen  = 8       // of an SRTCP packet, never encrypted // RFC 3711 3.4
	indexLen      = 4       // the word with the encryption flag and the SRTCP index // RFC 3711 3.4
	encryptedFlag = 1 << 31 // of that word
	maxRTPIndex   = 1<<48 - 1
	maxRTCPIndex  = 1<<31 - 1
)

var (
	// ErrMalformed says that a packet is too short for its fixed header, or that it has another version.
	ErrMalformed = errors.New("malformed RTP or RTCP packet")
	// ErrIndex says that a packet index has more than 48 bits or does not end in the sequence number of the header.
	ErrIndex = errors.New("packet index does not fit the RTP header")
	// ErrExhausted says that a key has protected as many RTCP packets as it may. // RFC 3711 9.2
	ErrExhausted = errors.New("SRTCP index exhausted")
)

// transform is one of the two ways to protect the packets of one direction, either RTP or RTCP.
type transform interface {
	sealRTP(dst, header, payload []byte, ssrc uint32, index uint64) []byte
	sealRTCP(dst, packet []byte, ssrc, index uint32) []byte
	splitRTCP(packet []byte) (word uint32)
	openRTCP(packet []byte, ssrc, word uint32) ([]byte, error)
	overhead() int // of an SRTCP packet
}

// newTransform derives session keys and makes what protects with them.
func newTransform(p Profile, master *MasterKey, encryption label) (transform, error) {
	keys, err := deriveSession(p, master, encryption)
	if err != nil {
		return nil, err
	}
	if p == AEADAES128GCM {
		return newGCM(&keys)
	}
	return newCounterMode(&keys)
}

// Sender protects what is sent under one master key: RTP of any number of SSRCs, and RTCP. It is not safe for concurrent use.
type Sender struct {
	rtp, rtcp transform
	next      uint32 // SRTCP index of the next packet. One row for all SSRCs of the sender is unique for each of them.
}

// NewSender derives the session keys of a direction from its master key.
func NewSender(p Profile, master MasterKey) (*Sender, error) {
	rtp, err := newTransform(p, &master, labelRTPEncryption)
	if err != nil {
		return nil, fmt.Errorf("make SRTP sender: %w", err)
	}
	rtcp, err := newTransform(p, &master, labelRTCPEncryption)
	if err != nil {
		return nil, fmt.Errorf("make SRTCP sender: %w", err)
	}
	return &Sender{rtp: rtp, rtcp: rtcp}, nil
}

// SealRTP appends to dst the SRTP packet of a header and a payload, and returns dst with the packet at its end. The header is complete:
// contributing sources and extensions included, and the payload includes RTP padding where the header says so. index is the sequence
// number of the header with the roll-over counter above it; see the package comment for why no index may be used twice.
//
// header and payload are only read. They must not overlap the free capacity of dst, with one exception for callers that compose a packet
// where it is going to be sent from: header and payload may lie there in exactly the place they get, which seals the packet in place.
// Nothing is allocated for dst when it has room for header, payload and Profile.Overhead.
func (s *Sender) SealRTP(dst, header, payload []byte, index uint64) ([]byte, error) {
	if len(header) < rtpHeaderLen {
		return dst, ErrMalformed
	}
	if uint16(index) != binary.BigEndian.Uint16(header[2:]) || index > maxRTPIndex {
		return dst, ErrIndex
	}
	return s.rtp.sealRTP(dst, header, payload, binary.BigEndian.Uint32(header[8:]), index), nil
}

// SealRTCP appends to dst the SRTCP packet of a compound RTCP packet, which is only read and must not overlap the free capacity of dst,
// and returns dst with it at its end. Nothing is allocated for dst when it has room for the packet and Profile.ControlOverhead.
func (s *Sender) SealRTCP(dst, packet []byte) ([]byte, error) {
	if len(packet) < rtcpClearLen {
		return dst, ErrMalformed
	}
	if s.next > maxRTCPIndex {
		return dst, ErrExhausted
	}
	index := s.next
	s.next++
	return s.rtcp.sealRTCP(dst, packet, binary.BigEndian.Uint32(packet[4:]), index), nil
}
