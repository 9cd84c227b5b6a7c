package site

import (
	"bytes"
	"encoding/binary"
	"image/color"
	"image/png"
	"testing"
)

// held is a JPEG of the flag with an Exif header that says how the camera was held.
func held(t testing.TB, order binary.AppendByteOrder, value uint16) []byte {
	tiff := []byte("II*\x00")
	if order == binary.BigEndian {
		tiff = []byte("MM\x00*")
	}
	tiff = order.AppendUint32(tiff, 8) // where the directory is
	tiff = order.AppendUint16(tiff, 2) // entries
	for _, entry := range [][2]uint16{{0x010F, 7}, {exifOrientation, value}} {
		tiff = order.AppendUint16(order.AppendUint16(tiff, entry[0]), 3) // SHORT
		tiff = order.AppendUint32(tiff, 1)                               // one of them
		tiff = order.AppendUint16(order.AppendUint16(tiff, entry[1]), 0)
	}
	app1 := append([]byte("Exif\x00\x00"), tiff...)
	segment := binary.BigEndian.AppendUint16([]byte{0xFF, jpegApp1}, uint16(2+len(app1)))
	file := encode(t, "jpeg", flag(300, 300))
	return bytes.Join([][]byte{file[:2], {0xFF, 0xE0, 0, 4, 1, 2}, segment, app1, file[2:]}, nil)
}

func TestCutPictureTurnsPhotographs(t *testing.T) {
	red, green, blue := color.RGBA{255, 0, 0, 255}, color.RGBA{0, 255, 0, 255}, color.RGBA{0, 0, 255, 255}
	// Of the flag as it is stored, red is left and blue is right.
	for value, want := range map[uint16]struct{ left, top, right, bottom color.RGBA }{
		0:  {red, green, blue, green},
		1:  {red, green, blue, green},
		2:  {blue, green, red, green},
		3:  {blue, green, red, green},
		4:  {red, green, blue, green},
		5:  {green, red, green, blue},
		6:  {green, red, green, blue},
		7:  {green, blue, green, red},
		8:  {green, blue, green, red},
		9:  {red, green, blue, green},
		77: {red, green, blue, green},
	} {
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			out, err := cutPicture(held(t, order, value))
			if err != nil {
				t.Fatal(err)
			}
			cut, err := png.Decode(bytes.NewReader(out))
			if err != nil {
				t.Fatal(err)
			}
			for _, point := range []struct {
				x, y int
				want color.RGBA
			}{{20, 128, want.left}, {128, 20, want.top}, {235, 128, want.right}, {128, 235, want.bottom}} {
				if got := color.RGBAModel.Convert(cut.At(point.x, point.y)).(color.RGBA); !near(got, point.want) {
					t.Errorf("orientation %d, %v: at %d,%d %v, want %v", value, order, point.x, point.y, got, point.want)
				}
			}
		}
	}
}

// The flag looks the same mirrored from top to bottom, so where the first stored pixel goes is checked apart.
func TestUnturned(t *testing.T) {
	// CIPA DC-008 4.6.5 says for each value which side of what is seen the stored row 0 and column 0 are.
	for value, want := range map[int][2]int{1: {0, 0}, 2: {9, 0}, 3: {9, 9}, 4: {0, 9}, 5: {0, 0}, 6: {9, 0}, 7: {9, 9}, 8: {0, 9}} {
		if x, y := unturned(want[0], want[1], 9, value); x != 0 || y != 0 {
			t.Errorf("orientation %d: at %v is shown what was stored at %d,%d, want 0,0", value, want, x, y)
		}
	}
}

func FuzzOrientation(f *testing.F) {
	f.Add(held(f, binary.LittleEndian, 6))
	f.Add(held(f, binary.BigEndian, 3))
	f.Add([]byte("\xff\xd8\xff\xe1\x00\x10Exif\x00\x00II*\x00\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, file []byte) {
		if got := orientation(file); got < 1 || got > 8 {
			t.Errorf("orientation %d", got)
		}
	})
}
