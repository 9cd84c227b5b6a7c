package stage

import "time"

// Publisher is a host as others see it while it is connected.
type Publisher struct {
	ID         ParticipantID     `json:"id"`
	UserID     string            `json:"userId"`
	Attributes map[string]string `json:"attributes"`

	Publishing   bool `json:"isPublishing"` // a media packet has arrived
	Slot         int  `json:"slot"`         // in whole-stage connections; -1 while it holds none
	HasAudio     bool `json:"hasAudio"`
	HasVideo     bool `json:"hasVideo"`
	AudioMuted   bool `json:"audioMuted"`
	VideoStopped bool `json:"videoStopped"`
	OnAir        bool `json:"onAir"`
}

// Snapshot is everything that clients of a stage are told, at one moment. It is complete: whoever has the newest one needs no
// older one. It is never changed after it was made, so it can be shared.
type Snapshot struct {
	Stage      ID
	Session    SessionID
	Version    uint64 // grows with every change while the stage is in memory
	Gated      bool
	LiveSince  time.Time
	Slots      int
	Publishers []Publisher // hosts, in the order they joined
	Layout     Layout      // of the publishers that are on air
	Viewers    int         // connected participants that cannot publish
}

// Live says whether the audience may receive.
func (s *Snapshot) Live() bool { return !s.Gated || !s.LiveSince.IsZero() }

// ForAudience is what the audience may know: publishers on air, and none while the stage is not live.
func (s *Snapshot) ForAudience() *Snapshot {
	if !s.Gated {
		return s
	}
	view := *s
	view.Publishers = []Publisher{}
	if !view.Live() {
		view.Layout = Compose(nil)
		return &view
	}
	for _, p := range s.Publishers {
		if p.OnAir && p.Publishing {
			view.Publishers = append(view.Publishers, p)
		}
	}
	return &view
}

// Notice is what a stage tells every node: its new state, or that a client has to go.
type Notice struct {
	Snapshot *Snapshot `json:",omitempty"`
	Left     *Left     `json:",omitempty"`
}

// LeftReason says why a client was sent away, with the words of the SDK.
type LeftReason string

// The reasons a server gives.
const (
	LeftDisconnected LeftReason = "participant-disconnected"
	LeftTokenReused  LeftReason = "token-reused"
	LeftStageDeleted LeftReason = "stage-deleted"
	LeftShutdown     LeftReason = "server-shutdown"
)

// Left tells a participant's clients to go.
type Left struct {
	Participant ParticipantID // "" means everybody on the stage
	Keep        string        // the client that stays, when Reason is token-reused
	Reason      LeftReason
	Message     string // a sentence for the person, may be empty
}
