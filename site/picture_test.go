package site

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"
)

// flag is a picture that is red in its left third, green in the middle and blue on the right.
func flag(width, height int) image.Image {
	picture := image.NewPaletted(image.Rect(0, 0, width, height), color.Palette{
		color.RGBA{255, 0, 0, 255}, color.RGBA{0, 255, 0, 255}, color.RGBA{0, 0, 255, 255}})
	for x := range width {
		for y := range height {
			picture.SetColorIndex(x, y, uint8(x*3/width))
		}
	}
	return picture
}

func encode(t testing.TB, format string, picture image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	var err error
	switch format {
	case "png":
		err = png.Encode(&out, picture)
	case "jpeg":
		err = jpeg.Encode(&out, picture, &jpeg.Options{Quality: 100})
	case "gif":
		err = gif.Encode(&out, picture, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestCutPictureKeepsTheCentre(t *testing.T) {
	for _, format := range []string{"png", "jpeg", "gif"} {
		for name, test := range map[string]struct {
			width, height       int
			left, middle, right color.RGBA
		}{
			"wide":        {900, 300, color.RGBA{0, 255, 0, 255}, color.RGBA{0, 255, 0, 255}, color.RGBA{0, 255, 0, 255}},
			"square":      {300, 300, color.RGBA{255, 0, 0, 255}, color.RGBA{0, 255, 0, 255}, color.RGBA{0, 0, 255, 255}},
			"tall, small": {30, 90, color.RGBA{255, 0, 0, 255}, color.RGBA{0, 255, 0, 255}, color.RGBA{0, 0, 255, 255}},
		} {
			t.Run(format+" "+name, func(t *testing.T) {
				out, err := cutPicture(encode(t, format, flag(test.width, test.height)))
				if err != nil {
					t.Fatal(err)
				}
				cut, err := png.Decode(bytes.NewReader(out))
				if err != nil || cut.Bounds() != image.Rect(0, 0, 256, 256) {
					t.Fatalf("bounds %v, %v", cut.Bounds(), err)
				}
				for x, want := range map[int]color.RGBA{30: test.left, 128: test.middle, 225: test.right} {
					if got := color.RGBAModel.Convert(cut.At(x, 128)).(color.RGBA); !near(got, want) {
						t.Errorf("at %d: %v, want %v", x, got, want)
					}
				}
			})
		}
	}
}

// near allows for what JPEG and scaling do to a colour.
func near(a, b color.RGBA) bool {
	far := func(x, y uint8) bool { return max(x, y)-min(x, y) > 12 }
	return !far(a.R, b.R) && !far(a.G, b.G) && !far(a.B, b.B) && !far(a.A, b.A)
}

// promise is a PNG whose header speaks of a size that nothing follows.
func promise(width, height uint32) []byte {
	header := append([]byte("IHDR"), binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, width), height)...)
	header = append(header, 8, 6, 0, 0, 0)
	out := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), header...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(header))
}

func TestCutPictureRefuses(t *testing.T) {
	good := encode(t, "png", flag(100, 100))
	for name, test := range map[string]struct {
		file []byte
		says string
	}{
		"nothing":               {[]byte{}, "not a PNG, JPEG or GIF"},
		"text":                  {[]byte("<svg onload=alert(1)>"), "not a PNG, JPEG or GIF"},
		"a program":             {[]byte("\x7fELF\x02\x01\x01"), "not a PNG, JPEG or GIF"},
		"too many bytes":        {append(bytes.Clone(good), make([]byte, 2<<20)...), "at most 2 MB"},
		"too wide":              {encode(t, "gif", flag(4097, 1)), "at most 4096 by 4096 pixels"},
		"too high":              {encode(t, "png", flag(1, 4097)), "at most 4096 by 4096 pixels"},
		"promises a desert":     {promise(1<<24, 1<<24), "at most 4096 by 4096 pixels"},
		"promises the universe": {promise(1<<31-1, 1<<31-1), "not a PNG, JPEG or GIF"}, // the decoder itself refuses
		"promises and is empty": {promise(4096, 4096), "damaged"},
		"cut off":               {good[:len(good)-30], "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := cutPicture(test.file); CodeOf(err) != Invalid || !strings.Contains(err.Error(), test.says) {
				t.Errorf("error %v, want %q", err, test.says)
			}
		})
	}
}

func FuzzCutPicture(f *testing.F) {
	for _, format := range []string{"png", "jpeg", "gif"} {
		f.Add(encode(f, format, flag(9, 5)))
	}
	f.Add(promise(1, 0))
	f.Fuzz(func(t *testing.T, file []byte) {
		out, err := cutPicture(file)
		if err != nil {
			if CodeOf(err) != Invalid {
				t.Error(err)
			}
			return
		}
		if config, err := png.DecodeConfig(bytes.NewReader(out)); err != nil || config.Width != 256 || config.Height != 256 {
			t.Errorf("%+v, %v", config, err)
		}
	})
}
