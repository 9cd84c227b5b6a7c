package client

import (
	"encoding/json"
	"fmt"
	"time"
)

// Message is a frame from the server: docs/protocol.md 4.
type Message struct {
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload"`
}

// Decode reads the payload into one of the types below.
func (m Message) Decode(payload any) error {
	if err := json.Unmarshal(m.Payload, payload); err != nil {
		return fmt.Errorf("read %s: %w", m.Type, err)
	}
	return nil
}

// Welcome is the payload of WELCOME.
type Welcome struct {
	Participant string   `json:"participantId"`
	Session     string   `json:"sessionId"`
	Slots       int      `json:"slots"`
	Resources   []string `json:"resources"`
}

// StageState is the payload of STAGE_STATE.
type StageState struct {
	Stage        string        `json:"stageId"`
	Slots        int           `json:"slots"`
	Participants []Participant `json:"participants"`
}

// Participant is one publisher in a StageState.
type Participant struct {
	ID           string            `json:"id"`
	UserID       string            `json:"userId"`
	Attributes   map[string]string `json:"attributes"`
	Publishing   bool              `json:"isPublishing"`
	Slot         int               `json:"slot"`
	HasAudio     bool              `json:"hasAudio"`
	HasVideo     bool              `json:"hasVideo"`
	AudioMuted   bool              `json:"audioMuted"`
	VideoStopped bool              `json:"videoStopped"`
	OnAir        bool              `json:"onAir"`
}

// MuteChanged is the payload of MUTE_CHANGED.
type MuteChanged struct {
	Participant  string `json:"participantId"`
	AudioMuted   bool   `json:"audioMuted"`
	VideoStopped bool   `json:"videoStopped"`
}

// Live is the payload of LIVE.
type Live struct {
	Live  bool      `json:"live"`
	Since time.Time `json:"since"`
}

// Layout is the payload of LAYOUT.
type Layout struct {
	Columns int    `json:"columns"`
	Rows    int    `json:"rows"`
	Tiles   []Tile `json:"tiles"`
}

// Tile is the place of one participant in a Layout.
type Tile struct {
	Participant string `json:"participantId"`
	Column      int    `json:"column"`
	Row         int    `json:"row"`
	ColumnSpan  int    `json:"columnSpan"`
	RowSpan     int    `json:"rowSpan"`
	Featured    bool   `json:"featured"`
}

// ViewerCount is the payload of VIEWER_COUNT.
type ViewerCount struct {
	Count int `json:"count"`
}

// Refusal is the payload of ERROR.
type Refusal struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Left is the payload of LEFT, and the error of whoever was sent away.
type Left struct {
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

func (l *Left) Error() string {
	if l.Message == "" {
		return "sent away: " + l.Reason
	}
	return "sent away: " + l.Reason + ": " + l.Message
}

// Temporary says whether the client is welcome to come back.
func (l *Left) Temporary() bool { return l.Reason == "server-shutdown" }

// Selection is the payload of SELECT. Values are NONE, AUDIO_ONLY and AUDIO_VIDEO.
type Selection struct {
	Default      string            `json:"default"`
	Participants map[string]string `json:"participants,omitempty"`
}
