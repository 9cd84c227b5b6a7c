package sfu

import (
	"fmt"
	"testing"
)

func TestFormatOf(t *testing.T) {
	h264 := func(profile string, mode int) string {
		return fmt.Sprintf("level-asymmetry-allowed=1;packetization-mode=%d;profile-level-id=%s", mode, profile)
	}
	tests := []struct{ name, fmtp, want string }{
		{"opus/48000/2", "minptime=10", "opus"},
		{"OPUS/48000/2", "", "opus"},
		{"opus/48000", "", "none"},
		{"VP8/90000", "", "VP8"},
		{"VP9/90000", "", "none"},
		{"H264/90000", h264("42e01f", 1), "H264 42e0 mode 1"},
		{"H264/90000", h264("42E01F", 0), "H264 42e0 mode 0"},
		{"H264/90000", h264("42c028", 1), "H264 42e0 mode 1"},
		{"H264/90000", h264("42001f", 1), "H264 4200 mode 1"},
		{"H264/90000", h264("4d0032", 1), "H264 4d00 mode 1"},
		{"H264/90000", h264("64001f", 1), "H264 6400 mode 1"},
		{"H264/90000", h264("640c1f", 1), "H264 640c mode 1"},
		{"H264/90000", h264("f4001f", 1), "none"}, // 4:4:4, which no hardware decodes
		{"H264/90000", h264("42e01f", 2), "none"}, // interleaved
		{"H264/90000", h264("42e0", 1), "none"},
		{"H264/90000", h264("-1e01f", 1), "none"},
		{"H264/90000", "", "H264 4200 mode 0"},
		{"H264/90000", " packetization-mode=1 ; profile-level-id=42e01f", "H264 42e0 mode 1"},
	}
	for _, test := range tests {
		t.Run(test.name+" "+test.fmtp, func(t *testing.T) {
			if got := formatOf(test.name, test.fmtp).String(); got != test.want {
				t.Errorf("formatOf = %s, want %s", got, test.want)
			}
		})
	}
}

func TestPayloadTypes(t *testing.T) {
	h264 := func(payloadType, profile string, mode int) offeredCodec {
		return offeredCodec{payloadType: payloadType, format: formatOf("H264/90000", fmt.Sprintf("packetization-mode=%d;profile-level-id=%s", mode, profile))}
	}
	rtx := func(payloadType, apt string) offeredCodec { return offeredCodec{payloadType: payloadType, apt: apt} }
	find := func(profile string, mode int) format {
		return formatOf("H264/90000", fmt.Sprintf("packetization-mode=%d;profile-level-id=%s", mode, profile))
	}
	section := offered{codecs: []offeredCodec{h264("102", "42e01f", 1), rtx("103", "102"), h264("104", "4d001f", 1), h264("106", "64001f", 0)}}
	types := section.payloadTypes()
	tests := []struct {
		format     format
		media, rtx uint8
	}{
		{find("42e01f", 1), 102, 103},
		{find("4d001f", 1), 104, 0},
		{find("64001f", 0), 106, 0},
		{find("64001f", 1), 102, 103}, // not agreed: another profile, but never mode 0 for a sender in mode 1
		{find("42e01f", 0), 102, 103},
		{formatVP8, 0, 0},
		{noFormat, 0, 0},
	}
	for _, test := range tests {
		t.Run(test.format.String(), func(t *testing.T) {
			if got := types[test.format]; got.media != test.media || got.rtx != test.rtx {
				t.Errorf("payload types %d and %d, want %d and %d", got.media, got.rtx, test.media, test.rtx)
			}
		})
	}
	section = offered{codecs: []offeredCodec{h264("106", "42e01f", 0)}}
	if only0 := section.payloadTypes(); only0[find("42e01f", 1)].media != 0 {
		t.Error("a receiver of single NAL units is sent aggregated ones")
	}
}
