package rtcapi

import (
	"encoding/json"
	"time"

	"streamcat/stage"
)

// message is a frame from the server: docs/protocol.md 4.
type message struct {
	Type    string `json:"type"`
	Payload any    `json:"payload,omitempty"`
}

type welcome struct {
	Participant stage.ParticipantID `json:"participantId"`
	Session     stage.SessionID     `json:"sessionId"`
	Slots       int                 `json:"slots"`
	Resources   []string            `json:"resources"`
}

type stageState struct {
	Stage        stage.ID          `json:"stageId"`
	Slots        int               `json:"slots"`
	Participants []stage.Publisher `json:"participants"`
}

type muteChanged struct {
	Participant  stage.ParticipantID `json:"participantId"`
	AudioMuted   bool                `json:"audioMuted"`
	VideoStopped bool                `json:"videoStopped"`
}

type live struct {
	Live  bool       `json:"live"`
	Since *time.Time `json:"since,omitempty"`
}

type viewerCount struct {
	Count int `json:"count"`
}

type left struct {
	Reason  stage.LeftReason `json:"reason"`
	Message string           `json:"message"`
}

type refusal struct {
	Code    stage.Code `json:"code"`
	Message string     `json:"message"`
}

func welcomeMessage(g stage.Grant, w stage.Welcome) message {
	resources := w.Resources
	if resources == nil {
		resources = []string{}
	}
	return message{"WELCOME", welcome{g.Participant, w.Session, w.Snapshot.Slots, resources}}
}

func stageStateMessage(s *stage.Snapshot) message {
	participants := make([]stage.Publisher, len(s.Publishers))
	for i, p := range s.Publishers {
		if p.Attributes == nil {
			p.Attributes = map[string]string{}
		}
		participants[i] = p
	}
	return message{"STAGE_STATE", stageState{s.Stage, s.Slots, participants}}
}

func muteMessage(p stage.Publisher) message {
	return message{"MUTE_CHANGED", muteChanged{p.ID, p.AudioMuted, p.VideoStopped}}
}

func liveMessage(s *stage.Snapshot) message {
	payload := live{Live: s.Live()}
	if s.Gated && payload.Live {
		since := s.LiveSince.UTC().Truncate(time.Millisecond)
		payload.Since = &since
	}
	return message{"LIVE", payload}
}

func layoutMessage(s *stage.Snapshot) message {
	layout := s.Layout
	if layout.Tiles == nil {
		layout = stage.Compose(nil) // nobody to be seen: the bare grid
	}
	return message{"LAYOUT", layout}
}

func viewerCountMessage(s *stage.Snapshot) message {
	return message{"VIEWER_COUNT", viewerCount{s.Viewers}}
}

func leftMessage(l stage.Left) message {
	return message{"LEFT", left{l.Reason, l.Message}}
}

func errorMessage(err error) message {
	code, sentence := describe(err)
	return message{"ERROR", refusal{code, sentence}}
}

// encode makes the bytes of a frame.
func encode(m message) []byte {
	data, err := json.Marshal(m)
	if err != nil {
		panic(err) // every payload is a struct of strings, numbers and maps of strings
	}
	return data
}
