package site

import (
	"bytes"
	"context"
	"fmt"
	"image"
	_ "image/gif"  // registers the format
	_ "image/jpeg" // registers the format
	"image/png"

	"golang.org/x/image/draw"
)

const (
	maxPictureBytes = 2 << 20
	// maxPictureSide bounds what decoding may take: at worst, a progressive JPEG of 4096 by 4096 pixels, some 250 MiB.
	maxPictureSide = 4096
	pictureSide    = 256
)

// SetPicture stores a PNG, JPEG or GIF of at most 2 MB as the channel's picture, cut to a 256 by 256 PNG; nil removes it.
func (s *Service) SetPicture(ctx context.Context, account AccountID, image []byte) error {
	channel, err := s.ownChannel(ctx, account)
	if err != nil {
		return err
	}
	var kept []byte
	if image != nil {
		select {
		case s.cutting <- struct{}{}:
		case <-ctx.Done():
			return fmt.Errorf("set picture of %s: %w", channel.Name, ctx.Err())
		}
		kept, err = cutPicture(image)
		<-s.cutting
		if err != nil {
			return err
		}
	}
	if err := s.store.SetPicture(ctx, channel.ID, kept); err != nil {
		return fmt.Errorf("set picture of %s: %w", channel.Name, err)
	}
	return nil
}

// Picture returns the stored PNG; NotFound when the channel has none.
func (s *Service) Picture(ctx context.Context, name string) ([]byte, error) {
	channel, err := s.Channel(ctx, name)
	if err != nil {
		return nil, err
	}
	picture, err := s.store.Picture(ctx, channel.ID)
	if CodeOf(err) == NotFound {
		return nil, Errorf(NotFound, "This channel has no picture.")
	}
	if err != nil {
		return nil, fmt.Errorf("read picture of %s: %w", channel.Name, err)
	}
	return picture, nil
}

// cutPicture makes a square PNG of the centre of a picture, upright. Whatever else the file carried, such as where a photograph was
// taken, is gone with that.
func cutPicture(file []byte) ([]byte, error) {
	if len(file) > maxPictureBytes {
		return nil, Errorf(Invalid, "A picture has at most 2 MB.").On("picture")
	}
	// The header first: a small file can promise more pixels than there is memory.
	header, format, err := image.DecodeConfig(bytes.NewReader(file))
	if err != nil || format != "png" && format != "jpeg" && format != "gif" {
		return nil, Errorf(Invalid, "This is not a PNG, JPEG or GIF picture.").On("picture")
	}
	if header.Width < 1 || header.Height < 1 {
		return nil, Errorf(Invalid, "This picture is empty.").On("picture")
	}
	if header.Width > maxPictureSide || header.Height > maxPictureSide {
		return nil, Errorf(Invalid, "A picture has at most %d by %d pixels; this one has %d by %d.",
			maxPictureSide, maxPictureSide, header.Width, header.Height).On("picture")
	}
	source, _, err := image.Decode(bytes.NewReader(file)) // of a GIF, the first frame
	if err != nil {
		return nil, Errorf(Invalid, "This picture is damaged.").On("picture")
	}
	square := image.NewRGBA(image.Rect(0, 0, pictureSide, pictureSide))
	draw.CatmullRom.Scale(square, square.Bounds(), source, centre(source.Bounds()), draw.Src, nil)
	var out bytes.Buffer
	if err := png.Encode(&out, upright(square, orientation(file))); err != nil {
		return nil, fmt.Errorf("encode picture: %w", err)
	}
	return out.Bytes(), nil
}

// centre returns the largest square in the middle of a rectangle.
func centre(r image.Rectangle) image.Rectangle {
	side := min(r.Dx(), r.Dy())
	x, y := r.Min.X+(r.Dx()-side)/2, r.Min.Y+(r.Dy()-side)/2
	return image.Rect(x, y, x+side, y+side)
}
