package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"image/color"
	"os"
)

// paint is the colour of a host's fake camera. It is how a test knows whose picture it sees.
type paint string

// The paints lie far apart, so that they are told apart after video compression.
const (
	red    paint = "red"
	green  paint = "green"
	blue   paint = "blue"
	yellow paint = "yellow"
)

// paints must be in step with nearestPaint in media_test.go.
var paints = map[paint]color.RGBA{
	red:    {200, 30, 30, 255},
	green:  {30, 170, 50, 255},
	blue:   {40, 60, 210, 255},
	yellow: {220, 200, 30, 255},
}

// The picture of the fake camera.
const (
	cameraWidth  = 640
	cameraHeight = 360
	cameraRate   = 15
	cameraFrames = 30 // the file is played in a loop of two seconds
)

// writeCamera writes a camera picture as uncompressed Y4M: the colour, with a grey bar that wanders from left to right.
func writeCamera(name string, p paint) error {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	defer file.Close()
	w := bufio.NewWriter(file)
	fmt.Fprintf(w, "YUV4MPEG2 W%d H%d F%d:1 Ip A1:1 C420jpeg\n", cameraWidth, cameraHeight, cameraRate)
	rgba := paints[p]
	y, cb, cr := color.RGBToYCbCr(rgba.R, rgba.G, rgba.B)
	const bar = 48
	for frame := range cameraFrames {
		fmt.Fprint(w, "FRAME\n")
		left := frame * (cameraWidth - bar) / cameraFrames &^ 1
		w.Write(bytes.Repeat(plane(cameraWidth, left, bar, y, 128), cameraHeight))
		w.Write(bytes.Repeat(plane(cameraWidth/2, left/2, bar/2, cb, 128), cameraHeight/2))
		w.Write(bytes.Repeat(plane(cameraWidth/2, left/2, bar/2, cr, 128), cameraHeight/2))
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write camera picture: %w", err)
	}
	return file.Close()
}

// plane is one row of one plane.
func plane(width, left, bar int, ground, mark byte) []byte {
	row := bytes.Repeat([]byte{ground}, width)
	copy(row[left:], bytes.Repeat([]byte{mark}, bar))
	return row
}
