package rtcapi

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"streamcat/stage"
)

func TestParseCommand(t *testing.T) {
	many := func(n int) string {
		var ids []string
		for i := range n {
			ids = append(ids, fmt.Sprintf(`"p%d":"NONE"`, i))
		}
		return `{"type":"SELECT","payload":{"default":"AUDIO_VIDEO","participants":{` + strings.Join(ids, ",") + `}}}`
	}
	all := stage.Selection{Default: stage.SubscribeAudioVideo}
	for _, test := range []struct {
		name, frame string
		want        command // nil means refused
	}{
		{"ping", `{"type":"PING"}`, pingCommand{}},
		{"ping with room around", " \r\n{\"type\" : \"PING\"}\t", pingCommand{}},
		{"leave", `{"type":"LEAVE","payload":{}}`, leaveCommand{}},
		{"mute", `{"type":"MUTE","payload":{"audioMuted":true,"videoStopped":false}}`, muteCommand{true, false}},
		{"unmute from the future", `{"type":"MUTE","id":1,"payload":{"audioMuted":false,"videoStopped":true,"why":"x"}}`, muteCommand{false, true}},
		{"mute nothing", `{"type":"MUTE"}`, nil},
		{"mute null", `{"type":"MUTE","payload":null}`, nil},
		{"mute with words", `{"type":"MUTE","payload":{"audioMuted":"yes","videoStopped":false}}`, nil},
		{"select everything", `{"type":"SELECT","payload":{}}`, selectCommand{all}},
		{"select nothing", `{"type":"SELECT"}`, nil},
		{"select null", `{"type":"SELECT","payload":null}`, nil},
		{"select an unknown default", `{"type":"SELECT","payload":{"default":"VIDEO_ONLY"}}`, nil},
		{"select an unknown type", `{"type":"SELECT","payload":{"participants":{"a":"ALL"}}}`, nil},
		{"select an empty type", `{"type":"SELECT","payload":{"participants":{"a":""}}}`, nil},
		{"select what is no participant", `{"type":"SELECT","payload":{"participants":{"a b":"NONE"}}}`, nil},
		{"select one too many", many(65), nil},
		{"unknown", `{"type":"DANCE"}`, nil},
		{"empty type", `{"type":""}`, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := parseCommand([]byte(test.frame))
			if test.want == nil {
				var broken violation
				if errors.As(err, &broken) || stage.CodeOf(err) != stage.InvalidInput {
					t.Fatalf("got %v, %v, want a refusal", got, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(muteCommand{}, selectCommand{})); diff != "" {
				t.Fatalf("(-want +got):\n%s", diff)
			}
		})
	}
	if got, err := parseCommand([]byte(many(64))); err != nil || len(got.(selectCommand).selection.Participants) != 64 {
		t.Fatalf("64 participants: %v", err)
	}
}

func FuzzParseCommand(f *testing.F) {
	for _, seed := range []string{
		`{"type":"PING"}`, `{"type":"LEAVE","payload":{}}`, `{"type":"MUTE","payload":{"audioMuted":true,"videoStopped":false}}`,
		`{"type":"SELECT","payload":{"default":"NONE","participants":{"a":"AUDIO_ONLY"}}}`, `[]`, `null`, `{`, "\xff", `{"type":{}}`,
		strings.Repeat(`{"a":`, 1000),
	} {
		f.Add([]byte(seed))
	}
	types := []stage.SubscribeType{stage.SubscribeNone, stage.SubscribeAudioOnly, stage.SubscribeAudioVideo}
	f.Fuzz(func(t *testing.T, frame []byte) {
		c, err := parseCommand(frame)
		if (c == nil) == (err == nil) {
			t.Fatalf("command %v and error %v", c, err)
		}
		if err != nil {
			var broken violation
			if !errors.As(err, &broken) && stage.CodeOf(err) != stage.InvalidInput {
				t.Fatalf("neither a violation nor a refusal: %v", err)
			}
			// What is told goes into a closing frame: at most 123 bytes, RFC 6455 5.5.
			if len(broken) > 123 {
				t.Fatalf("too long a sentence: %q", broken)
			}
			return
		}
		if s, ok := c.(selectCommand); ok {
			if len(s.selection.Participants) > 64 || !slices.Contains(types, s.selection.Default) {
				t.Fatalf("accepted %+v", s)
			}
			for id, kind := range s.selection.Participants {
				if !participantID.MatchString(string(id)) || !slices.Contains(types, kind) {
					t.Fatalf("accepted %q: %q", id, kind)
				}
			}
		}
	})
}
