package sfu

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"streamcat/stage"
)

// signal is what a page sends to get an answer.
type signal struct {
	Publish bool
	ID      string
	Offer   string
}

// site serves an empty page, so that the browser has an origin that may use a camera, and answers its offers.
func site(t *testing.T, e *Engine) *httptest.Server {
	mux := http.NewServeMux()
	var sessions sync.Map // by id
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!doctype html><title>stage</title>")
	})
	mux.HandleFunc("POST /", func(w http.ResponseWriter, r *http.Request) {
		var s signal
		if err := json.NewDecoder(r.Body).Decode(&s); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		var session stage.MediaSession
		var err error
		if s.Publish {
			session, err = e.Publish(r.Context(), stage.PublishSpec{Stage: "stage", Participant: stage.ParticipantID(s.ID), Offer: s.Offer})
		} else {
			session, err = e.Subscribe(r.Context(), stage.SubscribeSpec{Stage: "stage", Participant: stage.ParticipantID(s.ID), Audience: true, Offer: s.Offer})
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		sessions.Store(s.ID, session)
		fmt.Fprint(w, session.Answer())
	})
	mux.HandleFunc("PATCH /{id}", func(w http.ResponseWriter, r *http.Request) {
		session, ok := sessions.Load(r.PathValue("id"))
		fragment, err := io.ReadAll(r.Body)
		if !ok || err != nil {
			http.Error(w, fmt.Sprint(ok, err), http.StatusBadRequest)
			return
		}
		answer, err := session.(stage.MediaSession).Patch(r.Context(), string(fragment), true)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		fmt.Fprint(w, answer)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

// chromium starts a browser; allow gives its pages camera and microphone.
func chromium(t *testing.T, allow bool) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("these tests need Chromium: %v", err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("autoplay-policy", "no-user-gesture-required"),
		chromedp.Flag("use-fake-device-for-media-stream", true),
	)
	if allow {
		options = append(options, chromedp.Flag("use-fake-ui-for-media-stream", true))
	}
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	return ctx
}

// script defines what the tests call in the page.
const script = `
const signal = async (message) => {
  const response = await fetch('/', {method: 'POST', body: JSON.stringify(message)});
  if (!response.ok) throw new Error(await response.text());
  return response.text();
};
const gathered = (pc) => new Promise(done => {
  if (pc.iceGatheringState === 'complete') return done();
  pc.addEventListener('icegatheringstatechange', () => pc.iceGatheringState === 'complete' && done());
});
const connected = (pc) => new Promise((done, fail) => {
  const check = () => {
    if (pc.connectionState === 'connected') done();
    if (pc.connectionState === 'failed') fail(new Error('connection failed'));
  };
  pc.addEventListener('connectionstatechange', check);
  check();
});
window.publish = async (id, mime, encodings) => {
  const stream = await navigator.mediaDevices.getUserMedia({audio: true, video: {width: 320, height: 240}});
  const pc = new RTCPeerConnection();
  pc.addTransceiver(stream.getAudioTracks()[0], {direction: 'sendonly', streams: [stream]});
  const video = pc.addTransceiver(stream.getVideoTracks()[0], {direction: 'sendonly', streams: [stream], sendEncodings: encodings});
  const {codecs} = RTCRtpSender.getCapabilities('video');
  video.setCodecPreferences(codecs.filter(c => c.mimeType === mime || c.mimeType === 'video/rtx'));
  await pc.setLocalDescription();
  await gathered(pc);
  await pc.setRemoteDescription({type: 'answer', sdp: await signal({Publish: true, ID: id, Offer: pc.localDescription.sdp})});
  await connected(pc);
  (window.published ??= {})[id] = pc;
};
window.subscribe = async (slots) => {
  const pc = new RTCPeerConnection({bundlePolicy: 'max-bundle'});
  window.viewer = pc;
  window.videos = [];
  pc.ontrack = ({track, streams}) => {
    if (track.kind !== 'video') return;
    const video = document.createElement('video');
    video.autoplay = true;
    video.srcObject = streams[0];
    document.body.append(video);
    window.videos[parseInt(streams[0].id.slice('slot-'.length))] = video;
  };
  const {codecs} = RTCRtpReceiver.getCapabilities('video');
  // What is offered twelve times has to be short: only what the engine serves.
  for (let i = 0; i < slots; i++) {
    pc.addTransceiver('audio', {direction: 'recvonly'});
    const video = pc.addTransceiver('video', {direction: 'recvonly'});
    video.setCodecPreferences(codecs.filter(
      c => ['video/VP8', 'video/H264', 'video/rtx'].includes(c.mimeType) && !/packetization-mode=0/.test(c.sdpFmtpLine)));
  }
  await pc.setLocalDescription();
  await gathered(pc);
  window.offer = pc.localDescription.sdp;
  const started = performance.now();
  window.answer = await signal({ID: 'viewer', Offer: pc.localDescription.sdp});
  const answered = performance.now();
  await pc.setRemoteDescription({type: 'answer', sdp: window.answer});
  const set = performance.now();
  await connected(pc);
  return {offer: offer.length, answer: answer.length, answered: answered - started, set: set - answered, connected: performance.now() - set};
};
// restart begins ICE anew, as a WHIP client does: only the ICE lines travel.
window.restart = async (id, pc) => {
  const old = pc.remoteDescription.sdp;
  pc.restartIce();
  await pc.setLocalDescription();
  await gathered(pc);
  const lines = pc.localDescription.sdp.split('\r\n');
  const first = (start) => lines.find(line => line.startsWith(start));
  const fragment = [first('a=ice-ufrag'), first('a=ice-pwd'), first('m='), first('a=mid'),
    ...lines.filter(line => line.startsWith('a=candidate')).slice(0, 4), ''].join('\r\n');
  const response = await fetch('/' + id, {method: 'PATCH', body: fragment});
  if (!response.ok) throw new Error(await response.text());
  const answer = (await response.text()).split('\r\n');
  const line = (start) => answer.find(line => line.startsWith(start));
  const sdp = old.replace(/a=ice-ufrag:.*/g, line('a=ice-ufrag')).replace(/a=ice-pwd:.*/g, line('a=ice-pwd'));
  await pc.setRemoteDescription({type: 'answer', sdp});
  await new Promise(done => setTimeout(done, 200));
  await connected(pc);
  return pc.getSenders().length;
};
// inbound returns what the viewer has received in a slot.
window.inbound = async (slot) => {
  const found = {};
  for (const transceiver of viewer.getTransceivers()) {
    const {track} = transceiver.receiver;
    const index = viewer.getTransceivers().filter(t => t.receiver.track.kind === track.kind).indexOf(transceiver);
    if (index !== slot) continue;
    const stats = await transceiver.receiver.getStats();
    for (const s of stats.values()) {
      if (s.type === 'inbound-rtp') found[track.kind] = {...s, codec: stats.get(s.codecId)?.mimeType};
    }
  }
  return found;
};
`

// inbound is what a page reports of one slot.
type inbound struct {
	Audio, Video *struct {
		PacketsReceived   int
		PacketsLost       int
		FramesDecoded     int
		KeyFramesDecoded  int
		FreezeCount       int
		FrameWidth        int
		TotalAudioEnergy  float64
		Codec             string
		EstimatedPlayout  float64 `json:"estimatedPlayoutTimestamp"`
		RetransmittedPkts int     `json:"retransmittedPacketsReceived"`
	}
}

func open(t *testing.T, ctx context.Context, url string) {
	t.Helper()
	if _, err := chromedp.Run(ctx, chromedp.Steps(chromedp.Navigate(url), chromedp.Evaluate[chromedp.Void](script))); err != nil {
		t.Fatal(err)
	}
}

// call runs a page function and waits for its promise.
func call[T any](t *testing.T, ctx context.Context, expression string) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	result, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return result
}

// playing waits until a slot has decoded so many more frames of a codec and so much audio.
func playing(t *testing.T, ctx context.Context, slot int, mime string, frames int) inbound {
	t.Helper()
	var now inbound
	first := call[inbound](t, ctx, fmt.Sprintf("inbound(%d)", slot))
	before := 0
	if first.Video != nil {
		before = first.Video.FramesDecoded
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		now = call[inbound](t, ctx, fmt.Sprintf("inbound(%d)", slot))
		if now.Video != nil && now.Audio != nil && now.Video.FramesDecoded >= before+frames && now.Video.Codec == mime && now.Audio.TotalAudioEnergy > 0 {
			return now
		}
	}
	t.Fatalf("slot %d does not play %s: %+v %+v", slot, mime, now.Video, now.Audio)
	return now
}

func TestChromiumWatchesAWholeStage(t *testing.T) {
	e := newEngine(t)
	server := site(t, e)
	host := chromium(t, true)
	open(t, host, server.URL)
	e.Apply("stage", program(true, "h264", "vp8"))
	call[chromedp.Void](t, host, "publish('h264', 'video/H264')")
	call[chromedp.Void](t, host, "publish('vp8', 'video/VP8')")

	// A page without camera permission hides its addresses: the engine learns them from the connectivity checks. It is bound to
	// 127.0.0.1 only, in both cases.
	for _, permission := range []bool{true, false} {
		t.Run(fmt.Sprintf("camera permission %v", permission), func(t *testing.T) {
			viewer := chromium(t, permission)
			open(t, viewer, server.URL)
			if permission {
				call[chromedp.Void](t, viewer, "navigator.mediaDevices.getUserMedia({audio: true, video: true}).then(() => {})")
			}
			t.Logf("12 slots: %v", call[map[string]float64](t, viewer, "subscribe(12)"))
			playing(t, viewer, 0, "video/H264", 30)
			playing(t, viewer, 1, "video/VP8", 30)

			// The slots change hands: every decoder gets the other codec, and then its own back.
			e.Apply("stage", program(true, "vp8", "h264"))
			playing(t, viewer, 0, "video/VP8", 30)
			playing(t, viewer, 1, "video/H264", 30)
			e.Apply("stage", program(true, "h264", "vp8"))
			playing(t, viewer, 0, "video/H264", 30)

			call[int](t, viewer, "restart('viewer', viewer)")
			call[int](t, host, "restart('h264', published.h264)")
			last := playing(t, viewer, 0, "video/H264", 60)
			t.Logf("in the end: %+v %+v", last.Video, last.Audio)
		})
	}
}

// TestChromiumHandsOverWithinACodec changes publishers without changing the decoder.
func TestChromiumHandsOverWithinACodec(t *testing.T) {
	e := newEngine(t)
	server := site(t, e)
	page := chromium(t, true)
	open(t, page, server.URL)
	for _, mime := range []string{"video/VP8", "video/H264"} {
		t.Run(mime, func(t *testing.T) {
			e.Apply("stage", program(true, "one"))
			call[chromedp.Void](t, page, fmt.Sprintf("publish('one', %q)", mime))
			call[chromedp.Void](t, page, "subscribe(1)")
			playing(t, page, 0, mime, 30)
			call[chromedp.Void](t, page, fmt.Sprintf("publish('two', %q)", mime))
			for _, next := range []stage.ParticipantID{"two", "one", "two"} {
				e.Apply("stage", program(true, next))
				last := playing(t, page, 0, mime, 40)
				if last.Video.PacketsLost > 0 {
					t.Errorf("the viewer misses packets: %+v", last.Video)
				}
			}
		})
	}
}

// TestChromiumSimulcastOffer: a browser that offers layers is answered with one and sends it.
func TestChromiumSimulcastOffer(t *testing.T) {
	e := newEngine(t)
	server := site(t, e)
	page := chromium(t, true)
	open(t, page, server.URL)
	e.Apply("stage", program(true, "layers"))
	call[chromedp.Void](t, page, "publish('layers', 'video/VP8', [{rid: 'h'}, {rid: 'l', scaleResolutionDownBy: 2}])")
	call[chromedp.Void](t, page, "subscribe(1)")
	playing(t, page, 0, "video/VP8", 30)
}
