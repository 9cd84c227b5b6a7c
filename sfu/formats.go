package sfu

import (
	"strconv"
	"strings"

	"github.com/pion/webrtc/v4"

	"streamcat/codec"
	"streamcat/stage"
)

// format is an encoding that the engine serves, as an index into the table of formats. The payload type that stands for it
// is another one on every connection.
type format uint8

// The formats. H.264 counts once for each profile and packetization mode, because a receiver may take one and not the other.
const (
	noFormat format = iota
	formatOpus
	formatVP8
	formatH264 // the first of its variants
	formatEnd  = formatH264 + format(len(h264Profiles))*2
)

// h264Profiles are profile_idc and constraint flags, first bytes of profile-level-id (RFC 6184 8.1): constrained baseline, baseline, main, high,
// constrained high.
var h264Profiles = [...]string{"42e0", "4200", "4d00", "6400", "640c"}

// String names the format for logs.
func (f format) String() string {
	switch {
	case f == formatOpus:
		return "opus"
	case f == formatVP8:
		return "VP8"
	case f >= formatH264 && f < formatEnd:
		return "H264 " + h264Profiles[f.profile()] + " mode " + strconv.Itoa(f.mode())
	default:
		return "none"
	}
}

func (f format) profile() int { return int(f-formatH264) / 2 }
func (f format) mode() int    { return 1 - int(f-formatH264)%2 }

// keyframeStart says whether a payload may be the first of a keyframe.
func (f format) keyframeStart(payload []byte) bool {
	switch {
	case f == formatVP8:
		return codec.VP8KeyframeStart(payload)
	case f >= formatH264:
		return codec.H264KeyframeStart(payload)
	default:
		return false
	}
}

// clockRate is the RTP clock of a kind of media: every format of a kind that is served has the same.
func clockRate(kind stage.Kind) uint32 {
	if kind == stage.Audio {
		return 48000
	}
	return 90000
}

// formatOf recognises an encoding by what SDP says of it; noFormat when it is not served. name is "VP8/90000", as in rtpmap.
func formatOf(name, fmtp string) format {
	switch {
	case strings.EqualFold(name, "opus/48000/2"):
		return formatOpus
	case strings.EqualFold(name, "VP8/90000"):
		return formatVP8
	case strings.EqualFold(name, "H264/90000"):
		return h264Format(fmtp)
	default:
		return noFormat
	}
}

func h264Format(fmtp string) format {
	profile, mode := "42000a", "0" // RFC 6184 8.1: what is meant when nothing is said
	for parameter := range strings.SplitSeq(fmtp, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
		switch strings.ToLower(name) {
		case "profile-level-id":
			profile = value
		case "packetization-mode":
			mode = value
		}
	}
	index := h264Profile(profile)
	if index < 0 || mode != "0" && mode != "1" {
		return noFormat
	}
	f := formatH264 + format(index)*2
	if mode == "0" {
		f++
	}
	return f
}

// h264Profile returns the index of a profile-level-id in h264Profiles, -1 when it is none of them.
func h264Profile(id string) int {
	value, err := strconv.ParseUint(id, 16, 24)
	if err != nil || len(id) != 6 {
		return -1
	}
	const set1, set4and5 = 0x40, 0x0c // bits of profile-iop
	switch constraints := value >> 8 & 0xff; value >> 16 {
	case 0x42:
		if constraints&set1 != 0 {
			return 0
		}
		return 1
	case 0x4d:
		return 2
	case 0x64:
		if constraints&set4and5 == set4and5 {
			return 4
		}
		return 3
	default:
		return -1
	}
}

// payloadTypes says how one connection numbers the formats.
type payloadTypes [formatEnd]struct {
	media uint8 // 0 when the format was not agreed
	rtx   uint8 // 0 when lost packets are repeated on the stream itself
}

// payloadTypes says how the encodings of a section are numbered. A receiver of one H.264 profile is sent the others too when it did not
// offer them by name: every decoder that browsers have takes all three profiles, and no picture at all is worse.
func (s *offered) payloadTypes() payloadTypes {
	var types payloadTypes
	for _, c := range s.codecs {
		if c.format != noFormat && types[c.format].media == 0 {
			types[c.format].media = c.number()
		}
	}
	for _, c := range s.codecs {
		if c.apt == "" {
			continue
		}
		for f := range types {
			if types[f].media != 0 && strconv.Itoa(int(types[f].media)) == c.apt {
				types[f].rtx = c.number()
			}
		}
	}
	for f := formatH264; f < formatEnd; f++ {
		for substitute := formatH264; substitute < formatEnd && types[f].media == 0; substitute++ {
			if substitute.mode() >= f.mode() { // a receiver of mode 1 takes mode 0 as well, RFC 6184 6.2 and 6.3
				types[f] = types[substitute]
			}
		}
	}
	return types
}

// number is the payload type. servedCodecs has checked that it is one.
func (c *offeredCodec) number() uint8 {
	n, _ := strconv.ParseUint(c.payloadType, 10, 7)
	return uint8(n)
}

// formatOfCodec recognises a codec that pion describes.
func formatOfCodec(c webrtc.RTPCodecParameters) format {
	_, name, _ := strings.Cut(c.MimeType, "/")
	name += "/" + strconv.Itoa(int(c.ClockRate))
	if c.Channels > 0 {
		name += "/" + strconv.Itoa(int(c.Channels))
	}
	return formatOf(name, c.SDPFmtpLine)
}
