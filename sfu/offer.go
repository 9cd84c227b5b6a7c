package sfu

import (
	"slices"
	"strings"

	"github.com/pion/sdp/v3"

	"streamcat/sdpfrag"
	"streamcat/stage"
)

// Limits of an offer. They are far above what browsers send and keep hostile offers cheap.
const (
	maxOffer      = 64 << 10 // bytes
	maxSlots      = 32       // audio sections, and video sections, of a whole-stage offer
	maxCandidates = 32       // of a client, in the offer and by trickling
)

// offer is what the engine has understood of an SDP offer. Nothing else of it is used: pion gets a description written anew
// from these fields.
type offer struct {
	sections    []offered
	ice         sdpfrag.Credentials
	lite        bool
	fingerprint string
	setup       string
	candidates  []string
	simulcast   bool // the client would send several encodings
}

// offered is one media section of an offer.
type offered struct {
	kind       stage.Kind
	mid        string
	direction  string
	codecs     []offeredCodec
	extensions []string // values of a=extmap, only those we know
	ssrc, rtx  string   // declared streams, "" when not
}

type offeredCodec struct {
	payloadType string
	name        string // as in rtpmap
	fmtp        string
	feedback    []string
	format      format // noFormat for RTX
	apt         string // RTX: the payload type it repairs
}

// parsePublish reads an offer to send media.
func parsePublish(text string) (*offer, error) {
	o, err := parseOffer(text)
	if err != nil {
		return nil, err
	}
	if o.count(stage.Audio) > 1 || o.count(stage.Video) > 1 {
		return nil, stage.Errorf(stage.InvalidInput, "The offer has more than one audio or more than one video section.")
	}
	declared := !o.simulcast
	for _, s := range o.sections {
		if s.direction != "sendonly" && s.direction != "sendrecv" {
			return nil, stage.Errorf(stage.InvalidInput, "Section %q of an offer to publish has to be sendonly or sendrecv.", s.mid)
		}
		declared = declared && s.ssrc != ""
	}
	for i := range o.sections {
		o.sections[i].identify(declared)
		o.sections[i].keepFeedback("nack", "nack pli", "transport-cc")
	}
	return o, nil
}

// parseSubscribe reads an offer to receive media; whole allows more than one section of a kind.
func parseSubscribe(text string, whole bool) (*offer, error) {
	o, err := parseOffer(text)
	if err != nil {
		return nil, err
	}
	most := 1
	if whole {
		most = maxSlots
	}
	if o.count(stage.Audio) > most || o.count(stage.Video) > most {
		return nil, stage.Errorf(stage.InvalidInput, "The offer has more than %d sections of a kind.", most)
	}
	for i := range o.sections {
		s := &o.sections[i]
		if s.direction != "recvonly" {
			return nil, stage.Errorf(stage.InvalidInput, "Section %q of an offer to receive has to be recvonly.", s.mid)
		}
		// Nothing is read from what a receiver declares, and nothing is sent in header extensions.
		s.ssrc, s.rtx, s.extensions = "", "", nil
		for j := range s.codecs {
			c := &s.codecs[j]
			c.feedback = slices.DeleteFunc(c.feedback, func(f string) bool { return f == "transport-cc" }) // it needs an extension
		}
		s.preferMode1()
		if s.kind == stage.Video {
			s.keepFeedback("nack", "nack pli", "ccm fir")
		} else {
			s.keepFeedback()
		}
	}
	if o.lite {
		return nil, stage.Errorf(stage.InvalidInput, "An offer to receive has to come from a full ICE agent: a=ice-lite sends no checks.")
	}
	o.compact()
	return o, nil
}

// preferMode1 leaves H.264 in packetization mode 0 out where mode 1, which includes it, is offered too: it halves an answer that lists the same
// for every slot.
func (s *offered) preferMode1() {
	mode := func(c offeredCodec, want int) bool { return c.format >= formatH264 && c.format.mode() == want }
	if !slices.ContainsFunc(s.codecs, func(c offeredCodec) bool { return mode(c, 1) }) {
		return
	}
	kept := s.codecs[:0:0]
	for _, c := range s.codecs {
		repaired := slices.IndexFunc(s.codecs, func(media offeredCodec) bool { return media.payloadType == c.apt })
		if !mode(c, 0) && (repaired < 0 || !mode(s.codecs[repaired], 0)) {
			kept = append(kept, c)
		}
	}
	s.codecs = kept
}

// compact makes an offer small enough to be kept with each of ten thousand viewers: it lets go of the text, and sections that offer the same
// codecs, as those of browsers do, share the list of them.
func (o *offer) compact() {
	o.ice = sdpfrag.Credentials{Ufrag: strings.Clone(o.ice.Ufrag), Password: strings.Clone(o.ice.Password)}
	o.fingerprint, o.setup = strings.Clone(o.fingerprint), strings.Clone(o.setup)
	for i, c := range o.candidates {
		o.candidates[i] = strings.Clone(c)
	}
	for i := range o.sections {
		s := &o.sections[i]
		s.mid, s.direction = strings.Clone(s.mid), strings.Clone(s.direction)
		same := func(other offered) bool { return slices.EqualFunc(other.codecs, s.codecs, offeredCodec.equal) }
		if first := slices.IndexFunc(o.sections[:i], same); first >= 0 {
			s.codecs = o.sections[first].codecs
			continue
		}
		s.codecs = slices.Clone(s.codecs)
		for j := range s.codecs {
			c := &s.codecs[j]
			c.payloadType, c.name, c.fmtp, c.apt = strings.Clone(c.payloadType), strings.Clone(c.name), strings.Clone(c.fmtp), strings.Clone(c.apt)
			for k, f := range c.feedback {
				c.feedback[k] = strings.Clone(f)
			}
		}
	}
}

