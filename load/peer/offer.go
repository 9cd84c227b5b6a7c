package peer

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// Kind of media.
type Kind string

// The two kinds.
const (
	Audio Kind = "audio"
	Video Kind = "video"
)

// Payload types of offers. An answer repeats them. // RFC 3264 6.1
const (
	PayloadOpus    = 111
	PayloadVideo   = 102 // the only or preferred codec
	PayloadVP8     = 96  // of an offer to receive
	payloadRTXStep = 1   // a repair stream has the next number
)

// Header extensions of offers, by their number.
const (
	extMID   = 1
	extRID   = 2
	extLevel = 3
	extTWCC  = 5
	extTime  = 6
)

const (
	uriMID   = "urn:ietf:params:rtp-hdrext:sdes:mid"
	uriRID   = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
	uriLevel = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
	uriTWCC  = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
	uriTime  = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
)

// Feedback says which means of congestion control an offer to receive has.
type Feedback struct{ TWCC, REMB bool }

// Codec is how one is written in SDP.
type Codec struct{ Name, Format string }

// Section is one media section of an offer.
type Section struct {
	Kind Kind
	// Send makes it sendonly with one stream, whose SSRC this is; 0 makes it recvonly.
	Send uint32
	// Codec is what is sent.
	Codec Codec
	// RIDs are the layers that are sent, if not one stream without a name. // RFC 8853
	RIDs []string
}

// Offer is what a client asks for.
type Offer struct {
	Sections []Section
	Feedback Feedback
}

// Receiving is an offer to receive a number of slots.
func Receiving(slots int, audio, video bool, f Feedback) Offer {
	o := Offer{Feedback: f}
	for range slots {
		if audio {
			o.Sections = append(o.Sections, Section{Kind: Audio})
		}
		if video {
			o.Sections = append(o.Sections, Section{Kind: Video})
		}
	}
	return o
}

// render writes the offer with the client's own address and credentials.
func (o Offer) render(fragment, password string, fingerprint []byte, candidate string) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	line("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0")
	b.WriteString("a=group:BUNDLE")
	for i := range o.Sections {
		fmt.Fprintf(&b, " %d", i)
	}
	line("\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS *")
	for i, s := range o.Sections {
		o.section(line, i, s)
		line("a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=ice-options:trickle", fragment, password)
		// The other side shall wait for the handshake: a client that ends its DTLS connection after it cannot serve one. // RFC 8842 5.2
		line("a=fingerprint:sha-256 %s\r\na=setup:active", colons(fingerprint))
		line("a=mid:%d\r\na=rtcp-mux\r\na=rtcp-rsize\r\na=extmap:%d %s", i, extMID, uriMID)
		if i == 0 {
			line("a=candidate:%s\r\na=end-of-candidates", candidate)
		}
	}
	return b.String()
}

func (o Offer) section(line func(string, ...any), i int, s Section) {
	switch {
	case s.Kind == Audio:
		line("m=audio 9 UDP/TLS/RTP/SAVPF %d\r\nc=IN IP4 0.0.0.0", PayloadOpus)
		line("a=rtpmap:%d opus/48000/2\r\na=fmtp:%d minptime=10;useinbandfec=1", PayloadOpus, PayloadOpus)
		o.feedback(line, PayloadOpus)
		if s.Send != 0 {
			line("a=extmap:%d %s", extLevel, uriLevel)
		}
	case s.Send != 0:
		line("m=video 9 UDP/TLS/RTP/SAVPF %d\r\nc=IN IP4 0.0.0.0", PayloadVideo)
		o.video(line, PayloadVideo, s.Codec, false)
	default:
		line("m=video 9 UDP/TLS/RTP/SAVPF %d %d %d %d\r\nc=IN IP4 0.0.0.0", PayloadVideo, PayloadVideo+payloadRTXStep, PayloadVP8, PayloadVP8+payloadRTXStep)
		o.video(line, PayloadVideo, Codec{"H264/90000", "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"}, true)
		o.video(line, PayloadVP8, Codec{"VP8/90000", ""}, true)
	}
	if s.Send == 0 {
		line("a=recvonly")
		return
	}
	line("a=sendonly\r\na=msid:load %s", s.Kind)
	if len(s.RIDs) == 0 {
		line("a=ssrc:%d cname:load\r\na=ssrc:%d msid:load %s", s.Send, s.Send, s.Kind)
		return
	}
	line("a=extmap:%d %s", extRID, uriRID)
	for _, rid := range s.RIDs {
		line("a=rid:%s send", rid)
	}
	line("a=simulcast:send %s", strings.Join(s.RIDs, ";"))
}

// video writes a codec, and the repair stream for it. A sender repeats lost packets as they were, without such a stream.
func (o Offer) video(line func(string, ...any), payloadType int, c Codec, repair bool) {
	line("a=rtpmap:%d %s", payloadType, c.Name)
	if c.Format != "" {
		line("a=fmtp:%d %s", payloadType, c.Format)
	}
	line("a=rtcp-fb:%d nack\r\na=rtcp-fb:%d nack pli\r\na=rtcp-fb:%d ccm fir", payloadType, payloadType, payloadType)
	o.feedback(line, payloadType)
	if repair {
		line("a=rtpmap:%d rtx/90000\r\na=fmtp:%d apt=%d", payloadType+payloadRTXStep, payloadType+payloadRTXStep, payloadType)
	}
}

func (o Offer) feedback(line func(string, ...any), payloadType int) {
	if o.Feedback.TWCC {
		line("a=rtcp-fb:%d transport-cc", payloadType)
		if payloadType != PayloadVP8 {
			line("a=extmap:%d %s", extTWCC, uriTWCC)
		}
	}
	if o.Feedback.REMB && payloadType != PayloadOpus {
		line("a=rtcp-fb:%d goog-remb", payloadType)
		if payloadType != PayloadVP8 {
			line("a=extmap:%d %s", extTime, uriTime)
		}
	}
}

// colons writes a fingerprint as RFC 8122 5 has it.
func colons(digest []byte) string {
	parts := make([]string, len(digest))
	for i := range digest {
		parts[i] = strings.ToUpper(hex.EncodeToString(digest[i : i+1]))
	}
	return strings.Join(parts, ":")
}
