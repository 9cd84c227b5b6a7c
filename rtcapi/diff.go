package rtcapi

import (
	"maps"
	"slices"

	"streamcat/stage"
)

// diff returns what somebody who was shown prev has to be told to know next: everything, when prev is nil, and nothing, when
// both look the same. Messages are complete, so their order matters only where docs/protocol.md 4 gives one.
func diff(prev, next *stage.Snapshot) []message {
	if prev == nil {
		return []message{stageStateMessage(next), liveMessage(next), layoutMessage(next), viewerCountMessage(next)}
	}
	var messages []message
	switch muted, same := compare(prev, next); {
	case !same:
		messages = append(messages, stageStateMessage(next))
	default:
		for _, p := range muted {
			messages = append(messages, muteMessage(p))
		}
	}
	if prev.Live() != next.Live() || next.Gated && !prev.LiveSince.Equal(next.LiveSince) {
		messages = append(messages, liveMessage(next))
	}
	if !slices.Equal(prev.Layout.Tiles, next.Layout.Tiles) {
		messages = append(messages, layoutMessage(next))
	}
	if prev.Viewers != next.Viewers {
		messages = append(messages, viewerCountMessage(next))
	}
	return messages
}

// compare says whether the publishers are the same but for what they muted, and who changed that.
func compare(prev, next *stage.Snapshot) (muted []stage.Publisher, same bool) {
	if prev.Slots != next.Slots || len(prev.Publishers) != len(next.Publishers) {
		return nil, false
	}
	for i, p := range prev.Publishers {
		n := next.Publishers[i]
		if n.AudioMuted != p.AudioMuted || n.VideoStopped != p.VideoStopped {
			muted = append(muted, n)
		}
		if !sameButMute(p, n) {
			return nil, false
		}
	}
	return muted, true
}

func sameButMute(a, b stage.Publisher) bool {
	return a.ID == b.ID && a.UserID == b.UserID && a.Publishing == b.Publishing && a.Slot == b.Slot &&
		a.HasAudio == b.HasAudio && a.HasVideo == b.HasVideo && a.OnAir == b.OnAir && maps.Equal(a.Attributes, b.Attributes)
}
