package sfu

import (
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"

	"streamcat/stage"
)

// maxCodecs is how many encodings of a section are looked at.
const maxCodecs = 64

// knownExtensions are the RTP header extensions that the engine understands.
func knownExtension(uri string) bool {
	return uri == sdp.SDESMidURI || uri == sdp.TransportCCURI || uri == sdp.AudioLevelURI
}

func parseSection(description *sdp.SessionDescription, m *sdp.MediaDescription) (offered, error) {
	var s offered
	switch m.MediaName.Media {
	case "audio":
		s.kind = stage.Audio
	case "video":
		s.kind = stage.Video
	default:
		return s, stage.Errorf(stage.InvalidInput, "The offer may hold audio and video sections only.")
	}
	var err error
	if s.mid, err = parseMID(description, m); err != nil {
		return s, err
	}
	if m.MediaName.Port.Value == 0 && !has(m, "bundle-only") {
		return s, stage.Errorf(stage.InvalidInput, "Section %q is disabled: its port is 0.", s.mid)
	}
	if !slices.Contains(m.MediaName.Protos, "SAVPF") {
		return s, stage.Errorf(stage.InvalidInput, "Section %q is not UDP/TLS/RTP/SAVPF.", s.mid)
	}
	if !has(m, "rtcp-mux") {
		return s, stage.Errorf(stage.InvalidInput, "Section %q lacks a=rtcp-mux.", s.mid)
	}
	s.direction = direction(description, m)
	s.codecs = servedCodecs(m, s.kind)
	if len(s.codecs) == 0 {
		if s.kind == stage.Audio {
			return s, stage.Errorf(stage.InvalidAudioCodec, "Section %q offers no audio codec that is known here: Opus is.", s.mid)
		}
		return s, stage.Errorf(stage.InvalidVideoCodec, "Section %q offers no video codec that is known here: H.264 and VP8 are.", s.mid)
	}
	s.extensions = servedExtensions(m)
	return s, s.streams(m)
}

func parseMID(description *sdp.SessionDescription, m *sdp.MediaDescription) (string, error) {
	mid := either(description, m, "mid")
	// RFC 8843 15: at most 16 bytes when it shall fit into a header extension.
	if mid == "" || len(mid) > 32 || !token(mid) {
		return "", stage.Errorf(stage.InvalidInput, "Every media section needs an a=mid of at most 32 letters and digits.")
	}
	return mid, nil
}

// token says whether s is an SDP token of letters, digits and a few signs (RFC 8866 9).
func token(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("!#$%&'*+-.^_`{|}~", r))
	})
}

func direction(description *sdp.SessionDescription, m *sdp.MediaDescription) string {
	for _, attributes := range [][]sdp.Attribute{m.Attributes, description.Attributes} {
		for _, a := range attributes {
			switch a.Key {
			case "sendonly", "recvonly", "sendrecv", "inactive":
				return a.Key
			}
		}
	}
	return "sendrecv" // RFC 8866 6.7
}

