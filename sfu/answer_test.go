package sfu

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pion/sdp/v3"

	"streamcat/stage"
)

// wholeStage is an offer with so many slots.
func wholeStage(slots int) string {
	offer, mids := "", ""
	for i := range slots {
		for j, section := range []string{audioSection, videoSection} {
			mid := string(rune('a'+i)) + string(rune('0'+j))
			mids += " " + mid
			offer += strings.NewReplacer("a=mid:0", "a=mid:"+mid, "a=mid:1", "a=mid:"+mid, "DIRECTION", "recvonly",
				"a=ssrc:11 cname:x\r\n", "", "a=ssrc-group:FID 12 13\r\na=ssrc:12 cname:x\r\na=ssrc:13 cname:x\r\n", "").Replace(section)
		}
	}
	return strings.Replace(sessionLines, " 0 1\r\n", mids+"\r\n", 1) + offer
}

func TestAnswer(t *testing.T) {
	e := newEngine(t)
	s, err := e.Subscribe(context.Background(), stage.SubscribeSpec{Stage: "stage", Participant: "viewer", Offer: wholeStage(3)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var d sdp.SessionDescription
	if err := d.UnmarshalString(s.Answer()); err != nil {
		t.Fatalf("%v in\n%s", err, s.Answer())
	}
	if group, _ := d.Attribute("group"); group != "BUNDLE a0 a1 b0 b1 c0 c1" {
		t.Errorf("group %q", group)
	}
	ssrcs := map[string]bool{}
	for i, m := range d.MediaDescriptions {
		slot, kind := i/2, []string{"audio", "video"}[i%2]
		all := func(key string) (values []string) {
			for _, a := range m.Attributes {
				if a.Key == key {
					values = append(values, a.Value)
				}
			}
			return values
		}
		if m.MediaName.Media != kind {
			t.Errorf("section %d is %s", i, m.MediaName.Media)
		}
		msid := []string{"slot-" + string(rune('0'+slot)) + " " + kind}
		want := map[string][]string{
			"sendonly": {""}, "setup": {"passive"}, "rtcp-mux": {""}, "msid": msid, "ice-ufrag": {s.ETag()}, "fingerprint": {e.transport.Fingerprint()},
		}
		if kind == "video" {
			want["rtpmap"] = []string{"96 VP8/90000", "102 H264/90000", "97 rtx/90000", "103 rtx/90000"}
			want["rtcp-fb"] = []string{"96 nack", "96 nack pli", "96 ccm fir"}
		} else {
			want["rtpmap"], want["rtcp-fb"] = []string{"111 opus/48000/2"}, nil
		}
		for key, values := range want {
			if diff := cmp.Diff(values, all(key)); diff != "" {
				t.Errorf("%s of section %d: %s", key, i, diff)
			}
		}
		if candidates := all("candidate"); (len(candidates) > 0) != (i == 0) {
			t.Errorf("section %d has %d candidates", i, len(candidates))
		}
		streams := all("ssrc")
		if want := 1 + i%2; len(streams) != want {
			t.Fatalf("section %d has %d streams, want %d", i, len(streams), want)
		}
		for _, stream := range streams {
			ssrc, cname, _ := strings.Cut(stream, " ")
			if ssrcs[ssrc] || cname != "cname:slot-"+string(rune('0'+slot)) {
				t.Errorf("stream %q", stream)
			}
			ssrcs[ssrc] = true
		}
		if groups := all("ssrc-group"); kind == "video" {
			media, _, _ := strings.Cut(streams[0], " ")
			repair, _, _ := strings.Cut(streams[1], " ")
			if !slices.Equal(groups, []string{"FID " + media + " " + repair}) {
				t.Errorf("groups %q of streams %q", groups, streams)
			}
		}
	}
}

// TestAnswerIsForgotten: it is longer than all else that is kept of a viewer, and written again for whoever asks later.
func TestAnswerIsForgotten(t *testing.T) {
	e := newEngine(t)
	s, err := e.Subscribe(context.Background(), stage.SubscribeSpec{Stage: "stage", Participant: "viewer", Offer: wholeStage(2)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	before := s.Answer()
	s.(*subscription).connected(0)
	if s.(*subscription).answer != "" {
		t.Error("the answer is kept")
	}
	if diff := cmp.Diff(before, s.Answer()); diff != "" {
		t.Error(diff)
	}
}

func TestLiteSubscriberIsRefused(t *testing.T) {
	offer := strings.Replace(subscribeOffer, "t=0 0\r\n", "t=0 0\r\na=ice-lite\r\n", 1)
	if _, err := parseSubscribe(offer, true); stage.CodeOf(err) != stage.InvalidInput || !strings.Contains(err.Error(), "ice-lite") {
		t.Errorf("parseSubscribe = %v", err)
	}
}