func (c offeredCodec) equal(other offeredCodec) bool {
	return c.payloadType == other.payloadType && c.name == other.name && c.fmtp == other.fmtp && c.apt == other.apt && slices.Equal(c.feedback, other.feedback)
}

func (o *offer) count(kind stage.Kind) int {
	n := 0
	for _, s := range o.sections {
		if s.kind == kind {
			n++
		}
	}
	return n
}

// sharesStream says whether two sections declare the same SSRC.
func (s *offered) sharesStream(other offered) bool {
	for _, ssrc := range []string{s.ssrc, s.rtx} {
		if ssrc != "" && (ssrc == other.ssrc || ssrc == other.rtx) {
			return true
		}
	}
	return false
}

// identify settles how the packets of this section are told from others: by declared SSRCs, or else by payload type. Without declared
// streams, repair packets could not be told from media, so they are not agreed to; nor is the MID extension, with which pion would
// insist on a RID as well.
func (s *offered) identify(declared bool) {
	if !declared {
		s.ssrc, s.rtx = "", ""
		s.extensions = slices.DeleteFunc(s.extensions, func(e string) bool { return strings.HasSuffix(e, sdp.SDESMidURI) })
	}
	if s.rtx == "" {
		s.codecs = slices.DeleteFunc(s.codecs, func(c offeredCodec) bool { return c.apt != "" })
	}
}

// parseOffer reads what both kinds of offer have in common.
func parseOffer(text string) (*offer, error) {
	if len(text) > maxOffer {
		return nil, stage.Errorf(stage.InvalidInput, "The offer is longer than %d bytes.", maxOffer)
	}
	var description sdp.SessionDescription
	if err := description.UnmarshalString(text); err != nil {
		return nil, stage.Errorf(stage.InvalidInput, "The body is not a session description: %w", err)
	}
	if len(description.MediaDescriptions) == 0 {
		return nil, stage.Errorf(stage.InvalidInput, "The offer has no media section.")
	}
	if len(description.MediaDescriptions) > 2*maxSlots {
		return nil, stage.Errorf(stage.InvalidInput, "The offer has more than %d media sections.", 2*maxSlots)
	}
	o := &offer{}
	_, o.lite = description.Attribute("ice-lite")
	bundled := bundledMIDs(&description)
	for i, m := range description.MediaDescriptions {
		twin := twinOf(description.MediaDescriptions, i)
		s, err := o.section(&description, m, twin)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(o.sections, func(other offered) bool { return other.mid == s.mid }) {
			return nil, stage.Errorf(stage.InvalidInput, "Two sections have the same a=mid.")
		}
		if slices.ContainsFunc(o.sections, s.sharesStream) {
			return nil, stage.Errorf(stage.InvalidInput, "Two sections have the same SSRC.")
		}
		if len(description.MediaDescriptions) > 1 && !slices.Contains(bundled, s.mid) {
			return nil, stage.Errorf(stage.InvalidInput, "Section %q is not bundled with the others.", s.mid)
		}
		o.simulcast = o.simulcast || has(m, "rid") || has(m, "simulcast")
		o.sections = append(o.sections, s)
		if twin >= 0 {
			continue // it says the same of the transport
		}
		if err := o.transport(&description, m); err != nil {
			return nil, err
		}
	}
	if (o.ice == sdpfrag.Credentials{}) || o.fingerprint == "" || o.setup == "" {
		return nil, stage.Errorf(stage.InvalidInput, "The offer needs a=ice-ufrag, a=ice-pwd, a=fingerprint and a=setup.")
	}
	if len(o.candidates) > maxCandidates {
		return nil, stage.Errorf(stage.InvalidInput, "The offer has more than %d candidates.", maxCandidates)
	}
	return o, nil
}

// section reads a section, or copies what its twin was read as.
func (o *offer) section(description *sdp.SessionDescription, m *sdp.MediaDescription, twin int) (offered, error) {
	if twin < 0 {
		return parseSection(description, m)
	}
	s := o.sections[twin]
	var err error
	s.mid, err = parseMID(description, m)
	return s, err
}

// twinOf returns an earlier section that is the same but for its a=mid, -1 when there is none nearby: in the offer of a page for a whole
// stage, sound and pictures take turns, each the same in every slot.
func twinOf(sections []*sdp.MediaDescription, i int) int {
	for j := i - 1; j >= max(i-2, 0); j-- {
		a, b := sections[i], sections[j]
		same := a.MediaName.Media == b.MediaName.Media && a.MediaName.Port.Value == b.MediaName.Port.Value &&
			slices.Equal(a.MediaName.Protos, b.MediaName.Protos) && slices.Equal(a.MediaName.Formats, b.MediaName.Formats) &&
			slices.EqualFunc(a.Attributes, b.Attributes, func(x, y sdp.Attribute) bool { return x.Key == y.Key && (x.Value == y.Value || x.Key == "mid") })
		if same {
			return j
		}
	}
	return -1
}

func bundledMIDs(description *sdp.SessionDescription) []string {
	for _, a := range description.Attributes {
		if fields := strings.Fields(a.Value); a.Key == "group" && len(fields) > 0 && fields[0] == "BUNDLE" {
			return fields[1:]
		}
	}
	return nil
}

func has(m *sdp.MediaDescription, key string) bool {
	_, ok := m.Attribute(key)
	return ok
}

// either looks an attribute up in a section and then at session level.
func either(description *sdp.SessionDescription, m *sdp.MediaDescription, key string) string {
	if value, ok := m.Attribute(key); ok {
		return value
	}
	value, _ := description.Attribute(key)
	return value
}
