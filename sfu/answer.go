package sfu

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"

	"streamcat/sdpfrag"
	"streamcat/stage"
)

// agreement turns an offer to receive into what is sent: one stream for each section, and one for repairs where the client takes RTX.
func (o *offer) agreement() []section {
	sections := make([]section, len(o.sections))
	slots := map[stage.Kind]int{}
	// Two numbers for each section, in a row that does not wrap.
	ssrc := 1 + rand.Uint32N(1<<31)
	for i := range o.sections {
		offered := &o.sections[i]
		s := section{kind: offered.kind, slot: slots[offered.kind], ssrc: ssrc + uint32(2*i), types: offered.payloadTypes()}
		slots[offered.kind]++
		for _, types := range s.types {
			if types.rtx != 0 {
				s.rtx = s.ssrc + 1
			}
		}
		sections[i] = s
	}
	return sections
}

// endpoint is what an answer says of the server.
type endpoint struct {
	ice         sdpfrag.Credentials
	fingerprint string
	candidates  []netip.AddrPort
}

// answer writes the SDP answer for what was agreed: the server waits for the client's checks and its DTLS handshake (RFC 8839, RFC 8842),
// and sends in every section. Both sections of a slot share an msid stream. version counts the answers of a session.
func (o *offer) answer(server endpoint, agreed []section, version int) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	line("v=0\r\no=- 1 %d IN IP4 127.0.0.1\r\ns=-\r\nt=0 0", version)
	b.WriteString("a=group:BUNDLE")
	for _, s := range o.sections {
		b.WriteString(" " + s.mid)
	}
	line("\r\na=msid-semantic: WMS *")
	transport := fmt.Sprintf("a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=fingerprint:%s\r\na=setup:passive\r\na=sendonly\r\na=rtcp-mux\r\na=rtcp-rsize",
		server.ice.Ufrag, server.ice.Password, server.fingerprint)
	texts := map[*offeredCodec][2]string{} // sections share what they offer
	for i, s := range o.sections {
		text, ok := texts[&s.codecs[0]]
		if !ok {
			text = [2]string{s.mediaLine(), s.codecLines()}
			texts[&s.codecs[0]] = text
		}
		line("%s\r\nc=IN IP4 0.0.0.0\r\na=mid:%s\r\n%s", text[0], s.mid, transport)
		b.WriteString(text[1])
		agreed[i].render(line)
		if i == 0 { // bundled sections share the transport of the first
			for _, c := range server.candidateLines() {
				line("a=candidate:%s", c)
			}
			line("a=end-of-candidates")
		}
	}
	return b.String()
}

func (s *offered) codecLines() string {
	var b strings.Builder
	s.render(func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) })
	return b.String()
}

// mediaLine is the first line of a section without what follows from bundling.
func (s *offered) mediaLine() string {
	types := make([]string, len(s.codecs))
	for i, c := range s.codecs {
		types[i] = c.payloadType
	}
	return fmt.Sprintf("m=%s 9 UDP/TLS/RTP/SAVPF %s", s.kind, strings.Join(types, " "))
}

// streamID is the msid stream, and the CNAME, of the sections of a slot.
func (s *section) streamID() string { return fmt.Sprintf("slot-%d", s.slot) }

func (s *section) render(line func(format string, args ...any)) {
	if s.rtx != 0 {
		line("a=ssrc-group:FID %d %d", s.ssrc, s.rtx)
	}
	line("a=msid:%s %s\r\na=ssrc:%d cname:%s", s.streamID(), s.kind, s.ssrc, s.streamID())
	if s.rtx != 0 {
		line("a=ssrc:%d cname:%s", s.rtx, s.streamID())
	}
}

// candidateLines are host candidates as written after "a=candidate:". The first address is liked best. // RFC 8445 5.1.2.1
func (e *endpoint) candidateLines() []string {
	lines := make([]string, len(e.candidates))
	for i, c := range e.candidates {
		priority := 126<<24 | (65535-i)<<8 | 255
		lines[i] = fmt.Sprintf("%d 1 udp %d %s %d typ host", i+1, priority, c.Addr(), c.Port())
	}
	return lines
}

// fragment is the part of an answer that speaks of ICE.
func (o *offer) fragment(server endpoint) string {
	first := &o.sections[0]
	f := sdpfrag.Fragment{Media: []sdpfrag.Media{{
		Line: strings.TrimPrefix(first.mediaLine(), "m="), MID: first.mid, Credentials: server.ice,
		Candidates: server.candidateLines(), EndOfCandidates: true,
	}}}
	return f.String()
}