// servedCodecs are the encodings of a section that the engine knows, in the client's order, and their RTX.
func servedCodecs(m *sdp.MediaDescription, kind stage.Kind) []offeredCodec {
	all := make([]offeredCodec, 0, min(len(m.MediaName.Formats), maxCodecs))
	for _, payloadType := range m.MediaName.Formats {
		n, err := strconv.ParseUint(payloadType, 10, 7)
		if err != nil || len(all) == maxCodecs || strconv.FormatUint(n, 10) != payloadType {
			continue
		}
		if !slices.ContainsFunc(all, func(c offeredCodec) bool { return c.payloadType == payloadType }) {
			all = append(all, offeredCodec{payloadType: payloadType})
		}
	}
	for _, a := range m.Attributes {
		payloadType, value, _ := strings.Cut(a.Value, " ")
		for i := range all {
			c := &all[i]
			if c.payloadType != payloadType && !(a.Key == "rtcp-fb" && payloadType == "*") {
				continue
			}
			switch a.Key {
			case "rtpmap":
				c.name = strings.TrimSpace(value)
			case "fmtp":
				c.fmtp = strings.TrimSpace(value)
			case "rtcp-fb":
				if f := strings.TrimSpace(value); knownFeedback(f) && !slices.Contains(c.feedback, f) {
					c.feedback = append(c.feedback, f)
				}
			}
		}
	}
	served := all[:0:0]
	for _, c := range all {
		if c.format = formatOf(c.name, c.fmtp); c.format != noFormat && (c.format == formatOpus) == (kind == stage.Audio) && len(c.fmtp) <= 256 {
			served = append(served, c)
		}
	}
	media := served
	for _, c := range all {
		apt, ok := strings.CutPrefix(c.fmtp, "apt=")
		apt, _, _ = strings.Cut(apt, ";")
		if !ok || !strings.EqualFold(c.name, "rtx/90000") {
			continue
		}
		if slices.ContainsFunc(media, func(m offeredCodec) bool { return m.payloadType == apt }) {
			c.apt, c.fmtp, c.feedback = apt, "apt="+apt, nil
			served = append(served, c)
		}
	}
	return served
}

func knownFeedback(value string) bool {
	switch value {
	case "nack", "nack pli", "ccm fir", "transport-cc":
		return true
	}
	return false
}

// keepFeedback agrees to some of what was offered.
func (s *offered) keepFeedback(wanted ...string) {
	for i := range s.codecs {
		c := &s.codecs[i]
		c.feedback = slices.DeleteFunc(c.feedback, func(f string) bool { return !slices.Contains(wanted, f) })
	}
}

func servedExtensions(m *sdp.MediaDescription) []string {
	var served []string
	for _, a := range m.Attributes {
		fields := strings.Fields(a.Value)
		if a.Key != "extmap" || len(fields) < 2 || !knownExtension(fields[1]) {
			continue
		}
		id, _, _ := strings.Cut(fields[0], "/")
		n, err := strconv.Atoi(id)
		// RFC 8285 4.2: 15 is reserved, 0 is padding; longer ids need the two-byte form, which is not agreed to.
		if err != nil || n < 1 || n > 14 {
			continue
		}
		if !slices.ContainsFunc(served, func(e string) bool {
			return strings.HasSuffix(e, " "+fields[1]) || strings.HasPrefix(e, strconv.Itoa(n)+" ")
		}) {
			served = append(served, strconv.Itoa(n)+" "+fields[1])
		}
	}
	return served
}

// streams reads the SSRCs that a section declares: the first one that is not the repair stream of another.
func (s *offered) streams(m *sdp.MediaDescription) error {
	repairs := map[string]string{}
	for _, a := range m.Attributes {
		if fields := strings.Fields(a.Value); a.Key == "ssrc-group" && len(fields) == 3 && fields[0] == "FID" {
			repairs[fields[1]] = fields[2]
		}
	}
	for _, a := range m.Attributes {
		if a.Key != "ssrc" || s.ssrc != "" {
			continue
		}
		ssrc, _, _ := strings.Cut(a.Value, " ")
		repair := false
		for _, r := range repairs {
			repair = repair || r == ssrc
		}
		if !repair {
			s.ssrc, s.rtx = ssrc, repairs[ssrc]
		}
	}
	for _, ssrc := range []string{s.ssrc, s.rtx} {
		if n, err := strconv.ParseUint(ssrc, 10, 32); ssrc != "" && (err != nil || n == 0 || strconv.FormatUint(n, 10) != ssrc) {
			return stage.Errorf(stage.InvalidInput, "Section %q declares an SSRC that is not a number.", s.mid)
		}
	}
	if s.ssrc != "" && s.ssrc == s.rtx {
		s.rtx = ""
	}
	return nil
}
