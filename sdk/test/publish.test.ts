import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LocalStageStream, StageErrorCode } from '../src/index.js';
import { track } from './fake-peer.js';
import { host } from './fake-server.js';
import { Fixture } from './stage-fixture.js';

test('publishing and not publishing', async () => {
  const f = new Fixture();
  await f.join();
  f.publish();
  assert.deepEqual(f.told(), ['publish me attempting_publish']);
  await f.world.settle();
  assert.deepEqual(f.told(), ['publish me published', 'added me audio video']);
  const [sender] = f.world.peers.senders;
  assert.deepEqual(sender!.sent, {
    audio: { track: f.microphone.mediaStreamTrack, maxBitrate: 64_000 },
    video: { track: f.camera.mediaStreamTrack, maxBitrate: 2_500_000, maxFramerate: 30 },
  });
  f.stage.refreshStrategy();
  assert.deepEqual(f.told(), []);
  f.strategy.publish = false;
  f.stage.refreshStrategy();
  assert.deepEqual(f.told(), ['removed me audio video', 'publish me not_published']);
  await f.world.settle();
  assert.equal(f.world.peers.senders.length, 0);
  assert.equal(f.server.resources.size, 0);
  f.publish();
  await f.world.settle();
  assert.deepEqual(f.told(), ['publish me attempting_publish', 'publish me published', 'added me audio video']);
});

test('a strategy that wants to publish from the start', async () => {
  const f = new Fixture();
  f.publish();
  await f.join([host('a', 0)]);
  assert.equal(f.server.offers('/rtc/whip').length, 1);
  assert.equal(f.world.peers.senders.length, 1);
});

test('nothing is published without streams', async () => {
  const f = new Fixture();
  await f.join();
  f.strategy.publish = true;
  f.stage.refreshStrategy();
  await f.world.settle();
  assert.deepEqual(f.told(), []);
  assert.equal(f.server.offers('/rtc/whip').length, 0);
});

test('a token without the right to publish is not asked', async () => {
  const f = new Fixture({ capabilities: { allow_publish: false, allow_subscribe: true } });
  f.strategy.shouldPublishParticipant = () => assert.fail('asked');
  await f.join();
  f.publish();
  assert.equal(f.server.offers('/rtc/whip').length, 0);
});

test('another camera: no word to the server', async () => {
  const f = new Fixture();
  await f.join();
  f.publish();
  await f.world.settle();
  f.told();
  const requests = f.server.requests.length;
  const other = new LocalStageStream(track('video'), { maxVideoBitrateKbps: 800, maxFramerate: 15 });
  f.strategy.streams = [f.microphone, other];
  f.stage.refreshStrategy();
  await f.world.advance(1_000);
  assert.deepEqual(f.told(), ['removed me video', 'added me video']);
  assert.deepEqual(f.world.peers.senders[0]!.sent.video, { track: other.mediaStreamTrack, maxBitrate: 800_000, maxFramerate: 15 });
  assert.equal(f.server.requests.length, requests);
  assert.equal(f.camera.owners.size, 0, 'the old one is let go');
});

test('a camera that comes later, and goes', async () => {
  const f = new Fixture();
  await f.join();
  f.strategy.publish = true;
  f.strategy.streams = [f.microphone];
  f.stage.refreshStrategy();
  await f.world.settle();
  assert.deepEqual(f.heard('MUTE').at(-1), { audioMuted: false, videoStopped: true });
  f.strategy.streams = [f.microphone, f.camera];
  f.stage.refreshStrategy();
  await f.world.advance(1_000);
  assert.deepEqual(f.told(), ['publish me attempting_publish', 'publish me published', 'added me audio', 'added me video']);
  assert.equal(f.server.offers('/rtc/whip').length, 1);
  assert.deepEqual(f.heard('MUTE').at(-1), { audioMuted: false, videoStopped: false });
  f.strategy.streams = [f.microphone];
  f.stage.refreshStrategy();
  await f.world.advance(1_000);
  assert.deepEqual(f.told(), ['removed me video']);
  assert.equal(f.world.peers.senders[0]!.sent.video, undefined);
  assert.deepEqual(f.heard('MUTE').at(-1), { audioMuted: false, videoStopped: true }, 'others see that it stopped');
});

