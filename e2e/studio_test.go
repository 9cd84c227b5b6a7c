package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// How long things may take on two busy cores. What the product promises is shorter, and is logged.
const (
	joinTimeout  = 25 * time.Second // from the click on "enter" to moving pictures
	stateTimeout = 10 * time.Second // for a change of state to reach everybody
)

// invitation is an invitation as the site's JSON interface shows it.
type invitation struct {
	ID   string `json:"id"`
	Link string `json:"link"`
	For  string `json:"for"`
}

// path is the link without the host, for navigating.
func (i invitation) path(t *testing.T) string {
	t.Helper()
	at := strings.Index(i.Link, "/invite/")
	if at < 0 {
		t.Fatalf("an invitation's link is %q", i.Link)
	}
	return i.Link[at:]
}

// invite makes an invitation to the person's own stage.
func (p *person) invite(forName string) invitation {
	p.t.Helper()
	var i invitation
	if status := p.api(http.MethodPost, "/api/invitations", map[string]any{"for": forName, "lifetime": 3600}, &i); status != http.StatusCreated {
		p.t.Fatalf("invite: status %d", status)
	}
	return i
}

// accept accepts an invitation as the form on its page does.
func (p *person) accept(i invitation) {
	p.t.Helper()
	if status, body := p.postForm(i.path(p.t), nil); status != http.StatusOK {
		p.t.Fatalf("%s accepts an invitation: status %d\n%s", p.Name, status, body)
	}
}

// entry is a way onto a stage, as GET /api/studio/{name} and /api/watch/{name} give it.
type entry struct {
	Role        string `json:"role"`
	InUse       bool   `json:"inUse"`
	Token       string `json:"token"`
	Participant string `json:"participantId"`
}

// studio asks for the person's way into a studio.
func (p *person) studio(name string) entry {
	p.t.Helper()
	var e entry
	if status := p.api(http.MethodGet, "/api/studio/"+name, nil, &e); status != http.StatusOK {
		p.t.Fatalf("%s asks for the studio of %s: status %d", p.Name, name, status)
	}
	return e
}

// claims reads what a participant token says, as any client can.
func (e entry) claims(t *testing.T) map[string]any {
	t.Helper()
	parts := strings.Split(e.Token, ".")
	if len(parts) != 3 {
		t.Fatalf("a token has %d parts", len(parts))
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// studioPath is where a person enters a studio.
func studioPath(who, owner *person) string {
	if who == owner {
		return "/studio"
	}
	return "/studio/@" + owner.Name
}

// greenRoom opens a studio and waits until its green room is ready.
func (b *browser) greenRoom(t *testing.T, who, owner *person) *tab {
	t.Helper()
	tb := b.open(t, who.server, who, studioPath(who, owner))
	tb.await(joinTimeout, "green room", tb.inPhase("green-room"))
	if b.kind.camera != "" {
		tb.awaitMoving(joinTimeout, "#preview", b.kind.camera)
	}
	return tb
}

// enter goes from the green room onto the stage.
func (tb *tab) enter() {
	tb.t.Helper()
	tb.click("#enter")
	tb.await(joinTimeout, "on stage", tb.inPhase("on-stage"))
	tb.await(joinTimeout, "connected", tb.connected)
}

// onStage opens a studio and enters it.
func (b *browser) onStage(t *testing.T, who, owner *person) *tab {
	t.Helper()
	tb := b.greenRoom(t, who, owner)
	tb.enter()
	return tb
}

// inPhase asks for the phase of the studio page.
func (tb *tab) inPhase(phase string) func() error {
	return func() error { return tb.has(fmt.Sprintf("#studio-page[data-phase=%q]", phase)) }
}

func (tb *tab) connected() error { return tb.has(`#connection[data-state="connected"]`) }

// tile is a participant's tile in the studio.
type tile struct {
	ID           string `json:"id"`
	Name         string `json:"name"`
	Local        bool   `json:"local"`
	Screen       bool   `json:"screen"`
	AudioMuted   bool   `json:"audioMuted"`
	VideoStopped bool   `json:"videoStopped"`
	Speaking     bool   `json:"speaking"`
	OnAir        bool   `json:"onAir"`
}

func (tb *tab) tiles() ([]tile, error) {
	return tryEval[[]tile](tb, `() => probe.tiles()`)
}

// tile returns the tile of a person's camera.
func (tb *tab) tile(name string) (tile, error) {
	tiles, err := tb.tiles()
	if err != nil {
		return tile{}, err
	}
	for _, tile := range tiles {
		if tile.Name == name && !tile.Screen {
			return tile, nil
		}
	}
	return tile{}, fmt.Errorf("no tile of %s among %+v", name, tiles)
}

// idOf waits for a person's tile and returns the participant's id.
func (tb *tab) idOf(name string) string {
	tb.t.Helper()
	var found tile
	tb.await(joinTimeout, "tile of "+name, func() (err error) {
		found, err = tb.tile(name)
		return err
	})
	return found.ID
}

// showsTilesOf says whether the studio has exactly one tile for each of these people, and no other.
func (tb *tab) showsTilesOf(names ...string) func() error {
	return func() error {
		tiles, err := tb.tiles()
		if err != nil {
			return err
		}
		var got []string
		for _, tile := range tiles {
			got = append(got, tile.Name)
		}
		want := slices.Sorted(slices.Values(names))
		slices.Sort(got)
		if !slices.Equal(got, want) {
			return fmt.Errorf("tiles of %v, not of %v", got, want)
		}
		return nil
	}
}

// tileVideo selects the picture in a participant's tile.
func tileVideo(id string) string { return fmt.Sprintf("[data-tile=%q] video", id) }

// compositeVideo selects the picture of a participant in the composite.
func compositeVideo(id string) string {
	return fmt.Sprintf("#composite [data-composite-tile=%q] video", id)
}

// audioOf selects the sound of a participant.
func audioOf(id string) string { return fmt.Sprintf("audio[data-audio=%q]", id) }

// goLive starts the broadcast and returns when the page said so.
func (tb *tab) goLive() time.Time {
	tb.t.Helper()
	tb.await(stateTimeout, "go-live button", func() error { return tb.has(`#go-live:not(:disabled)`) })
	tb.click("#go-live")
	tb.await(stateTimeout, "on air", func() error { return tb.has(`#on-air[data-live="true"]`) })
	return time.Now()
}

// endBroadcast ends it the same way.
func (tb *tab) endBroadcast() {
	tb.t.Helper()
	tb.click("#go-live")
	tb.await(stateTimeout, "off air", func() error { return tb.has(`#on-air[data-live="false"]`) })
}

// watch opens the watch page of a channel. who may be nil.
func (b *browser) watch(t *testing.T, s *server, who, owner *person) *tab {
	t.Helper()
	return b.open(t, s, who, "/@"+owner.Name)
}

// watching asks for the state of the watch page.
func (tb *tab) watching(state string) func() error {
	return func() error { return tb.has(fmt.Sprintf("#watch[data-state=%q]", state)) }
}
