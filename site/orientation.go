package site

import (
	"bytes"
	"encoding/binary"
	"image"
)

// Markers of JPEG, ITU-T T.81 table B.1.
const (
	jpegStart     = 0xD8
	jpegStartScan = 0xDA
	jpegApp1      = 0xE1
)

// exifOrientation is the tag that says how a camera was held, CIPA DC-008 4.6.5.
const exifOrientation = 0x0112

// orientation returns how a JPEG wants to be shown, 1 to 8 as CIPA DC-008 counts; 1, as it is, when it does not say. The file is not
// trusted: whatever does not fit ends the search.
func orientation(file []byte) int {
	if len(file) < 2 || file[0] != 0xFF || file[1] != jpegStart {
		return 1
	}
	for rest := file[2:]; len(rest) >= 4 && rest[0] == 0xFF && rest[1] != jpegStartScan; {
		size := 2 + int(binary.BigEndian.Uint16(rest[2:]))
		if size < 4 || size > len(rest) {
			return 1
		}
		if tiff, ok := bytes.CutPrefix(rest[4:size], []byte("Exif\x00\x00")); ok && rest[1] == jpegApp1 {
			return tiffOrientation(tiff)
		}
		rest = rest[size:]
	}
	return 1
}

// tiffOrientation looks through the first directory of a TIFF header. TIFF 6.0 section 2
func tiffOrientation(tiff []byte) int {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(tiff, []byte("II*\x00")):
		order = binary.LittleEndian
	case bytes.HasPrefix(tiff, []byte("MM\x00*")):
		order = binary.BigEndian
	}
	if order == nil || len(tiff) < 8 {
		return 1
	}
	start := uint64(order.Uint32(tiff[4:]))
	if start+2 > uint64(len(tiff)) {
		return 1
	}
	entries := tiff[start+2:]
	for range order.Uint16(tiff[start:]) {
		if len(entries) < 12 {
			return 1
		}
		if order.Uint16(entries) == exifOrientation {
			if value := int(order.Uint16(entries[8:])); value >= 1 && value <= 8 {
				return value
			}
			return 1
		}
		entries = entries[12:]
	}
	return 1
}

// upright turns a square picture as orientation says.
func upright(square *image.RGBA, orientation int) *image.RGBA {
	if orientation == 1 {
		return square
	}
	last := square.Bounds().Dx() - 1
	turned := image.NewRGBA(square.Bounds())
	for y := range last + 1 {
		for x := range last + 1 {
			turned.SetRGBA(x, y, square.RGBAAt(unturned(x, y, last, orientation)))
		}
	}
	return turned
}

// unturned returns where a point of the upright picture is in the one that was stored.
func unturned(x, y, last, orientation int) (int, int) {
	switch orientation {
	case 2: // mirrored
		return last - x, y
	case 3: // upside down
		return last - x, last - y
	case 4: // mirrored and upside down
		return x, last - y
	case 5: // mirrored along the falling diagonal
		return y, x
	case 6: // has to be turned clockwise
		return y, last - x
	case 7: // mirrored along the rising diagonal
		return last - y, last - x
	case 8: // has to be turned counter-clockwise
		return last - y, x
	}
	return x, y
}
