package stage

import (
	"errors"
	"fmt"
)

// Code names why something was refused. Edges map codes to their own words, each in one table.
type Code string

// The codes that a stage answers with. Those that IVS records as participant event error codes have the IVS name.
const (
	TokenMalformed           Code = "TOKEN_MALFORMED"
	TokenExpired             Code = "TOKEN_EXPIRED"
	ParticipantDisconnected  Code = "PARTICIPANT_DISCONNECTED"
	StageDeleted             Code = "STAGE_DELETED"
	InsufficientCapabilities Code = "INSUFFICIENT_CAPABILITIES"
	NotLive                  Code = "STAGE_NOT_LIVE"
	PublisherNotFound        Code = "PUBLISHER_NOT_FOUND"
	AtCapacity               Code = "STAGE_AT_CAPACITY"
	QuotaExceeded            Code = "QUOTA_EXCEEDED" // what events say for AtCapacity
	InvalidInput             Code = "INVALID_INPUT"
	InvalidAudioCodec        Code = "INVALID_AUDIO_CODEC"
	InvalidVideoCodec        Code = "INVALID_VIDEO_CODEC"
	PreconditionFailed       Code = "PRECONDITION_FAILED"
	NotFound                 Code = "NOT_FOUND"
	Conflict                 Code = "CONFLICT"
	Internal                 Code = "INTERNAL_SERVER_EXCEPTION"
)

// Error is a refusal with a code for programs and a sentence for people. The sentence never holds a secret.
type Error struct {
	Code    Code
	Message string
	err     error
}

// Errorf makes an Error; a %w operand becomes its cause.
func Errorf(code Code, format string, args ...any) *Error {
	wrapped := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: wrapped.Error(), err: errors.Unwrap(wrapped)}
}

func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

func (e *Error) Unwrap() error { return e.err }

// CodeOf returns the code of the first Error in err's chain, Internal for any other error, and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Internal
}
