package sfu

import (
	"context"
	"fmt"
	"strings"

	"github.com/pion/webrtc/v4"

	"streamcat/sdpfrag"
	"streamcat/stage"
)

// Patch applies a trickle-ice-sdpfrag (RFC 8840). With restart, ICE is restarted and the answer is a fragment; otherwise the
// answer is empty.
func (p *peer) Patch(ctx context.Context, fragment string, restart bool) (string, error) {
	f, err := sdpfrag.Parse(fragment)
	if err != nil {
		return "", stage.Errorf(stage.InvalidInput, "The fragment cannot be read: %w", err)
	}
	credentials, named, err := f.ICE()
	if err != nil {
		return "", stage.Errorf(stage.InvalidInput, "The fragment cannot be used: %w", err)
	}
	p.patching.Lock()
	defer p.patching.Unlock()
	select {
	case <-p.done:
		return "", stage.Errorf(stage.NotFound, "The connection has ended.")
	default:
	}
	if restart {
		return p.restart(ctx, f, credentials, named)
	}
	// RFC 9725 4.3.1: credentials that are not those of the session belong to another one.
	if named && credentials != p.remote {
		return "", stage.Errorf(stage.InvalidInput, "The fragment belongs to another ICE session.")
	}
	return "", p.trickle(f)
}

func (p *peer) trickle(f *sdpfrag.Fragment) error {
	for _, m := range f.Media {
		if !p.hasSection(m.MID) {
			return stage.Errorf(stage.InvalidInput, "The connection has no section %q.", m.MID)
		}
	}
	for _, m := range f.Media {
		for _, c := range m.Candidates {
			if !usable(c) {
				continue
			}
			if p.candidates++; p.candidates > maxCandidates {
				return stage.Errorf(stage.InvalidInput, "The connection has more than %d candidates.", maxCandidates)
			}
			mid := m.MID
			if err := p.pc.AddICECandidate(webrtc.ICECandidateInit{Candidate: "candidate:" + c, SDPMid: &mid}); err != nil {
				return stage.Errorf(stage.InvalidInput, "A candidate cannot be used: %w", err)
			}
		}
	}
	return nil
}

func (p *peer) hasSection(mid string) bool {
	for _, s := range p.offer.sections {
		if s.mid == mid {
			return true
		}
	}
	return false
}

func (p *peer) restart(ctx context.Context, f *sdpfrag.Fragment, credentials sdpfrag.Credentials, named bool) (string, error) {
	if !named || credentials == p.remote {
		return "", stage.Errorf(stage.InvalidInput, "Restarting ICE needs a new ice-ufrag and ice-pwd.")
	}
	if err := p.describe(ctx, credentials); err != nil {
		return "", fmt.Errorf("restart ICE: %w", err)
	}
	p.candidates = 0
	if err := p.trickle(f); err != nil {
		return "", err
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
