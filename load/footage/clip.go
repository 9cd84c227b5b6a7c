package footage

import (
	"bytes"
	"errors"
	"fmt"
)

// ErrClip says that a file is no clip that can be sent.
var ErrClip = errors.New("not an H.264 byte stream that begins with a keyframe")

// Clip is a piece of H.264 that repeats.
type Clip struct{ units []accessUnit }

// accessUnit is one picture.
type accessUnit struct {
	nals [][]byte // in order, without parameter sets
	sets [][]byte // the parameter sets that a keyframe is sent with
	key  bool
}

// ReadClip takes a byte stream of ITU-T H.264 Annex B apart. The memory of data is used on.
func ReadClip(data []byte) (*Clip, error) {
	c := &Clip{}
	var sps, pps []byte
	var next accessUnit
	pictured := false // next has a slice
	flush := func() {
		if pictured {
			c.units = append(c.units, next)
		}
		next, pictured = accessUnit{}, false
	}
	for _, nal := range splitUnits(data) {
		switch kind := nal[0] & 0x1f; kind {
		case 1, 5:
			// A slice that begins with the first macroblock begins a picture: its first bit is set.
			if len(nal) < 2 {
				return nil, fmt.Errorf("read clip: slice without content: %w", ErrClip)
			}
			if pictured && nal[1]&0x80 != 0 {
				flush()
			}
			if kind == 5 && !next.key {
				if sps == nil || pps == nil {
					return nil, fmt.Errorf("read clip: keyframe without parameter sets: %w", ErrClip)
				}
				next.key, next.sets = true, [][]byte{sps, pps}
			}
			next.nals = append(next.nals, nal)
			pictured = true
		case 7:
			flush()
			sps = nal
		case 8:
			if pictured {
				flush()
			}
			pps = nal
		case 6, 9, 10, 11, 12: // the mark makes a message of its own, the rest says nothing that RTP does not say
			if pictured && kind != 10 && kind != 11 && kind != 12 {
				flush()
			}
		default:
			return nil, fmt.Errorf("read clip: unit of type %d: %w", kind, ErrClip)
		}
	}
	flush()
	if len(c.units) == 0 || !c.units[0].key {
		return nil, fmt.Errorf("read clip: %w", ErrClip)
	}
	return c, nil
}

// splitUnits finds the units between start codes.
func splitUnits(data []byte) (units [][]byte) {
	start := bytes.Index(data, []byte{0, 0, 1})
	for start >= 0 {
		data = data[start+3:]
		end := bytes.Index(data, []byte{0, 0, 1})
		unit := data
		if end >= 0 {
			unit = data[:end]
		}
		if unit = bytes.TrimRight(unit, "\x00"); len(unit) > 0 {
			units = append(units, unit[:len(unit):len(unit)])
		}
		start = end
	}
	return units
}

// Len is how many pictures a clip has.
func (c *Clip) Len() int { return len(c.units) }

// clipVideo plays a clip over and over.
type clipVideo struct {
	shelf
	clip *Clip
	next int
}

// NewClip plays a clip from its beginning, and again and again. Its keyframes come where they are; when another one is asked for, the clip jumps
// to its next one.
func NewClip(c *Clip) Video { return &clipVideo{clip: c} }

func (v *clipVideo) Codec() string { return "H264/90000" }

// Format names the profile of the first picture.
func (v *clipVideo) Format() string {
	sps := v.clip.units[0].sets[0]
	if len(sps) < 4 {
		return H264Format
	}
	return fmt.Sprintf("level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=%x", sps[1:4])
}

func (v *clipVideo) Frame(keyframe bool) ([][]byte, bool) {
	v.clear()
	for keyframe && !v.clip.units[v.next].key {
		v.next = (v.next + 1) % len(v.clip.units)
	}
	unit := v.clip.units[v.next]
	v.next = (v.next + 1) % len(v.clip.units)

	mark := (&h264{shelf: v.shelf})
	n := 1 + 2 + seiUnit
	for _, set := range unit.sets {
		n += 2 + len(set)
	}
	if unit.key && n <= MaxPayload {
		mark.aggregate(n, unit.sets...)
	} else {
		mark.aggregate(1 + 2 + seiUnit)
		for _, set := range unit.sets {
			mark.unit(set)
		}
	}
	for _, nal := range unit.nals {
		mark.unit(nal)
	}
	v.shelf = mark.shelf
	return v.payloads, unit.key
}

// unit writes a unit as one packet or several.
func (s *shelf) unit(nal []byte) {
	if len(nal) > MaxPayload {
		s.fragment(nal)
		return
	}
	copy(s.add(len(nal)), nal)
}
