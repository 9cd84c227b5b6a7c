package web

import (
	"fmt"
	"hash/fnv"
	"html"
	"strings"
	"unicode"
	"unicode/utf8"
)

// drawPicture makes the picture of a channel without one: its initial before a pattern, in colours that follow from the name,
// so that it is always the same and rarely the same as another's.
func drawPicture(name string) []byte {
	sum := fnv.New64a()
	sum.Write([]byte(strings.ToLower(name)))
	seed := sum.Sum64()
	next := func(n int) int { // the next number below n
		seed = seed*6364136223846793005 + 1442695040888963407 // Knuth's MMIX
		return int(seed >> 33 % uint64(n))
	}

	hue := next(360)
	second := (hue + 40 + next(80)) % 360
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 256 256" width="256" height="256">`+
		`<defs><linearGradient id="g" x1="0" y1="0" x2="1" y2="1"><stop offset="0" stop-color="hsl(%d 62%% 46%%)"/>`+
		`<stop offset="1" stop-color="hsl(%d 66%% 32%%)"/></linearGradient></defs><rect width="256" height="256" fill="url(#g)"/>`, hue, second)

	light := fmt.Sprintf("hsl(%d 80%% 78%%)", second)
	switch next(3) {
	case 0: // waves going out, as from an antenna
		x, y := 40+next(176), 200+next(56)
		for i := range 6 {
			fmt.Fprintf(&b, `<circle cx="%d" cy="%d" r="%d" fill="none" stroke="%s" stroke-width="9" opacity="%.2f"/>`,
				x, y, 40+i*34, light, 0.34-float64(i)*0.05)
		}
	case 1: // soft discs
		for range 7 {
			fmt.Fprintf(&b, `<circle cx="%d" cy="%d" r="%d" fill="%s" opacity="%.2f"/>`,
				next(256), next(256), 20+next(70), light, 0.08+float64(next(12))/100)
		}
	default: // stripes, as on a tabby
		turn := -50 + next(100)
		fmt.Fprintf(&b, `<g transform="rotate(%d 128 128)">`, turn)
		for i := range 6 {
			fmt.Fprintf(&b, `<rect x="-80" y="%d" width="416" height="%d" rx="10" fill="%s" opacity="%.2f"/>`,
				-40+i*58, 10+next(24), light, 0.10+float64(next(12))/100)
		}
		b.WriteString(`</g>`)
	}

	initial, _ := utf8.DecodeRuneInString(strings.TrimLeft(name, "-_"))
	if initial == utf8.RuneError {
		initial = '?'
	}
	fmt.Fprintf(&b, `<text x="128" y="130" text-anchor="middle" dominant-baseline="central" font-family="system-ui, sans-serif" `+
		`font-weight="700" font-size="128" fill="#fff">%s</text></svg>`, html.EscapeString(string(unicode.ToUpper(initial))))
	return []byte(b.String())
}
