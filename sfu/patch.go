package sfu

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/webrtc/v4"

	"streamcat/sdpfrag"
	"streamcat/stage"
)

func errEnded() error { return stage.Errorf(stage.NotFound, "The connection has ended.") }

// trickle is what a session knows of the client's side of ICE. Whoever has it serialises its use.
type trickle struct {
	offer      *offer
	remote     sdpfrag.Credentials // of the present ICE session
	candidates int                 // taken from the client so far in it
}

// patched is what a fragment adds to a session, or begins anew.
type patched struct {
	credentials sdpfrag.Credentials // of the new ICE session
	candidates  []webrtc.ICECandidateInit
}

// read checks a trickle-ice-sdpfrag (RFC 8840) that adds candidates or, with restart, begins ICE anew.
func (t *trickle) read(fragment string, restart bool) (patched, error) {
	f, err := sdpfrag.Parse(fragment)
	if err != nil {
		return patched{}, stage.Errorf(stage.InvalidInput, "The fragment cannot be read: %w", err)
	}
	credentials, named, err := f.ICE()
	switch {
	case err != nil:
		return patched{}, stage.Errorf(stage.InvalidInput, "The fragment cannot be used: %w", err)
	case restart && (!named || credentials == t.remote):
		return patched{}, stage.Errorf(stage.InvalidInput, "Restarting ICE needs a new ice-ufrag and ice-pwd.")
	case !restart && named && credentials != t.remote:
		// RFC 9725 4.3.1: credentials that are not those of the session belong to another one.
		return patched{}, stage.Errorf(stage.InvalidInput, "The fragment belongs to another ICE session.")
	}
	p := patched{credentials: credentials}
	known := t.candidates
	if restart {
		known = 0
	}
	for _, m := range f.Media {
		if !slices.ContainsFunc(t.offer.sections, func(s offered) bool { return s.mid == m.MID }) {
			return patched{}, stage.Errorf(stage.InvalidInput, "The connection has no section %q.", m.MID)
		}
		for _, c := range m.Candidates {
			if !usable(c) {
				continue
			}
			if err := checkCandidate(c); err != nil {
				return patched{}, stage.Errorf(stage.InvalidInput, "A candidate cannot be used: %w", err)
			}
			p.candidates = append(p.candidates, webrtc.ICECandidateInit{Candidate: "candidate:" + c, SDPMid: &m.MID})
		}
	}
	if known+len(p.candidates) > maxCandidates {
		return patched{}, stage.Errorf(stage.InvalidInput, "The connection has more than %d candidates.", maxCandidates)
	}
	if !restart {
		t.candidates += len(p.candidates)
	}
	return p, nil
}

// restarted notes that the ICE session of a patch is the present one.
func (t *trickle) restarted(p patched) {
	t.remote, t.candidates = p.credentials, len(p.candidates)
}

// checkCandidate looks at the address and the port of a candidate that is usable.
func checkCandidate(candidate string) error {
	fields := strings.Fields(candidate)
	if _, err := netip.ParseAddr(fields[4]); err != nil {
		return err
	}
	_, err := strconv.ParseUint(fields[5], 10, 16)
	return err
}

// Patch applies a trickle-ice-sdpfrag (RFC 8840). With restart, ICE is restarted and the answer is a fragment; otherwise the
// answer is empty.
func (p *peer) Patch(ctx context.Context, fragment string, restart bool) (string, error) {
	p.patching.Lock()
	defer p.patching.Unlock()
	select {
	case <-p.done:
		return "", errEnded()
	default:
	}
	patch, err := p.trickle.read(fragment, restart)
	if err != nil {
		return "", err
	}
	if restart {
		if err := p.describe(ctx, patch.credentials); err != nil {
			return "", fmt.Errorf("restart ICE: %w", err)
		}
		p.trickle.restarted(patch)
	}
	for _, c := range patch.candidates {
		if err := p.pc.AddICECandidate(c); err != nil {
			return "", stage.Errorf(stage.InvalidInput, "A candidate cannot be used: %w", err)
		}
	}
	if !restart {
		return "", nil
	}
	return localFragment(p.Answer())
}

// localCredentials reads the ICE credentials of an answer.
func localCredentials(answer string) (sdpfrag.Credentials, error) {
	f, err := answerFragment(answer)
	if err != nil {
		return sdpfrag.Credentials{}, err
	}
	credentials, _, err := f.ICE()
	return credentials, err
}

// localFragment is what an answer says of ICE.
func localFragment(answer string) (string, error) {
	f, err := answerFragment(answer)
	if err != nil {
		return "", err
	}
	return f.String(), nil
}

// answerFragment reduces an answer to its first section's ICE lines: bundled sections share them.
func answerFragment(answer string) (*sdpfrag.Fragment, error) {
	var b strings.Builder
	sections := 0
	for line := range strings.Lines(answer) {
		name, _, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		if strings.HasPrefix(line, "m=") {
			if sections++; sections > 1 {
				break
			}
			b.WriteString(line)
			continue
		}
		switch name {
		case "a=ice-ufrag", "a=ice-pwd", "a=mid", "a=candidate", "a=end-of-candidates":
			b.WriteString(line)
		}
	}
	f, err := sdpfrag.Parse(b.String())
	if err != nil {
		return nil, fmt.Errorf("read our own answer: %w", err)
	}
	return f, nil
}
