package client

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// Error is a refusal by the server.
type Error struct {
	Status     int    // of HTTP
	Code       string // as in docs/protocol.md 5; empty when something else than the stage service answered
	Detail     string
	RetryAfter time.Duration // 0 when the server does not say
}

func (e *Error) Error() string {
	if e.Code == "" {
		return fmt.Sprintf("the server answered %d %s", e.Status, http.StatusText(e.Status))
	}
	return e.Code + ": " + e.Detail
}

// Temporary says whether the same request may succeed later.
func (e *Error) Temporary() bool {
	return e.Status == http.StatusTooManyRequests || e.Status >= 500
}

// maxProblem is far above what a problem document has.
const maxProblem = 16 << 10

// refusal reads the problem document of an answer.
func refusal(response *http.Response) error {
	e := &Error{Status: response.StatusCode}
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 {
		e.RetryAfter = time.Duration(seconds) * time.Second
	}
	var problem struct{ Code, Detail string }
	if json.NewDecoder(io.LimitReader(response.Body, maxProblem)).Decode(&problem) == nil {
		e.Code, e.Detail = problem.Code, problem.Detail
	}
	return e
}
