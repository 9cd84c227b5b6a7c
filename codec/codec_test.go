package codec

import (
	"encoding/hex"
	"testing"
)

func fromHex(t testing.TB, text string) []byte {
	t.Helper()
	data, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Sequence parameter sets of known pictures.
const (
	sps320x240   = "6742c00dda0507ec0440000003004000000f23c50aa8"           // constrained baseline, emulation prevention in the VUI
	sps1280x720  = "6742c01fda014016ec0440000003004000000f03c60ca8"         // constrained baseline
	sps1920x1080 = "67640028acd940780227e5c044000003000400000300f03c60c658" // high, cropped to 1080 lines
)

func TestH264(t *testing.T) {
	pps, idr, slice := "68ce3c80", "6588840a", "419a2405"
	stap := func(units ...string) string {
		text := "78"
		for _, u := range units {
			text += hex.EncodeToString([]byte{byte(len(u) / 2 >> 8), byte(len(u) / 2)}) + u
		}
		return text
	}
	tests := []struct {
		name          string
		payload       string
		start         bool
		width, height int
	}{
		{"SPS alone", sps320x240, true, 320, 240},
		{"SPS 720p", sps1280x720, true, 1280, 720},
		{"SPS 1080p, high profile, cropped", sps1920x1080, true, 1920, 1080},
		{"PPS alone", pps, false, 0, 0},
		{"IDR slice alone", idr, true, 0, 0},
		{"other slice", slice, false, 0, 0},
		{"STAP-A with SPS first", stap(sps1280x720, pps), true, 1280, 720},
		{"STAP-A with a delimiter before SPS and IDR", stap("09f0", sps320x240, pps, idr), true, 320, 240},
		{"STAP-A of slices", stap(slice, slice), false, 0, 0},
		{"STAP-A that claims too much", "78ffff67", false, 0, 0},
		{"STAP-A with an empty unit", "7800006742", false, 0, 0},
		{"first fragment of an IDR slice", "7c85888400", true, 0, 0},
		{"middle fragment of an IDR slice", "7c05888400", false, 0, 0},
		{"last fragment of an IDR slice", "7c45888400", false, 0, 0},
		{"first fragment of another slice", "5c819a2405", false, 0, 0},
		{"first fragment of an SPS", "7c87" + sps320x240[2:], true, 0, 0},
		{"FU-A cut off", "7c", false, 0, 0},
		{"empty", "", false, 0, 0},
		{"SPS cut off", sps320x240[:10], true, 0, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			payload := fromHex(t, test.payload)
			if got := H264KeyframeStart(payload); got != test.start {
				t.Errorf("H264KeyframeStart = %v", got)
			}
			width, height, ok := H264Dimensions(payload)
			if width != test.width || height != test.height || ok != (test.width > 0) {
				t.Errorf("H264Dimensions = %d, %d, %v; want %d, %d", width, height, ok, test.width, test.height)
			}
		})
	}
}

func TestVP8(t *testing.T) {
	frame := "5000009d012a4001f000" // a keyframe of 320 by 240
	tests := []struct {
		name          string
		payload       string
		start         bool
		width, height int
	}{
		{"plain descriptor", "10" + frame, true, 320, 240},
		{"short picture id", "908005" + frame, true, 320, 240},
		{"long picture id", "90808005" + frame, true, 320, 240},
		{"everything", "90f0800501e0" + frame, true, 320, 240},
		{"scaled dimensions", "10" + "5000009d012a4041f080", true, 320, 240},
		{"delta frame", "10" + "510000", false, 0, 0},
		{"second packet", "00" + frame, false, 0, 0},
		{"second partition", "11" + frame, false, 0, 0},
		{"wrong start code", "10" + "5000009d012b4001f000", true, 0, 0},
		{"cut off in the frame", "1050", true, 0, 0},
		{"cut off in the descriptor", "90f080", false, 0, 0},
		{"descriptor only", "10", false, 0, 0},
		{"extension byte missing", "90", false, 0, 0},
		{"empty", "", false, 0, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			payload := fromHex(t, test.payload)
			if got := VP8KeyframeStart(payload); got != test.start {
				t.Errorf("VP8KeyframeStart = %v", got)
			}
			width, height, ok := VP8Dimensions(payload)
			if width != test.width || height != test.height || ok != (test.width > 0) {
				t.Errorf("VP8Dimensions = %d, %d, %v; want %d, %d", width, height, ok, test.width, test.height)
			}
		})
	}
}

// FuzzPayload: no bytes make the readers fail, and dimensions are those of a keyframe, positive and not absurd.
func FuzzPayload(f *testing.F) {
	for _, text := range []string{sps320x240, sps1280x720, sps1920x1080, "7800096742c00dda0507ec0000", "7c85888400", "90f0800501e05000009d012a4001f000", "105000009d012a4001f000"} {
		f.Add(fromHex(f, text))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		if width, height, ok := H264Dimensions(payload); ok {
			if !H264KeyframeStart(payload) {
				t.Error("dimensions without a keyframe")
			}
			if width <= 0 || height <= 0 || width > 1<<14 || height > 1<<15 {
				t.Errorf("H264Dimensions = %d, %d", width, height)
			}
		}
		if width, height, ok := VP8Dimensions(payload); ok {
			if !VP8KeyframeStart(payload) {
				t.Error("dimensions without a keyframe")
			}
			if width <= 0 || height <= 0 || width >= 1<<14 || height >= 1<<14 {
				t.Errorf("VP8Dimensions = %d, %d", width, height)
			}
		}
	})
}
