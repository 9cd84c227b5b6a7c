package rtcapi

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"streamcat/stage"
)

const (
	maxOffer    = 64 << 10
	maxFragment = 16 << 10
)

// publish is a WHIP endpoint, RFC 9725 4.2.
func (s *Server) publish(w http.ResponseWriter, r *http.Request) error {
	return s.offer(w, r, func(ctx context.Context, g stage.Grant, client, offer string) (stage.Resource, error) {
		return s.stages.Publish(ctx, g, client, offer)
	})
}

// subscribe answers an offer to receive: one publisher, when the path names it, or the whole stage.
func (s *Server) subscribe(w http.ResponseWriter, r *http.Request) error {
	publisher := r.PathValue("participant")
	if publisher != "" && !participantID.MatchString(publisher) {
		return stage.Errorf(stage.PublisherNotFound, "There is no such publisher.")
	}
	return s.offer(w, r, func(ctx context.Context, g stage.Grant, client, offer string) (stage.Resource, error) {
		return s.stages.Subscribe(ctx, g, client, stage.ParticipantID(publisher), offer)
	})
}

// offer is what publishing and subscribing have in common. The token is verified before the body is read: a stranger does not
// get to send us one.
func (s *Server) offer(w http.ResponseWriter, r *http.Request,
	answer func(ctx context.Context, g stage.Grant, client, offer string) (stage.Resource, error),
) error {
	client, err := clientOf(r)
	if err != nil {
		return err
	}
	if err := checkBody(r, mediaSDP, maxOffer); err != nil {
		return err
	}
	grant, err := s.authenticate(r)
	if err != nil {
		return err
	}
	offer, err := readBody(w, r, maxOffer)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(offer, "v=0") {
		return stage.Errorf(stage.InvalidInput, "The body is not an SDP offer.") // RFC 8866 5.1
	}
	ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
	defer cancel()
	resource, err := answer(ctx, grant, client, offer)
	if err != nil {
		return err
	}
	header := w.Header()
	header.Set("Content-Type", mediaSDP)
	// An absolute path: several encoders resolve a relative reference wrongly.
	header.Set("Location", "/rtc/whip/sessions/"+resource.ID)
	header.Set("ETag", quote(resource.ETag))
	header.Set("Accept-Patch", mediaFragment)
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, resource.Answer)
	return nil
}

// patch adds candidates or restarts ICE, RFC 9725 4.3.
func (s *Server) patch(w http.ResponseWriter, r *http.Request) error {
	if err := checkBody(r, mediaFragment, maxFragment); err != nil {
		return err
	}
	ifMatch, err := precondition(r)
	if err != nil {
		return err
	}
	grant, err := s.authenticate(r)
	if err != nil {
		return err
	}
	resource, err := resourceOf(r)
	if err != nil {
		return err
	}
	fragment, err := readBody(w, r, maxFragment)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
	defer cancel()
	answer, etag, err := s.stages.PatchResource(ctx, grant, resource, ifMatch, fragment)
	if err != nil {
		return err
	}
	if answer == "" {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	header := w.Header()
	header.Set("Content-Type", mediaFragment)
	header.Set("ETag", quote(etag))
	_, _ = io.WriteString(w, answer)
	return nil
}

// delete ends a media connection, RFC 9725 4.2.
func (s *Server) delete(w http.ResponseWriter, r *http.Request) error {
	grant, err := s.authenticate(r)
	if err != nil {
		return err
	}
	resource, err := resourceOf(r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
	defer cancel()
	if err := s.stages.DeleteResource(ctx, grant, resource); err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

func resourceOf(r *http.Request) (string, error) {
	resource := r.PathValue("resource")
	if !participantID.MatchString(resource) {
		return "", stage.Errorf(stage.NotFound, "There is no such session.")
	}
	return resource, nil
}

// entityTag is one strong entity tag, RFC 9110 8.8.3. RFC 9725 writes the wildcard with quotes, RFC 9110 without; both are fine.
var entityTag = regexp.MustCompile(`^"([\x21\x23-\x7e]{1,128})"$`)

func precondition(r *http.Request) (string, error) {
	values := r.Header.Values("If-Match")
	if len(values) == 0 {
		return "", stage.Errorf(preconditionRequired, "Send If-Match with the ETag of the session, or \"*\" to restart ICE.")
	}
	if len(values) > 1 {
		return "", stage.Errorf(stage.InvalidInput, "Send If-Match once.")
	}
	value := strings.TrimSpace(values[0])
	if value == "*" {
		return "*", nil
	}
	if strings.HasPrefix(value, `W/"`) {
		// If-Match compares strongly, so a weak tag matches nothing. RFC 9110 13.1.1
		return "", stage.Errorf(stage.PreconditionFailed, "A weak ETag names no ICE session.")
	}
	tag := entityTag.FindStringSubmatch(value)
	if tag == nil {
		return "", stage.Errorf(stage.InvalidInput, "If-Match is one ETag in quotes, or \"*\".")
	}
	return tag[1], nil
}

func quote(etag string) string { return `"` + etag + `"` }

// checkBody refuses what the headers already show to be wrong.
func checkBody(r *http.Request, media string, limit int64) error {
	given, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || given != media {
		return stage.Errorf(unsupportedMediaType, "The body has to be %s.", media)
	}
	if r.Header.Get("Content-Encoding") != "" {
		return stage.Errorf(unsupportedMediaType, "The body has to come without Content-Encoding.")
	}
	if r.ContentLength > limit {
		return errTooLarge(limit)
	}
	return nil
}

func errTooLarge(limit int64) error {
	return stage.Errorf(tooLarge, "The body may have at most %d bytes.", limit)
}

// readBody reads text of at most limit bytes.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) (string, error) {
	// A body that trickles in must not hold a goroutine for long; the deadline would else go on into the waiting for an answer.
	// Not every ResponseWriter can do this, net/http's can.
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(requestTimeout))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	_ = control.SetReadDeadline(time.Time{})
	if err != nil {
		var over *http.MaxBytesError
		if errors.As(err, &over) {
			return "", errTooLarge(limit)
		}
		return "", stage.Errorf(stage.InvalidInput, "The body did not arrive whole.")
	}
	if !utf8.Valid(body) {
		return "", stage.Errorf(stage.InvalidInput, "The body is not UTF-8.")
	}
	return string(body), nil
}
