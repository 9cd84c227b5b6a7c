package sfu

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/pion/sdp/v3"

	"streamcat/sdpfrag"
	"streamcat/stage"
)

// transport takes from a section what belongs to the one transport that all sections share. The first section that says
// something decides, a later one may only repeat it.
func (o *offer) transport(description *sdp.SessionDescription, m *sdp.MediaDescription) error {
	var lines strings.Builder
	for key := range strings.SplitSeq("ice-ufrag ice-pwd", " ") {
		if value := either(description, m, key); value != "" {
			fmt.Fprintf(&lines, "a=%s:%s\r\n", key, value)
		}
	}
	fragment, err := sdpfrag.Parse(lines.String())
	if err != nil {
		return stage.Errorf(stage.InvalidInput, "The ICE credentials are malformed: %w", err)
	}
	if err := agree(&o.ice, fragment.Credentials, "ICE credentials"); err != nil {
		return err
	}
	fingerprint := either(description, m, "fingerprint")
	if fingerprint != "" && !validFingerprint(fingerprint) {
		return stage.Errorf(stage.InvalidInput, "The fingerprint is malformed.")
	}
	if err := agree(&o.fingerprint, fingerprint, "fingerprints"); err != nil {
		return err
	}
	setup := either(description, m, "setup")
	if setup != "" && setup != "actpass" && setup != "active" {
		return stage.Errorf(stage.InvalidInput, "An offer has to say a=setup:actpass.") // RFC 8842 5.2
	}
	if err := agree(&o.setup, setup, "values of a=setup"); err != nil {
		return err
	}
	for _, a := range m.Attributes {
		if a.Key == "candidate" && usable(a.Value) && !slices.Contains(o.candidates, a.Value) {
			o.candidates = append(o.candidates, a.Value)
		}
	}
	return nil
}

func agree[T comparable](agreed *T, value T, what string) error {
	var none T
	switch {
	case value == none || value == *agreed:
	case *agreed == none:
		*agreed = value
	default:
		return stage.Errorf(stage.InvalidInput, "Sections that are bundled have different %s.", what)
	}
	return nil
}

// validFingerprint checks the form of RFC 8122 5 for the hashes that browsers use.
func validFingerprint(value string) bool {
	name, digest, _ := strings.Cut(value, " ")
	sizes := map[string]int{"sha-256": 32, "sha-384": 48, "sha-512": 64}
	size := sizes[strings.ToLower(name)]
	bytes, err := hex.DecodeString(strings.ReplaceAll(digest, ":", ""))
	return size > 0 && err == nil && len(bytes) == size
}

// usable says whether a candidate, as written after "candidate:", is worth trying: UDP, with an address. A name is the mDNS
// disguise of an address; the client's own checks will show it.
func usable(candidate string) bool {
	fields := strings.Fields(candidate)
	return len(fields) >= 8 && len(candidate) <= 512 && fields[6] == "typ" && fields[1] == "1" &&
		strings.EqualFold(fields[2], "udp") && !strings.HasSuffix(fields[4], ".local")
}

// render writes the offer as a description of version with the given credentials: exactly what was understood, nothing of what
// the client wrote beside it.
func (o *offer) render(ice sdpfrag.Credentials, version int) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	line("v=0\r\no=- 1 %d IN IP4 127.0.0.1\r\ns=-\r\nt=0 0", version)
	b.WriteString("a=group:BUNDLE")
	for _, s := range o.sections {
		b.WriteString(" " + s.mid)
	}
	b.WriteString("\r\n")
	if o.lite {
		line("a=ice-lite")
	}
	for i, s := range o.sections {
		types := make([]string, len(s.codecs))
		for j, c := range s.codecs {
			types[j] = c.payloadType
		}
		line("m=%s 9 UDP/TLS/RTP/SAVPF %s\r\nc=IN IP4 0.0.0.0\r\na=mid:%s", s.kind, strings.Join(types, " "), s.mid)
		line("a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=ice-options:trickle", ice.Ufrag, ice.Password)
		line("a=fingerprint:%s\r\na=setup:%s\r\na=%s\r\na=rtcp-mux\r\na=rtcp-rsize", o.fingerprint, o.setup, s.direction)
		s.render(line)
		if i == 0 && version == 1 {
			for _, c := range o.candidates {
				line("a=candidate:%s", c)
			}
		}
	}
	return b.String()
}

func (s *offered) render(line func(format string, args ...any)) {
	for _, c := range s.codecs {
		line("a=rtpmap:%s %s", c.payloadType, c.name)
		if c.fmtp != "" {
			line("a=fmtp:%s %s", c.payloadType, c.fmtp)
		}
		for _, f := range c.feedback {
			line("a=rtcp-fb:%s %s", c.payloadType, f)
		}
	}
	for _, e := range s.extensions {
		line("a=extmap:%s", e)
	}
	if s.ssrc == "" {
		return
	}
	if s.rtx != "" {
		line("a=ssrc-group:FID %s %s\r\na=ssrc:%s cname:publisher", s.ssrc, s.rtx, s.rtx)
	}
	line("a=ssrc:%s cname:publisher\r\na=msid:publisher %s", s.ssrc, s.kind)
}
