package stage

import "context"

// Engine is the media plane as the service needs it. sfu implements it.
type Engine interface {
	// Publish answers a participant's offer and takes its media. Errors carry InvalidInput, InvalidAudioCodec or
	// InvalidVideoCodec when the offer is at fault.
	Publish(ctx context.Context, spec PublishSpec) (MediaSession, error)

	// Subscribe answers the offer of somebody who wants to receive.
	Subscribe(ctx context.Context, spec SubscribeSpec) (Subscription, error)

	// Apply sets what the routing of a stage obeys. When it returns, no packet that the new program forbids is sent any more.
	Apply(id ID, program Program)

	// Forget drops a stage: its media sessions end, its program is gone.
	Forget(id ID)
}

// Program is who may be heard and seen on a stage.
type Program struct {
	Live       bool // the audience receives those on air
	Publishers map[ParticipantID]ProgramEntry
}

// ProgramEntry is the place of one publisher. A publisher without an entry is forwarded to nobody.
type ProgramEntry struct {
	Slot  int
	OnAir bool
}

// PublishSpec describes a publish connection.
type PublishSpec struct {
	Stage       ID
	Participant ParticipantID
	Offer       string
	// Started is called when the first packet of a kind of media has arrived; at most once for each kind.
	Started func(kind Kind)
	// Closed is called once, when the connection has ended for whatever reason but the caller's own Close.
	Closed func(cause error)
}

// SubscribeSpec describes a subscribe connection.
type SubscribeSpec struct {
	Stage       ID
	Participant ParticipantID // who receives; never gets its own media
	Publisher   ParticipantID // "" means the whole stage, by slots
	Audience    bool          // receives only what is on air while the program is live
	Offer       string
	Selection   Selection
	Closed      func(cause error)
}

// MediaSession is one WebRTC connection.
type MediaSession interface {
	// Answer is the SDP answer with all candidates.
	Answer() string
	// ETag names the current ICE session, without quotes.
	ETag() string
	// Patch applies a trickle-ice-sdpfrag (RFC 8840). With restart, ICE is restarted and the answer is a fragment;
	// otherwise the answer is empty.
	Patch(ctx context.Context, fragment string, restart bool) (answer string, err error)
	// Close ends the connection. It does not call Closed. Closing twice is fine.
	Close() error
}

// Subscription is a connection that receives.
type Subscription interface {
	MediaSession
	// Select sets what is forwarded on a whole-stage connection.
	Select(selection Selection)
}

// Kind of media.
type Kind string

// The two kinds.
const (
	Audio Kind = "audio"
	Video Kind = "video"
)

// SubscribeType says how much of a publisher somebody wants, as in the SDK.
type SubscribeType string

// The subscribe types.
const (
	SubscribeNone       SubscribeType = "NONE"
	SubscribeAudioOnly  SubscribeType = "AUDIO_ONLY"
	SubscribeAudioVideo SubscribeType = "AUDIO_VIDEO"
)

// Selection is what a client wants to receive. The zero value means AUDIO_VIDEO of everybody.
type Selection struct {
	Default      SubscribeType                   `json:"default"`
	Participants map[ParticipantID]SubscribeType `json:"participants"`
}

// Of returns what is wanted of one publisher.
func (s Selection) Of(id ParticipantID) SubscribeType {
	if t, ok := s.Participants[id]; ok {
		return t
	}
	if s.Default == "" {
		return SubscribeAudioVideo
	}
	return s.Default
}

// Wants says whether media of this kind is included.
func (t SubscribeType) Wants(kind Kind) bool {
	return t == SubscribeAudioVideo || t == SubscribeAudioOnly && kind == Audio
}