test('new stream objects for the same tracks change nothing', async () => {
  const f = new Fixture();
  await f.join();
  f.strategy.publish = true;
  const [microphone, camera] = [track('audio'), track('video')];
  f.strategy.stageStreamsToPublish = () => [new LocalStageStream(microphone), new LocalStageStream(camera)];
  f.stage.refreshStrategy();
  await f.world.settle();
  f.told();
  for (let i = 0; i < 3; i++) f.stage.refreshStrategy();
  await f.world.advance(1_000);
  assert.deepEqual(f.told(), []);
  assert.equal(f.server.offers('/rtc/whip').length, 1);
});

test('only the first stream of a kind is published', async () => {
  const f = new Fixture();
  await f.join();
  f.strategy.publish = true;
  f.strategy.streams = [f.camera, new LocalStageStream(track('video'))];
  f.stage.refreshStrategy();
  await f.world.settle();
  assert.equal(f.world.peers.senders[0]!.sent.video!.track, f.camera.mediaStreamTrack);
});

test('muting keeps publishing and is told to all', async () => {
  const f = new Fixture();
  await f.join();
  f.publish();
  await f.world.settle();
  f.told();
  f.microphone.setMuted(true);
  f.microphone.setMuted(true);
  assert.equal(f.microphone.mediaStreamTrack.enabled, false);
  assert.equal(f.microphone.isMuted, true);
  assert.deepEqual(f.told(), ['mute me audio true']);
  await f.world.advance(1_000);
  assert.deepEqual(f.heard('MUTE').at(-1), { audioMuted: true, videoStopped: false });
  f.camera.setMuted(true);
  f.microphone.setMuted(false);
  await f.world.advance(1_000);
  assert.deepEqual(f.heard('MUTE').at(-1), { audioMuted: false, videoStopped: true });
  assert.equal(f.microphone.mediaStreamTrack.enabled, true);
  assert.equal(f.world.peers.senders.length, 1);
  assert.equal(f.server.offers('/rtc/whip').length, 1);
});

test('muting in a frenzy stays within what the server allows, and the last word counts', async () => {
  const f = new Fixture();
  await f.join();
  f.publish();
  await f.world.advance(1_000);
  const before = f.world.socket.heard.length;
  for (let i = 0; i < 101; i++) {
    f.microphone.setMuted(i % 2 === 0);
    await f.world.advance(10);
  }
  await f.world.advance(500);
  const said = f.world.socket.heard.length - before;
  assert.ok(said <= 30 && said >= 10, `${said} messages in 1.5 s`); // the server allows 40 + 1.5 × 20
  assert.deepEqual(f.heard('MUTE').at(-1), { audioMuted: true, videoStopped: false });
});

test('streams that are muted before they are published', async () => {
  const f = new Fixture();
  f.microphone.setMuted(true);
  const disabled = track('video');
  disabled.enabled = false;
  const camera = new LocalStageStream(disabled);
  assert.equal(camera.isMuted, true);
  f.strategy.publish = true;
  f.strategy.streams = [f.microphone, camera];
  await f.join();
  assert.deepEqual(f.heard('MUTE'), [{ audioMuted: true, videoStopped: true }]);
});

