package site

import (
	"errors"
	"fmt"
)

// Code names why something was refused.
type Code string

// The codes.
const (
	Invalid  Code = "invalid"
	NotFound Code = "not_found"
	Conflict Code = "conflict"
	Denied   Code = "denied"
	Expired  Code = "expired"
	Revoked  Code = "revoked"
	Limited  Code = "limited"
	Internal Code = "internal"
)

// Error is a refusal with a code for programs and a sentence for people.
type Error struct {
	Code    Code
	Field   string // the form field at fault, may be empty
	Message string
}

// Errorf makes an Error.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// On returns the same refusal, about one field of a form.
func (e *Error) On(field string) *Error {
	about := *e
	about.Field = field
	return &about
}

func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

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
