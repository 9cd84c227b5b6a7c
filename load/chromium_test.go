package load

import (
	"context"
	"fmt"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"streamcat/load/footage"
)

// watch receives a stage for some seconds and says what was decoded.
const watch = `(async () => {
  const pc = new RTCPeerConnection();
  pc.addTransceiver('audio', {direction: 'recvonly'});
  pc.addTransceiver('video', {direction: 'recvonly'});
  const stream = new MediaStream();
  pc.ontrack = (e) => stream.addTrack(e.track);
  await pc.setLocalDescription();
  if (pc.iceGatheringState !== 'complete') {
    await new Promise(done => pc.onicegatheringstatechange = () => pc.iceGatheringState === 'complete' && done());
  }
  const response = await fetch(%q, {method: 'POST', headers: {Authorization: 'Bearer ' + %q, 'Content-Type': 'application/sdp'}, body: pc.localDescription.sdp});
  if (response.status !== 201) throw new Error(await response.text());
  await pc.setRemoteDescription({type: 'answer', sdp: await response.text()});
  const video = document.createElement('video');
  video.muted = true;
  video.srcObject = stream;
  document.body.append(video);
  await video.play();
  const result = {};
  for (let second = 0; second < 20; second++) {
    await new Promise(done => setTimeout(done, 1000));
    for (const s of (await pc.getStats()).values()) {
      if (s.type !== 'inbound-rtp') continue;
      if (s.kind === 'video') Object.assign(result, {frames: s.framesDecoded, keyframes: s.keyFramesDecoded, width: s.frameWidth, height: s.frameHeight, dropped: s.framesDropped});
      else Object.assign(result, {samples: s.totalSamplesReceived, concealed: s.concealedSamples - s.silentConcealedSamples, energy: s.totalAudioEnergy});
    }
    if (result.frames >= 60 && result.samples >= 48000) break;
  }
  pc.close();
  return result;
})()`

// decoded is what watch returns.
type decoded struct{ Frames, Keyframes, Width, Height, Dropped, Samples, Concealed, Energy float64 }

// TestChromiumDecodes: a browser shows the synthetic pictures and hears the silence.
func TestChromiumDecodes(t *testing.T) {
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("this test needs Chromium: %v", err)
	}
	h := open(t, nil, false, 1, 1)
	config := h.config()
	config.Size = footage.Size{Width: 1280, Height: 720}
	config.VideoBits = 1_500_000
	test, err := newTest(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	playing, stop := context.WithCancel(t.Context())
	defer func() {
		if err := test.close(stop); err != nil {
			t.Error(err)
		}
	}()
	if err := test.publish(t.Context(), playing); err != nil {
		t.Fatal(err)
	}

	allocator, cancel := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("autoplay-policy", "no-user-gesture-required"), chromedp.Flag("disable-component-update", true))...)
	defer cancel()
	browser, cancel := chromedp.NewContext(allocator)
	defer cancel()
	browser, cancel = context.WithTimeout(browser, 2*time.Minute)
	defer cancel()
	if _, err := chromedp.Run(browser, chromedp.Navigate(h.URL()+"/healthz")); err != nil {
		t.Fatal(err)
	}
	got, err := chromedp.Run(browser, chromedp.Evaluate[decoded](fmt.Sprintf(watch, h.URL()+"/rtc/whip/subscribe", h.Guests[0]), chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	if got.Frames < 60 || got.Keyframes < 1 || got.Width != 1280 || got.Height != 720 {
		t.Errorf("pictures: %+v", got)
	}
	if got.Samples < 48000 || got.Energy > 0.001 {
		t.Errorf("sound: %+v", got)
	}
	t.Logf("%+v", got)
}
