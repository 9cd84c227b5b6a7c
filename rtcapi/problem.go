package rtcapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"streamcat/stage"
)

// The codes that only this edge gives.
const (
	unsupportedMediaType stage.Code = "UNSUPPORTED_MEDIA_TYPE"
	tooLarge             stage.Code = "TOO_LARGE"
	tooManyRequests      stage.Code = "TOO_MANY_REQUESTS"
	methodNotAllowed     stage.Code = "METHOD_NOT_ALLOWED"
	preconditionRequired stage.Code = "PRECONDITION_REQUIRED"
	shuttingDown         stage.Code = "SHUTTING_DOWN"
)

// statuses is the one table from codes to HTTP: docs/protocol.md 5. retry is Retry-After in seconds.
func statuses(code stage.Code) (status, retry int) {
	switch code {
	case stage.TokenMalformed, stage.TokenExpired:
		return http.StatusUnauthorized, 0
	case stage.ParticipantDisconnected, stage.InsufficientCapabilities, stage.NotLive:
		return http.StatusForbidden, 0
	case stage.StageDeleted, stage.PublisherNotFound, stage.NotFound:
		return http.StatusNotFound, 0
	case stage.AtCapacity:
		return http.StatusServiceUnavailable, 10
	case stage.InvalidInput:
		return http.StatusBadRequest, 0
	case stage.InvalidAudioCodec, stage.InvalidVideoCodec:
		return http.StatusUnprocessableEntity, 0
	case stage.PreconditionFailed:
		return http.StatusPreconditionFailed, 0
	case stage.Conflict:
		return http.StatusConflict, 0
	case unsupportedMediaType:
		return http.StatusUnsupportedMediaType, 0
	case tooLarge:
		return http.StatusRequestEntityTooLarge, 0
	case tooManyRequests:
		return http.StatusTooManyRequests, 1
	case methodNotAllowed:
		return http.StatusMethodNotAllowed, 0
	case preconditionRequired:
		return http.StatusPreconditionRequired, 0
	case shuttingDown:
		return http.StatusServiceUnavailable, 1
	}
	return http.StatusInternalServerError, 0
}

var (
	errNoSuchPath = stage.Errorf(stage.NotFound, "There is nothing here.")
	errMethod     = stage.Errorf(methodNotAllowed, "This method is not allowed here; the Allow header names those that are.")
)

// problem is a problem document, RFC 9457.
type problem struct {
	Type   string     `json:"type"`
	Title  string     `json:"title"`
	Status int        `json:"status"`
	Detail string     `json:"detail"`
	Code   stage.Code `json:"code"`
}

// describe returns what of err may be told. Whatever is our own fault is not.
func describe(err error) (code stage.Code, sentence string) {
	code = stage.CodeOf(err)
	var refusal *stage.Error
	if status, _ := statuses(code); status == http.StatusInternalServerError || !errors.As(err, &refusal) {
		return stage.Internal, "Something went wrong on our side. The log has the details."
	}
	return code, refusal.Message
}

// writeProblem answers with err. Headers set before, such as Allow or a more exact Retry-After, stay.
func writeProblem(w http.ResponseWriter, err error) {
	code, sentence := describe(err)
	status, retry := statuses(code)
	header := w.Header()
	header.Set("Content-Type", mediaProblem)
	if retry > 0 && header.Get("Retry-After") == "" {
		header.Set("Retry-After", strconv.Itoa(retry))
	}
	if status == http.StatusUnauthorized {
		header.Set("WWW-Authenticate", "Bearer") // RFC 9110 11.6.1
	}
	body, encodeErr := json.Marshal(problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: sentence, Code: code,
	})
	if encodeErr != nil {
		panic(encodeErr) // strings and a number always encode
	}
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // a client that is gone needs no answer
}
