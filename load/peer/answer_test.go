package peer

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pion/sdp/v3"
)

const reply = `v=0
o=- 1 1 IN IP4 0.0.0.0
s=-
t=0 0
a=fingerprint:SHA-256 AA:bb
a=group:BUNDLE 0 1
m=audio 9 UDP/TLS/RTP/SAVPF 111
a=setup:passive
a=mid:0
a=ice-ufrag:u
a=ice-pwd:0123456789012345678901
a=ssrc:1 cname:x
a=ssrc:1 msid:a b
a=candidate:1 1 udp 100 192.0.2.1 1000 typ host
a=candidate:2 1 UDP 300 2001:db8::1 1001 typ host generation 0
a=candidate:3 1 tcp 900 192.0.2.1 1002 typ host tcptype passive
a=candidate:4 2 udp 900 192.0.2.1 1003 typ host
a=candidate:5 1 udp 900 x.local 1004 typ host
a=candidate:6 1 udp 200 ::ffff:192.0.2.2 1005 typ host
m=video 0 UDP/TLS/RTP/SAVPF 102
a=mid:1
m=video 9 UDP/TLS/RTP/SAVPF 102 103
a=mid:2
a=extmap:5/recvonly http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid
a=extmap:99 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id
a=rtcp-fb:102 goog-remb
a=ssrc-group:FID 20 21
a=ssrc:21 cname:x
a=ssrc:20 cname:x
a=rid:f recv
a=simulcast:recv f;~h,g
`

func TestReadAnswer(t *testing.T) {
	offered := []Section{{Kind: Audio}, {Kind: Video}, {Kind: Video}}
	for _, ending := range []string{"\n", "\r\n"} {
		a, err := readAnswer(strings.ReplaceAll(reply, "\n", ending), offered)
		if err != nil {
			t.Fatal(err)
		}
		want := []Accepted{{Kind: Audio, SSRC: 1}, {Kind: Video, SSRC: 20, Repair: 21, TWCC: 5, MID: 1, REMB: true, RIDs: []string{"f", "h"}}}
		if diff := cmp.Diff(want, a.Sections); diff != "" {
			t.Errorf("sections (-want +got):\n%s", diff)
		}
		var candidates []string
		for _, c := range a.candidates {
			candidates = append(candidates, c.String())
		}
		if diff := cmp.Diff([]string{"[2001:db8::1]:1001", "192.0.2.2:1005", "192.0.2.1:1000"}, candidates); diff != "" {
			t.Errorf("candidates (-want +got):\n%s", diff)
		}
		if a.fragment != "u" || a.hash != "sha-256" || string(a.fingerprint) != "\xaa\xbb" {
			t.Errorf("%+v", a)
		}
	}
	for name, change := range map[string][2]string{
		"no fingerprint":   {"a=fingerprint", "a=x"},
		"bad fingerprint":  {"AA:bb", "AA:b"},
		"no password":      {"a=ice-pwd", "a=x"},
		"short password":   {"0123456789012345678901", "0123456789"},
		"active":           {"setup:passive", "setup:active"},
		"another kind":     {"m=audio", "m=video"},
		"one section more": {"m=video 0", "m=audio 9 X 1\nm=video 0"},
	} {
		if _, err := readAnswer(strings.Replace(reply, change[0], change[1], 1), offered); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := readAnswer(strings.ReplaceAll(reply, "a=candidate", "a=x"), offered); err == nil {
		t.Error("no candidates: accepted")
	}
}

func FuzzReadAnswer(f *testing.F) {
	f.Add(reply)
	f.Fuzz(func(t *testing.T, text string) {
		a, err := readAnswer(text, []Section{{Kind: Audio}, {Kind: Video}, {Kind: Video}})
		if err != nil {
			return
		}
		if len(a.Sections) == 0 || len(a.Sections) > 3 || len(a.candidates) == 0 || len(a.candidates) > maxCandidates {
			t.Errorf("%+v", a)
		}
	})
}

// TestOfferReads has another implementation read each kind of offer.
func TestOfferReads(t *testing.T) {
	for name, o := range map[string]Offer{
		"twelve slots": Receiving(12, true, true, Feedback{TWCC: true, REMB: true}),
		"sound only":   Receiving(1, true, false, Feedback{}),
		"host":         {Sections: []Section{{Kind: Audio, Send: 1}, {Kind: Video, Send: 2, Codec: Codec{"H264/90000", "packetization-mode=1"}}}},
		"layers":       {Sections: []Section{{Kind: Video, Send: 2, Codec: Codec{"VP8/90000", ""}, RIDs: []string{"f", "h", "q"}}}},
	} {
		text := o.render("fragment", "0123456789012345678901", []byte{1, 2, 255}, "1 1 udp 1 127.0.0.1 9 typ host")
		var d sdp.SessionDescription
		if err := d.UnmarshalString(text); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, text)
		}
		if len(d.MediaDescriptions) != len(o.Sections) {
			t.Errorf("%s: %d sections", name, len(d.MediaDescriptions))
		}
		for i, m := range d.MediaDescriptions {
			if fingerprint, _ := m.Attribute("fingerprint"); fingerprint != "sha-256 01:02:FF" {
				t.Errorf("%s: fingerprint %q", name, fingerprint)
			}
			if _, receives := m.Attribute("recvonly"); receives != (o.Sections[i].Send == 0) {
				t.Errorf("%s: section %d receives: %v", name, i, receives)
			}
		}
		// Servers take 64 KB.
		if len(text) > 40<<10 {
			t.Errorf("%s: %d bytes", name, len(text))
		}
	}
}
