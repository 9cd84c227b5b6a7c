package rtcapi

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"

	"streamcat/ratelimit"
	"streamcat/stage"
)

const maxFrame = 16 << 10 // bytes of a frame from a client

// frameRate limits what one socket may send, WebSocket pings included.
func frameRate() ratelimit.Rate { return ratelimit.Rate{PerSecond: 20, Burst: 40} }

// command is what a client asks for in a frame: docs/protocol.md 4, "From the client".
type command interface{ isCommand() }

type (
	pingCommand  struct{}
	leaveCommand struct{}
	muteCommand  struct{ audioMuted, videoStopped bool }
	// selectCommand replaces the client's selection.
	selectCommand struct{ selection stage.Selection }
)

func (pingCommand) isCommand()   {}
func (leaveCommand) isCommand()  {}
func (muteCommand) isCommand()   {}
func (selectCommand) isCommand() {}

// violation is a frame that ends the socket with 1008; any other error of parseCommand is answered with ERROR.
type violation string

func (v violation) Error() string { return string(v) }

// parseCommand reads a frame. Fields it does not know are ignored, so that newer clients can talk to older servers.
func parseCommand(frame []byte) (command, error) {
	if !utf8.Valid(frame) {
		return nil, violation("A frame has to be UTF-8.")
	}
	var envelope struct {
		Type    *string         `json:"type"`
		Payload json.RawMessage `json:"payload"`
	}
	// Unmarshal takes null and leaves the struct alone, so the object is asked for.
	if !bytes.HasPrefix(bytes.TrimLeft(frame, " \t\r\n"), []byte("{")) || json.Unmarshal(frame, &envelope) != nil {
		return nil, violation("A frame has to be one JSON object.")
	}
	if envelope.Type == nil {
		return nil, violation("A frame has to have a type.")
	}
	switch *envelope.Type {
	case "PING":
		return pingCommand{}, nil
	case "LEAVE":
		return leaveCommand{}, nil
	case "MUTE":
		return parseMute(envelope.Payload)
	case "SELECT":
		return parseSelect(envelope.Payload)
	}
	return nil, stage.Errorf(stage.InvalidInput, "This type of message is not known here.")
}

func parseMute(payload []byte) (command, error) {
	var mute struct{ AudioMuted, VideoStopped *bool }
	if json.Unmarshal(payload, &mute) != nil || mute.AudioMuted == nil || mute.VideoStopped == nil {
		return nil, stage.Errorf(stage.InvalidInput, "MUTE has two booleans, audioMuted and videoStopped.")
	}
	return muteCommand{*mute.AudioMuted, *mute.VideoStopped}, nil
}

func parseSelect(payload []byte) (command, error) {
	var selection *stage.Selection
	if json.Unmarshal(payload, &selection) != nil || selection == nil {
		return nil, stage.Errorf(stage.InvalidInput, "SELECT has a default and an object of participants.")
	}
	if selection.Default == "" {
		selection.Default = stage.SubscribeAudioVideo
	}
	if err := selection.Check(); err != nil {
		return nil, err
	}
	return selectCommand{*selection}, nil
}
