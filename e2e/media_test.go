package e2e

import (
	"fmt"
	"time"
)

// nearestPaint is paints as the probe wants them.
func nearestPaint() map[paint][3]uint8 {
	palette := map[paint][3]uint8{}
	for name, c := range paints {
		palette[name] = [3]uint8{c.R, c.G, c.B}
	}
	return palette
}

// sight is what a video element shows at one moment.
type sight struct {
	Missing bool    `json:"missing"`
	Paint   paint   `json:"paint"` // "none" where no colour has the majority
	Pixels  []int   `json:"pixels"`
	Frames  int     `json:"frames"` // decoded so far
	Time    float64 `json:"time"`
	Width   int     `json:"width"`
	Height  int     `json:"height"`
	Paused  bool    `json:"paused"`
	Muted   bool    `json:"muted"`
}

func (tb *tab) look(selector string) (sight, error) {
	return tryEval[sight](tb, `(s, paints) => probe.look(s, paints)`, selector, nearestPaint())
}

// seesMoving says whether a video shows the picture of a camera, with frames being decoded and pixels moving.
func (tb *tab) seesMoving(selector string, want paint) error {
	first, err := tb.look(selector)
	if err != nil {
		return err
	}
	if first.Missing {
		return fmt.Errorf("no %s (page %s)", selector, tb.where())
	}
	time.Sleep(400 * time.Millisecond)
	second, err := tb.look(selector)
	if err != nil {
		return err
	}
	if second.Paint != want {
		return fmt.Errorf("%s shows %s (%dx%d, %d frames), not %s", selector, second.Paint, second.Width, second.Height, second.Frames, want)
	}
	if second.Frames-first.Frames < 2 {
		return fmt.Errorf("%s decoded %d frames, then %d", selector, first.Frames, second.Frames)
	}
	if change := difference(first.Pixels, second.Pixels); change < 3 {
		return fmt.Errorf("%s does not move: %d pixels changed", selector, change)
	}
	return nil
}

// awaitMoving waits for seesMoving.
func (tb *tab) awaitMoving(within time.Duration, selector string, want paint) time.Duration {
	tb.t.Helper()
	return tb.await(within, fmt.Sprintf("%s shows the %s camera, moving", selector, want), func() error {
		return tb.seesMoving(selector, want)
	})
}

// difference counts pixels whose brightness changed visibly.
func difference(a, b []int) int {
	count := 0
	for i := range min(len(a), len(b)) {
		if d := a[i] - b[i]; d > 15 || d < -15 {
			count++
		}
	}
	return count
}

// sound is what an audio element plays.
type sound struct {
	Missing bool    `json:"missing"`
	Paused  bool    `json:"paused"`
	Muted   bool    `json:"muted"`
	Volume  float64 `json:"volume"`
	Peak    float64 `json:"peak"` // root mean square of the loudest 43 ms
	State   string  `json:"state"`
}

// The fake microphone beeps once a second. Its beep measures above audible, a muted one below silent.
const (
	audible = 0.005
	silent  = 0.0005
)

// hear listens for two and a half beeps.
func (tb *tab) hear(selector string) (sound, error) {
	return tryEval[sound](tb, `(s, ms) => probe.hear(s, ms)`, selector, 2500)
}

// hears says whether an audio element plays sound that a person could hear.
func (tb *tab) hears(selector string) error {
	s, err := tb.hear(selector)
	switch {
	case err != nil:
		return err
	case s.Missing:
		return fmt.Errorf("no %s", selector)
	case s.Paused || s.Muted || s.Volume == 0:
		return fmt.Errorf("%s does not play: %+v", selector, s)
	case s.Peak < audible:
		return fmt.Errorf("%s is silent: %+v", selector, s)
	}
	return nil
}

// awaitSound waits for hears.
func (tb *tab) awaitSound(within time.Duration, selector string) {
	tb.t.Helper()
	tb.await(within, selector+" is heard", func() error { return tb.hears(selector) })
}

// traffic is what the peer connections of a page have received so far.
type traffic struct {
	Connections   int     `json:"connections"`
	AudioPackets  int     `json:"audioPackets"`
	VideoPackets  int     `json:"videoPackets"`
	FramesDecoded int     `json:"framesDecoded"`
	AudioEnergy   float64 `json:"audioEnergy"`
}

func (tb *tab) received() traffic {
	tb.t.Helper()
	return eval[traffic](tb, `() => probe.received()`)
}

// composite is the audience's picture as the page lays it out.
type composite struct {
	Ratio float64 `json:"ratio"`
	Tiles []place `json:"tiles"`
}

// place is where a tile stands, as fractions of the composite's box.
type place struct {
	ID     string  `json:"id"`
	Left   float64 `json:"left"`
	Top    float64 `json:"top"`
	Width  float64 `json:"width"`
	Height float64 `json:"height"`
}

func (tb *tab) composite() (composite, error) {
	return tryEval[composite](tb, `() => probe.composite()`)
}

// cells places a tile on the grid of 24 by 24 that docs/protocol.md describes; column and row count from 1.
func cells(id string, column, row, columnSpan, rowSpan int) place {
	return place{ID: id, Left: float64(column-1) / 24, Top: float64(row-1) / 24, Width: float64(columnSpan) / 24, Height: float64(rowSpan) / 24}
}

// sideBySide is the layout of the first hosts, as docs/protocol.md draws it: one fills the picture, two stand side by side,
// three make two rows with the last one centred, four make two rows.
func sideBySide(ids ...string) []place {
	switch len(ids) {
	case 0:
		return nil
	case 1:
		return []place{cells(ids[0], 1, 1, 24, 24)}
	case 2:
		return []place{cells(ids[0], 1, 7, 12, 12), cells(ids[1], 13, 7, 12, 12)}
	case 3:
		return []place{cells(ids[0], 1, 1, 12, 12), cells(ids[1], 13, 1, 12, 12), cells(ids[2], 7, 13, 12, 12)}
	case 4:
		return []place{cells(ids[0], 1, 1, 12, 12), cells(ids[1], 13, 1, 12, 12), cells(ids[2], 1, 13, 12, 12), cells(ids[3], 13, 13, 12, 12)}
	default:
		panic("not drawn here")
	}
}

// laidOut says whether the composite of a page stands as it should, whoever is in which order in the page's source.
func (tb *tab) laidOut(want []place) error {
	got, err := tb.composite()
	if err != nil {
		return err
	}
	if len(got.Tiles) != len(want) {
		return fmt.Errorf("the composite has %d tiles, not %d", len(got.Tiles), len(want))
	}
	if len(want) > 0 && (got.Ratio < 1.74 || got.Ratio > 1.82) {
		return fmt.Errorf("the composite is not 16:9 but %.2f:1", got.Ratio)
	}
	places := map[string]place{}
	for _, tile := range got.Tiles {
		places[tile.ID] = tile
	}
	for _, w := range want {
		g, ok := places[w.ID]
		if !ok {
			return fmt.Errorf("the composite lacks %s: %+v", w.ID, got.Tiles)
		}
		// Gaps and rounding may take a hundredth of the picture.
		for _, pair := range [][2]float64{{g.Left, w.Left}, {g.Top, w.Top}, {g.Width, w.Width}, {g.Height, w.Height}} {
			if d := pair[0] - pair[1]; d > 0.015 || d < -0.015 {
				return fmt.Errorf("tile %s stands at %+v, not at %+v", w.ID, g, w)
			}
		}
	}
	return nil
}
