package srtp

import (
	"encoding/binary"
	"errors"
	"fmt"
)

var (
	// ErrAuthentication says that a packet was not protected with the key of this receiver, or was changed on the way.
	ErrAuthentication = errors.New("packet not authentic")
	// ErrReplayed says that a packet was received before, or is too old to tell.
	ErrReplayed = errors.New("packet replayed")
	// ErrSources says that the peer sends RTCP with more SSRCs than a receiver keeps replay lists for.
	ErrSources = errors.New("too many RTCP sources")
)

// maxSources bounds how many SSRCs may send RTCP to one receiver. A browser that receives uses one or two, or one for each media
// section; a hostile peer has the key and could otherwise fill memory.
const maxSources = 128

// Receiver opens what the peer protected under its master key. Viewers send RTCP and no RTP. It is not safe for concurrent use.
type Receiver struct {
	rtcp    transform
	sources []replayWindow // few, in the order of their first packet
}

// NewReceiver derives the session keys of a direction from its master key.
func NewReceiver(p Profile, master MasterKey) (*Receiver, error) {
	rtcp, err := newTransform(p, &master, labelRTCPEncryption)
	if err != nil {
		return nil, fmt.Errorf("make SRTCP receiver: %w", err)
	}
	return &Receiver{rtcp: rtcp}, nil
}

// OpenRTCP authenticates an SRTCP packet, decrypts it in place and returns the compound RTCP packet, which is a part of the same memory.
// It accepts each packet once, and those that come up to 63 numbers late. What is in packet after an error is undefined. Nothing is
// allocated, except for a source that was not heard before, and what the package comment says of long packets.
func (r *Receiver) OpenRTCP(packet []byte) ([]byte, error) {
	if len(packet) < rtcpClearLen+r.rtcp.overhead() || packet[0]>>6 != 2 {
		return nil, ErrMalformed
	}
	ssrc := binary.BigEndian.Uint32(packet[4:])
	word := r.rtcp.splitRTCP(packet)
	index := word &^ encryptedFlag
	// The replay list is looked at first, and updated only by what is authentic. // RFC 3711 3.3.2
	window := r.source(ssrc)
	switch {
	case window == nil && len(r.sources) == maxSources:
		return nil, ErrSources
	case window != nil && !window.fresh(index):
		return nil, ErrReplayed
	}
	plain, err := r.rtcp.openRTCP(packet, ssrc, word)
	if err != nil {
		return nil, err
	}
	if window == nil {
		r.sources = append(r.sources, replayWindow{ssrc: ssrc})
		window = &r.sources[len(r.sources)-1]
	}
	window.accept(index)
	return plain, nil
}

func (r *Receiver) source(ssrc uint32) *replayWindow {
	for i := range r.sources {
		if r.sources[i].ssrc == ssrc {
			return &r.sources[i]
		}
	}
	return nil
}

// replayWindow remembers which of the newest 64 SRTCP indexes of one SSRC were received. // RFC 3711 3.3.2
type replayWindow struct {
	ssrc uint32
	top  uint32 // highest index received
	seen uint64 // bit n is set when top-n was received, so it is zero before the first packet
}

const windowLen = 64

// fresh says whether an index may be accepted: it is newer than all, or within the window and not seen.
func (w *replayWindow) fresh(index uint32) bool {
	if w.seen == 0 || index > w.top {
		return true
	}
	age := w.top - index
	return age < windowLen && w.seen&(1<<age) == 0
}

// accept notes a fresh index.
func (w *replayWindow) accept(index uint32) {
	if w.seen == 0 || index > w.top {
		w.seen = w.seen<<(index-w.top) | 1 // a shift by 64 or more leaves nothing
		w.top = index
		return
	}
	w.seen |= 1 << (w.top - index)
}