test('the stage is full: an error at once, and receiving goes on', async () => {
  const f = new Fixture();
  f.server.refuses.set('/rtc/whip', { status: 503, code: 'STAGE_AT_CAPACITY', retryAfter: '5' });
  await f.join([host('a', 0)]);
  f.publish();
  await f.world.settle();
  assert.deepEqual(f.told(), ['publish me attempting_publish', 'publish me errored', `error ${StageErrorCode.STAGE_AT_CAPACITY} PUBLISH_ERROR`]);
  await f.world.advance(60_000);
  assert.equal(f.server.offers('/rtc/whip').length, 1, 'no tries behind the back of the app');
  assert.equal(f.world.peers.receivers.length, 1);
  assert.equal(f.stage.connectionState, 'connected');
  f.server.refuses.clear();
  f.stage.refreshStrategy();
  await f.world.settle();
  assert.deepEqual(f.told(), ['publish me attempting_publish', 'publish me published', 'added me audio video']);
});

const final: [code: string, status: number, expected: StageErrorCode][] = [
  ['INSUFFICIENT_CAPABILITIES', 403, StageErrorCode.TOKEN_NOT_ALLOWED],
  ['INVALID_VIDEO_CODEC', 422, StageErrorCode.CODEC_MISMATCH],
  ['INVALID_AUDIO_CODEC', 422, StageErrorCode.CODEC_MISMATCH],
  ['TOKEN_EXPIRED', 401, StageErrorCode.TOKEN_EXPIRED],
  ['TOKEN_MALFORMED', 401, StageErrorCode.TOKEN_MALFORMED],
  ['PARTICIPANT_DISCONNECTED', 403, StageErrorCode.PARTICIPANT_DISCONNECTED],
  ['STAGE_DELETED', 404, StageErrorCode.STAGE_DELETED],
  ['INVALID_INPUT', 400, StageErrorCode.FAILED],
  ['TOO_LARGE', 413, StageErrorCode.FAILED],
];
for (const [code, status, expected] of final) {
  test(`publishing is refused with ${code}`, async () => {
    const f = new Fixture();
    f.server.refuses.set('/rtc/whip', { status, code });
    await f.join();
    f.publish();
    await f.world.settle();
    assert.deepEqual(f.told(), ['publish me attempting_publish', 'publish me errored', `error ${expected} PUBLISH_ERROR`]);
    assert.equal(f.server.offers('/rtc/whip').length, 1);
  });
}

for (const [name, break_] of [
  ['an error of the server', (f: Fixture) => f.server.refuses.set('/rtc/whip', { status: 500, code: 'INTERNAL_SERVER_EXCEPTION' })],
  ['a proxy that says something else', (f: Fixture) => f.server.refuses.set('/rtc/whip', { status: 502 })],
  ['media that gets nowhere', (f: Fixture) => (f.world.peers.connects = false)],
] as [string, (f: Fixture) => void][]) {
  test(`publishing is tried for thirty seconds: ${name}`, async () => {
    const f = new Fixture();
    await f.join();
    break_(f);
    f.publish();
    await f.world.advance(20_000);
    assert.deepEqual(f.told(), ['publish me attempting_publish']);
    assert.ok(f.server.offers('/rtc/whip').length > 1);
    await f.world.advance(20_000);
    assert.deepEqual(f.told(), ['publish me errored', `error ${StageErrorCode.FAILED} PUBLISH_ERROR`]);
    const tries = f.server.offers('/rtc/whip').length;
    await f.world.advance(60_000);
    assert.equal(f.server.offers('/rtc/whip').length, tries);
    assert.equal(f.world.peers.senders.length, 0);
  });
}

test('an app that answers every error with a refresh does not hammer the server', async () => {
  const f = new Fixture();
  f.server.refuses.set('/rtc/whip', { status: 503, code: 'STAGE_AT_CAPACITY' });
  f.stage.on('error', () => f.stage.refreshStrategy());
  await f.join();
  f.publish();
  await f.world.advance(10_000);
  assert.ok(f.server.offers('/rtc/whip').length <= 11, `${f.server.offers('/rtc/whip').length} tries in ten seconds`);
});

