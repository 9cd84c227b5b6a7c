package site_test

import (
	"bytes"
	"image"
	"image/png"
	"testing"

	"streamcat/site"
)

func TestChannelPicture(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		kitty := h.register("kitty")
		h.register("tom")
		var file bytes.Buffer
		if err := png.Encode(&file, image.NewGray(image.Rect(0, 0, 300, 200))); err != nil {
			t.Fatal(err)
		}
		_, err := h.service.Picture(h.ctx(), "kitty")
		refused(t, err, site.NotFound, "no picture")
		for range 2 {
			if err := h.service.SetPicture(h.ctx(), kitty.ID, file.Bytes()); err != nil {
				t.Fatal(err)
			}
		}
		kept, err := h.service.Picture(h.ctx(), "KITTY")
		if err != nil {
			t.Fatal(err)
		}
		if config, err := png.DecodeConfig(bytes.NewReader(kept)); err != nil || config.Width != 256 || config.Height != 256 {
			t.Errorf("kept %+v, %v", config, err)
		}
		if !h.channel("kitty").HasPicture || h.channel("tom").HasPicture {
			t.Error("the wrong channel has a picture")
		}
		refused(t, h.service.SetPicture(h.ctx(), kitty.ID, []byte("no picture")), site.Invalid, "not a PNG")
		if !h.channel("kitty").HasPicture {
			t.Error("a refused picture took the old one away")
		}
		if err := h.service.SetPicture(h.ctx(), kitty.ID, nil); err != nil {
			t.Fatal(err)
		}
		if h.channel("kitty").HasPicture {
			t.Error("the picture is still there")
		}
		_, err = h.service.Picture(h.ctx(), "kitty")
		refused(t, err, site.NotFound, "no picture")
	})
}
