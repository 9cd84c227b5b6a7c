package e2e

import (
	"fmt"
	"testing"
)

// StreamCat tutorial bug 12: twelve hosts, and the audience sees all twelve, each in a place of its own.
func TestTwelveHosts(t *testing.T) {
	s := startServer(t)
	mia := s.register("mia")
	link := mia.invite("")
	entries := []entry{mia.studio("mia")}
	for n := range 11 {
		guest := s.register(fmt.Sprintf("guest-%d", n+1))
		guest.accept(link)
		entries = append(entries, guest.studio("mia"))
	}
	var tokens, ids []string
	for _, e := range entries {
		tokens, ids = append(tokens, e.Token), append(ids, e.Participant)
	}

	// All twelve publish from one page by the public SDK: small pictures, each of a hue of its own, so that two cores can do it.
	hosts := browsers.get(t, kind{}).open(t, s, nil, "/")
	joined := eval[int](hosts, `async (tokens) => {
		const { Stage, LocalStageStream, SubscribeType } = await import("/sdk/streamcat.js");
		window.hosts = [];
		for (const [n, token] of tokens.entries()) {
			const canvas = document.createElement("canvas");
			[canvas.width, canvas.height] = [160, 90];
			const context = canvas.getContext("2d");
			let frame = 0;
			const draw = () => {
				context.fillStyle = "hsl(" + n * 30 + " 90% 50%)";
				context.fillRect(0, 0, 160, 90);
				context.fillStyle = "white";
				context.fillRect((frame++ * 8) % 160, 0, 16, 90);
			};
			draw();
			setInterval(draw, 200);
			const stream = new LocalStageStream(canvas.captureStream(5).getVideoTracks()[0]);
			const stage = new Stage(token, {
				stageStreamsToPublish: () => [stream],
				shouldPublishParticipant: () => true,
				shouldSubscribeToParticipant: () => SubscribeType.NONE,
			});
			await stage.join();
			window.hosts.push(stage);
		}
		return window.hosts.length;
	}`, tokens)
	if joined != 12 {
		t.Fatalf("%d hosts joined", joined)
	}

	viewer := browsers.get(t, kind{}).watch(t, s, nil, mia)
	eventually(t, joinTimeout, "mia goes live", func() error {
		if status := mia.api("POST", "/api/live", map[string]any{"live": true}, nil); status != 200 {
			return fmt.Errorf("status %d", status)
		}
		return nil
	})
	var want []place
	for n, id := range ids {
		want = append(want, cells(id, n%4*6+1, n/4*6+4, 6, 6))
	}
	viewer.await(joinTimeout, "twelve tiles in three rows of four", func() error { return viewer.laidOut(want) })
	for n, id := range ids {
		viewer.await(joinTimeout, fmt.Sprintf("host %d is seen moving", n+1), func() error { return viewer.seesHue(compositeVideo(id), n*30) })
	}
	viewer.screenshot("watch-twelve-hosts")
}

// seesHue says whether a video has decoded several frames and shows a hue, in degrees.
func (tb *tab) seesHue(selector string, want int) error {
	got, err := tryEval[struct{ Frames, Hue int }](tb, `(s) => {
		const video = document.querySelector(s);
		if (!video?.videoWidth) return { frames: 0, hue: -1 };
		const canvas = document.createElement("canvas");
		[canvas.width, canvas.height] = [16, 9];
		const context = canvas.getContext("2d");
		context.drawImage(video, 0, 0, 16, 9);
		const { data } = context.getImageData(0, 0, 16, 9);
		// The most saturated pixel is not the white bar.
		let hue = -1, most = 0;
		for (let i = 0; i < data.length; i += 4) {
			const [r, g, b] = data.slice(i, i + 3);
			const high = Math.max(r, g, b), low = Math.min(r, g, b), range = high - low;
			if (range <= most) continue;
			most = range;
			hue = high === r ? ((g - b) / range) * 60 : high === g ? 120 + ((b - r) / range) * 60 : 240 + ((r - g) / range) * 60;
		}
		return { frames: video.getVideoPlaybackQuality().totalVideoFrames, hue: Math.round((hue + 360) % 360) };
	}`, selector)
	if err != nil {
		return err
	}
	off := (got.Hue - want + 540) % 360
	if got.Frames < 3 || off < 180-14 || off > 180+14 {
		return fmt.Errorf("%d frames, hue %d instead of %d", got.Frames, got.Hue, want)
	}
	return nil
}