test('the media connection breaks and comes back', async () => {
  const f = new Fixture();
  await f.join([host('a', 0)]);
  f.publish();
  await f.world.settle();
  f.told();
  f.world.peers.senders[0]!.become('disconnected');
  await f.world.advance(2_000);
  f.world.peers.senders[0]!.become('connected');
  await f.world.advance(10_000);
  assert.deepEqual(f.told(), [], 'a short interruption is not worth a word');
  f.world.peers.senders[0]!.become('disconnected');
  await f.world.advance(2_600);
  assert.deepEqual(f.told(), ['publish me attempting_publish', 'publish me published']);
  f.world.peers.senders[0]!.become('failed');
  await f.world.advance(200);
  assert.deepEqual(f.told(), ['publish me attempting_publish', 'publish me published']);
  assert.equal(f.server.offers('/rtc/whip').length, 3);
  assert.equal(f.server.offers('/rtc/whip/subscribe').length, 1, 'the other connection is not touched');
  assert.equal(f.world.peers.senders[0]!.sent.video!.track, f.camera.mediaStreamTrack);
});

test('a track that cannot be swapped is published anew', async () => {
  const f = new Fixture();
  await f.join();
  f.publish();
  await f.world.settle();
  const warn = console.warn;
  console.warn = () => undefined;
  f.world.peers.senders[0]!.refusesTracks = true;
  const other = new LocalStageStream(track('video'));
  f.strategy.streams = [f.microphone, other];
  f.stage.refreshStrategy();
  await f.world.settle();
  console.warn = warn;
  assert.equal(f.server.offers('/rtc/whip').length, 2);
  assert.equal(f.world.peers.senders[0]!.sent.video!.track, other.mediaStreamTrack);
});

test('a connection that was closed has nothing to complain about', async () => {
  const f = new Fixture();
  await f.join();
  const { error, warn } = console;
  const said: unknown[] = [];
  console.error = console.warn = (...words: unknown[]) => said.push(words);
  f.publish();
  f.stage.leave(); // before the tracks are in place
  await f.world.settle();
  await f.join();
  f.publish();
  await f.world.settle();
  f.strategy.streams = [f.microphone, new LocalStageStream(track('video'))];
  f.stage.refreshStrategy();
  f.stage.leave(); // before the other track is
  await f.world.settle();
  Object.assign(console, { error, warn });
  assert.deepEqual(said, []);
});

test('statistics of a stream', async () => {
  const f = new Fixture();
  assert.equal(await f.camera.requestRTCStats(), undefined);
  await f.join();
  f.publish();
  await f.world.settle();
  assert.equal((await f.camera.requestRTCStats())?.get('video'), f.camera.id);
  f.stage.leave();
  assert.equal(await f.camera.requestRTCStats(), undefined);
});

test('what a local stream can be made of', () => {
  assert.throws(() => new LocalStageStream(undefined as unknown as MediaStreamTrack), TypeError);
  for (const config of [{ maxVideoBitrateKbps: 49 }, { maxVideoBitrateKbps: 8501 }, { maxFramerate: 0 }, { maxFramerate: NaN }]) {
    assert.throws(() => new LocalStageStream(track('video'), config), RangeError, JSON.stringify(config));
  }
  assert.throws(() => new LocalStageStream(track('audio'), { maxAudioBitrateKbps: 5 }), RangeError);
  assert.equal(new LocalStageStream(track('audio'), { maxAudioBitrateKbps: 128 }).mediaConfig.maxAudioBitrateKbps, 128);
});

test('publishing is taken back while the offer is under way', async () => {
  const f = new Fixture();
  await f.join();
  f.publish();
  f.strategy.publish = false;
  f.stage.refreshStrategy();
  await f.world.settle();
  assert.deepEqual(f.told(), ['publish me attempting_publish', 'publish me not_published']);
  assert.equal(f.server.resources.size, 0, 'what the server made meanwhile is ended');
});
