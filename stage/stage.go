package stage

import (
	"strings"
	"time"
)

// ID names a stage: the last part of its ARN, and the "topic" of its tokens.
type ID string

// ParticipantID names a participant: the "jti" of its token.
type ParticipantID string

// SessionID names one session of a stage: "st-" and 13 characters, as IVS writes it.
type SessionID string

// arnPrefix is region and account in the ARNs of a self-hosted service: there is one of each.
const arnPrefix = "arn:aws:ivs:local:000000000000:"

// ARN is the name of the stage in the control plane.
func (id ID) ARN() string { return arnPrefix + "stage/" + string(id) }

// ParseARN returns the stage that arn names, and false when it names anything else.
func ParseARN(arn string) (ID, bool) {
	id, ok := strings.CutPrefix(arn, arnPrefix+"stage/")
	if !ok || !stagePattern.MatchString(id) {
		return "", false
	}
	return ID(id), true
}

// Stage is a persistent virtual room.
type Stage struct {
	ID      ID
	Name    string // [A-Za-z0-9-_], at most 128; not unique
	Tags    map[string]string
	Created time.Time

	// Gated: the audience receives media only while Live. Stages of the site are gated, stages of the control plane are not.
	Gated bool
	// LiveSince is when the stage went live; zero while it is not. Without meaning when not Gated.
	LiveSince time.Time
}

// New makes a stage that nobody has stored yet. name is what its owner calls it and may be empty.
func New(name string, gated bool) (Stage, error) {
	if !namePattern.MatchString(name) {
		return Stage{}, Errorf(InvalidInput, "A stage's name has at most 128 letters, digits, hyphens and underscores.")
	}
	return Stage{
		ID:      ID(randomID(stageIDLength)),
		Name:    name,
		Created: time.Now().UTC().Truncate(time.Millisecond), // as exact as the store
		Gated:   gated,
	}, nil
}

// Live says whether the audience may receive.
func (s Stage) Live() bool { return !s.Gated || !s.LiveSince.IsZero() }

// Capabilities are what a token allows.
type Capabilities struct {
	Publish   bool
	Subscribe bool
}

// Session is the time from the first join of an idle stage to its end.
type Session struct {
	ID    SessionID
	Stage ID
	Start time.Time
	End   time.Time // zero while it goes on
}

// Participant is one holder of one token within one session, as the store keeps it.
type Participant struct {
	ID         ParticipantID
	Stage      ID
	Session    SessionID
	UserID     string
	Attributes map[string]string
	Connected  bool
	Published  bool // ever, in this session
	FirstJoin  time.Time
	Client     ClientInfo
}

// ClientInfo is what a client tells of itself. Never trusted, only recorded.
type ClientInfo struct {
	Browser, BrowserVersion, OS, OSVersion, SDKVersion string
	Protocol                                           string // WHIP or UNKNOWN
}

// Event is an entry of a participant's history, named as IVS names it.
type Event struct {
	Name        string // JOINED, LEFT, PUBLISH_STARTED, …
	Stage       ID
	Session     SessionID
	Participant ParticipantID
	Remote      ParticipantID // the publisher, in subscribe events
	Time        time.Time
	ErrorCode   Code
	Seq         int64 // orders the events of one stage
}
