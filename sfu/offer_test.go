package sfu

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pion/webrtc/v4"

	"streamcat/stage"
)

func TestParsePublish(t *testing.T) {
	o, err := parsePublish(publishOffer)
	if err != nil {
		t.Fatal(err)
	}
	rendered := o.render(o.ice, 1)
	for _, want := range []string{
		"a=group:BUNDLE 0 1\r\n", "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n", "m=video 9 UDP/TLS/RTP/SAVPF 96 102 97 103\r\n",
		"a=ssrc-group:FID 12 13\r\n", "a=rtcp-fb:96 nack pli\r\n", "a=sendonly\r\n", "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n",
	} {
		if !strings.Contains(rendered, want) {
			t.Errorf("%q is not in\n%s", want, rendered)
		}
	}
	for _, unwanted := range []string{"PCMU", "VP9", "ccm fir"} {
		if strings.Contains(rendered, unwanted) {
			t.Errorf("%q is in\n%s", unwanted, rendered)
		}
	}
	again, err := parsePublish(rendered)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(rendered, again.render(again.ice, 1)); diff != "" {
		t.Error(diff)
	}
}

// TestUndeclaredStreams: without SSRCs in the offer, or with several encodings, streams are told apart by payload type.
func TestUndeclaredStreams(t *testing.T) {
	without := strings.NewReplacer("a=ssrc:11 cname:x\r\n", "").Replace(publishOffer)
	simulcast := publishOffer + "a=rid:h send\r\na=rid:l send\r\na=simulcast:send h;l\r\n"
	for name, text := range map[string]string{"no SSRC": without, "simulcast": simulcast} {
		t.Run(name, func(t *testing.T) {
			o, err := parsePublish(text)
			if err != nil {
				t.Fatal(err)
			}
			rendered := o.render(o.ice, 1)
			for _, unwanted := range []string{"a=ssrc", "rtx/90000", "sdes:mid", "a=rid", "simulcast"} {
				if strings.Contains(rendered, unwanted) {
					t.Errorf("%q is in\n%s", unwanted, rendered)
				}
			}
		})
	}
}

