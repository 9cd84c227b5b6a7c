package e2e

import (
	"bufio"
	"fmt"
	"image"
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

var paints = map[paint]color.RGBA{
	red:    {200, 50, 50, 255},
	green:  {40, 150, 70, 255},
	blue:   {50, 80, 200, 255},
	yellow: {215, 185, 50, 255},
}

// The picture of the fake camera.
const (
	cameraWidth  = 640
	cameraHeight = 360
	cameraRate   = 15
	cameraFrames = 45 // the file is played in a loop of three seconds
)

// writeCamera writes a camera picture as uncompressed Y4M: a cat wandering from side to side before a wall of the colour.
func writeCamera(name string, p paint) error {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	defer file.Close()
	w := bufio.NewWriter(file)
	fmt.Fprintf(w, "YUV4MPEG2 W%d H%d F%d:1 Ip A1:1 C420jpeg\n", cameraWidth, cameraHeight, cameraRate)
	picture := image.NewYCbCr(image.Rect(0, 0, cameraWidth, cameraHeight), image.YCbCrSubsampleRatio420)
	for frame := range cameraFrames {
		// There and back in one loop, so that it does not jump.
		way := frame * 2
		if way > cameraFrames {
			way = 2*cameraFrames - way
		}
		drawCat(picture, paints[p], 170+way*300/cameraFrames, frame%cameraFrames > cameraFrames-4)
		fmt.Fprint(w, "FRAME\n")
		for _, plane := range [][]byte{picture.Y, picture.Cb, picture.Cr} {
			w.Write(plane)
		}
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write camera picture: %w", err)
	}
	return file.Close()
}

// drawCat draws the wall and a cat's head whose middle is at x.
func drawCat(picture *image.YCbCr, wall color.RGBA, x int, blinks bool) {
	const y = 210
	fur, ear, eye, nose := color.RGBA{45, 42, 48, 255}, color.RGBA{200, 150, 150, 255}, color.RGBA{190, 230, 110, 255}, color.RGBA{225, 140, 150, 255}
	for row := range cameraHeight {
		light := 14 - 28*row/cameraHeight // the wall is lighter above
		for column := range cameraWidth {
			dx, dy := column-x, row-y
			side := max(dx, -dx)
			c := color.RGBA{shade(wall.R, light), shade(wall.G, light), shade(wall.B, light), 255}
			switch {
			case inEllipse(dx, dy, 9, 6, 0, 22):
				c = nose
			case inEllipse(side, dy, 5, 17, 38, -8) && !blinks:
				c = fur
			case inEllipse(side, dy, 19, 19, 38, -8) && !blinks:
				c = eye
			case inEllipse(side, dy, 19, 3, 38, -8):
				c = eye
			case inEllipse(dx, dy, 95, 78, 0, 0):
				c = fur
			case dy < -20 && dy > -112 && side > 38 && side < 84 && dy > -112+2*max(side-66, (66-side)*3/2):
				c = fur
				if dy > -92+3*max(side-66, 66-side) {
					c = ear
				}
			case inEllipse(dx, dy, 130, 120, 0, 160):
				c = fur
			}
			lum, cb, cr := color.RGBToYCbCr(c.R, c.G, c.B)
			picture.Y[picture.YOffset(column, row)] = lum
			if row%2 == 0 && column%2 == 0 {
				at := picture.COffset(column, row)
				picture.Cb[at], picture.Cr[at] = cb, cr
			}
		}
	}
}

func inEllipse(x, y, rx, ry, cx, cy int) bool {
	x, y = x-cx, y-cy
	return x*x*ry*ry+y*y*rx*rx <= rx*rx*ry*ry
}

func shade(c uint8, by int) uint8 { return uint8(min(255, max(0, int(c)+by))) }
