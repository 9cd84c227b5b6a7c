package stage_test

import (
	"testing"
	"testing/synctest"

	"streamcat/stage"
)

// TestIssuer: what an issuer signs beside a service, the service believes.
func TestIssuer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		id := w.stage(true)
		issuer, err := stage.NewIssuer(t.Context(), w.store, "https://elsewhere.example")
		w.must(err)
		token, err := issuer.Issue(id, stage.TokenRequest{Capabilities: both})
		w.must(err)
		grant, err := w.Authenticate(t.Context(), string(token.Raw), id)
		w.must(err)
		if grant.Participant != token.Participant || grant.Capabilities != both {
			t.Errorf("granted %+v", grant)
		}
		if _, claims := payload(t, token.Raw); claims["whip_url"] != "https://elsewhere.example/rtc/whip" {
			t.Errorf("the token leads to %v", claims["whip_url"])
		}
		if _, err := issuer.Issue(id, stage.TokenRequest{}); stage.CodeOf(err) != stage.InvalidInput {
			t.Errorf("a token that allows nothing: %v", err)
		}
		if _, err := stage.NewIssuer(t.Context(), w.store, "example.org"); err == nil {
			t.Error("an address without a scheme is accepted")
		}
	})
}