// hostile are offers that have to be refused, with the code and a word of the sentence. The change is made to publishOffer.
var hostile = []struct {
	name     string
	old, new string // "" for old replaces everything
	code     stage.Code
	word     string
}{
	{"empty", "", "", stage.InvalidInput, "no media"},
	{"prose", "", "hello", stage.InvalidInput, "not a session description"},
	{"binary", "", "\x00\xff\xfe", stage.InvalidInput, "not a session description"},
	{"too long", "", strings.Repeat("a", maxOffer+1), stage.InvalidInput, "longer"},
	{"no media", "", sessionLines, stage.InvalidInput, "no media section"},
	{"many sections", "", sessionLines + strings.Repeat("m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n", 100), stage.InvalidInput, "media sections"},
	{"data channel", "m=audio 9 UDP/TLS/RTP/SAVPF 111 0", "m=application 9 UDP/DTLS/SCTP webrtc-datachannel", stage.InvalidInput, "audio and video"},
	{"two audio sections", "m=video 9", "m=audio 9", stage.InvalidAudioCodec, ""},
	{"no mid", "a=mid:0\r\n", "", stage.InvalidInput, "a=mid"},
	{"injected mid", "a=mid:0\r\n", "a=mid:0 a\r\n", stage.InvalidInput, "a=mid"},
	{"same mid", "a=mid:1\r\n", "a=mid:0\r\n", stage.InvalidInput, "same a=mid"},
	{"disabled section", "m=video 9", "m=video 0", stage.InvalidInput, "disabled"},
	{"plain RTP", "m=video 9 UDP/TLS/RTP/SAVPF", "m=video 9 RTP/AVP", stage.InvalidInput, "SAVPF"},
	{"no rtcp-mux", "a=rtcp-mux\r\n", "", stage.InvalidInput, "rtcp-mux"},
	{"no bundle", "a=group:BUNDLE 0 1\r\n", "", stage.InvalidInput, "bundled"},
	{"half a bundle", "a=group:BUNDLE 0 1\r\n", "a=group:BUNDLE 0\r\n", stage.InvalidInput, "bundled"},
	{"receiving", "a=sendonly", "a=recvonly", stage.InvalidInput, "sendonly or sendrecv"},
	{"inactive", "a=sendonly", "a=inactive", stage.InvalidInput, "sendonly or sendrecv"},
	{"no Opus", "opus/48000/2", "speex/8000", stage.InvalidAudioCodec, "Opus"},
	{"no known video", "VP8/90000\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtcp-fb:96 ccm fir\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=rtpmap:102 H264", "AV1/90000\r\na=rtpmap:102 H265", stage.InvalidVideoCodec, "VP8"},
	{"no credentials", "a=ice-ufrag:RqPL\r\na=ice-pwd:rVEKCbCQB8MqeBImg7Px9uYV\r\n", "", stage.InvalidInput, "needs"},
	{"half the credentials", "a=ice-pwd:rVEKCbCQB8MqeBImg7Px9uYV\r\n", "", stage.InvalidInput, "credentials"},
	{"wrong credentials", "a=ice-ufrag:RqPL", "a=ice-ufrag:R P", stage.InvalidInput, "credentials"},
	{"no fingerprint", "a=fingerprint:" + testFingerprint + "\r\n", "", stage.InvalidInput, "needs"},
	{"wrong fingerprint", testFingerprint, "sha-256 00:11", stage.InvalidInput, "fingerprint"},
	{"weak fingerprint", testFingerprint, "md5 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF", stage.InvalidInput, "fingerprint"},
	{"passive", "a=setup:actpass", "a=setup:passive", stage.InvalidInput, "setup"},
	{"no setup", "a=setup:actpass\r\n", "", stage.InvalidInput, "needs"},
	{"many candidates", "a=mid:0\r\n", "a=mid:0\r\n" + candidates(maxCandidates+1), stage.InvalidInput, "candidates"},
	{"SSRC that is none", "a=ssrc:11 ", "a=ssrc:x ", stage.InvalidInput, "SSRC"},
	{"SSRC 0", "a=ssrc:11 ", "a=ssrc:0 ", stage.InvalidInput, "SSRC"},
	{"same SSRC", "a=ssrc:11 ", "a=ssrc:12 ", stage.InvalidInput, "same SSRC"},
	{"repair stream is another's", "a=ssrc:11 ", "a=ssrc:13 ", stage.InvalidInput, "same SSRC"},
}

func candidates(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "a=candidate:1 1 udp 1 192.0.2.%d 9 typ host\r\n", i)
	}
	return b.String()
}

func TestHostileOffers(t *testing.T) {
	e := newEngine(t)
	for _, test := range hostile {
		t.Run(test.name, func(t *testing.T) {
			offer := test.new
			if test.old != "" {
				if offer = strings.ReplaceAll(publishOffer, test.old, test.new); offer == publishOffer {
					t.Fatal("the test changes nothing")
				}
			}
			_, err := e.Publish(context.Background(), stage.PublishSpec{Stage: "stage", Participant: "p", Offer: offer})
			if code := stage.CodeOf(err); code != test.code || !strings.Contains(err.Error(), test.word) {
				t.Errorf("Publish = %v; want %s and %q", err, test.code, test.word)
			}
		})
	}
	t.Run("differing transports", func(t *testing.T) {
		offer := sessionLines + directed("sendonly")
		at := strings.LastIndex(offer, "a=ice-ufrag:RqPL")
		offer = offer[:at] + "a=ice-ufrag:other" + offer[at+len("a=ice-ufrag:RqPL"):]
		if _, err := parsePublish(offer); stage.CodeOf(err) != stage.InvalidInput || !strings.Contains(err.Error(), "different") {
			t.Errorf("parsePublish = %v", err)
		}
	})
	t.Run("subscriber", func(t *testing.T) {
		for direction, offer := range map[string]string{"sendonly": publishOffer, "sendrecv": sessionLines + directed("sendrecv")} {
			if _, err := parseSubscribe(offer, true); stage.CodeOf(err) != stage.InvalidInput {
				t.Errorf("%s: %v", direction, err)
			}
		}
		two := strings.ReplaceAll(subscribeOffer, "BUNDLE 0 1", "BUNDLE 0 1 2") + strings.NewReplacer("a=mid:0", "a=mid:2", "DIRECTION", "recvonly", "a=ssrc:11 cname:x\r\n", "").Replace(audioSection)
		if _, err := parseSubscribe(two, true); err != nil {
			t.Errorf("two audio sections for the whole stage: %v", err)
		}
		if _, err := parseSubscribe(two, false); stage.CodeOf(err) != stage.InvalidInput {
			t.Errorf("two audio sections for one publisher: %v", err)
		}
	})
	if s := e.Stats(); s.Publishers != 0 {
		t.Errorf("refused offers left %d sessions", s.Publishers)
	}
}

// TestSmallestOffers: what the parser accepts, pion does.
func TestSmallestOffers(t *testing.T) {
	e := newEngine(t)
	publisher, err := e.Publish(context.Background(), stage.PublishSpec{Stage: "stage", Participant: "p", Offer: publishOffer})
	if err != nil {
		t.Fatal(err)
	}
	if answer := publisher.Answer(); !strings.Contains(answer, "a=end-of-candidates") || !strings.Contains(answer, "127.0.0.1") || !strings.Contains(answer, "a=recvonly") {
		t.Errorf("the answer to a publisher is\n%s", answer)
	}
	viewer, err := e.Subscribe(context.Background(), stage.SubscribeSpec{Stage: "stage", Participant: "v", Offer: subscribeOffer})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"a=sendonly", "a=msid:slot-0 audio", "a=msid:slot-0 video", "a=ssrc-group:FID", "a=setup:passive", "cname:slot-0"} {
		if answer := viewer.Answer(); !strings.Contains(answer, want) {
			t.Errorf("%q is not in the answer to a viewer\n%s", want, answer)
		}
	}
}

// FuzzOffer: whatever is sent, there is an offer or a refusal; what is accepted is rendered to something that is accepted again, and
// that pion can read.
func FuzzOffer(f *testing.F) {
	f.Add(publishOffer, true)
	f.Add(subscribeOffer, false)
	for _, h := range hostile {
		if h.old == "" && len(h.new) < 1000 {
			f.Add(h.new, true)
		} else if h.old != "" {
			f.Add(strings.ReplaceAll(publishOffer, h.old, h.new), true)
		}
	}
	f.Fuzz(func(t *testing.T, text string, publish bool) {
		parse := func(text string) (*offer, error) {
			if publish {
				return parsePublish(text)
			}
			return parseSubscribe(text, true)
		}
		o, err := parse(text)
		if err != nil {
			if code := stage.CodeOf(err); code == stage.Internal || o != nil {
				t.Fatalf("parse = %v, %v", o, err)
			}
			return
		}
		rendered := o.render(o.ice, 1)
		if len(rendered) > maxOffer {
			return
		}
		again, err := parse(rendered)
		if err != nil {
			t.Fatalf("what render wrote is refused: %v\n%s", err, rendered)
		}
		if diff := cmp.Diff(rendered, again.render(again.ice, 1)); diff != "" {
			t.Fatal(diff)
		}
		description := webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: rendered}
		if _, err := description.Unmarshal(); err != nil {
			t.Fatalf("pion cannot read what render wrote: %v\n%s", err, rendered)
		}
	})
}
