import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StageParticipantInfo, StageStream, SubscribeType } from '../src/index.js';
import { host } from './fake-server.js';
import { Fixture } from './stage-fixture.js';

/** The streams that the app would show now, by participant, kept from the events as an app does. */
function shown(f: Fixture): Map<string, StageStream[]> {
  const streams = new Map<string, StageStream[]>();
  f.stage.on('stageParticipantStreamsAdded', ({ id }: StageParticipantInfo, added) => {
    const all = [...(streams.get(id) ?? []), ...added];
    assert.equal(new Set(all.map((s) => s.streamType)).size, all.length, `${id} has a stream twice`);
    streams.set(id, all);
  });
  f.stage.on('stageParticipantStreamsRemoved', ({ id }: StageParticipantInfo, removed) => {
    const rest = (streams.get(id) ?? []).filter((s) => !removed.includes(s));
    assert.equal(rest.length, (streams.get(id)?.length ?? 0) - removed.length, `${id} loses what it had`);
    if (rest.length > 0) streams.set(id, rest);
    else streams.delete(id);
  });
  return streams;
}

const kindsOf = (streams: StageStream[] | undefined) => (streams ?? []).map((stream) => stream.streamType).join(' ');

test('one connection for the whole stage, with as many slots as it has', async () => {
  const f = new Fixture();
  f.server.slots = 7;
  await f.join([host('a', 0), host('b', 3)]);
  assert.equal(f.server.offers('/rtc/whip/subscribe').length, 1);
  assert.equal(f.world.peers.receivers[0]!.slots, 7);
  await f.list(host('a', 0), host('b', 3), host('c', 6));
  assert.equal(f.server.offers('/rtc/whip/subscribe').length, 1);
  assert.deepEqual(f.told(), ['joined c', 'publish c published', 'subscribe c attempting_subscribe', 'subscribe c subscribed', 'added c audio video']);
});

test('a stream is that of its slot', async () => {
  const f = new Fixture();
  const streams = shown(f);
  await f.join([host('a', 4)]);
  const receiver = f.world.peers.receivers[0]!;
  assert.deepEqual(streams.get('a')!.map((s) => s.mediaStreamTrack), [receiver.reception(4, 'audio').track, receiver.reception(4, 'video').track]);
  assert.equal((await streams.get('a')![1]!.requestRTCStats())?.get('4 video'), 4);
});

test('no connection while nobody is wanted', async () => {
  const f = new Fixture();
  f.strategy.subscribe = { default: 'NONE' };
  await f.join([host('a', 0)]);
  assert.equal(f.server.offers('/rtc/whip/subscribe').length, 0);
  assert.deepEqual(f.heard('SELECT'), []);
});

test('subscribing waits until the remote publishes', async () => {
  const f = new Fixture();
  await f.join([host('a', -1, { isPublishing: false, hasAudio: false, hasVideo: false })]);
  assert.equal(f.server.offers('/rtc/whip/subscribe').length, 0);
  assert.deepEqual(f.heard('SELECT'), [{ default: 'NONE', participants: { a: 'AUDIO_VIDEO' } }], 'the server knows already');
  await f.list(host('a', 0, { hasVideo: false }));
  assert.deepEqual(f.told(), ['publish a published', 'subscribe a attempting_subscribe', 'subscribe a subscribed', 'added a audio']);
  await f.list(host('a', 0));
  assert.deepEqual(f.told(), ['added a video'], 'a kind that comes later comes alone');
  await f.list(host('a', 0));
  assert.deepEqual(f.told(), []);
});

// The whole table again, through the stage and with what the server is told.
const types: SubscribeType[] = ['NONE', 'AUDIO_ONLY', 'AUDIO_VIDEO'];
const kinds: Record<SubscribeType, string> = { NONE: '', AUDIO_ONLY: 'audio', AUDIO_VIDEO: 'audio video' };
for (const from of types)
  for (const to of types)
    test(`the strategy changes from ${from} to ${to}`, async () => {
      const f = new Fixture();
      const streams = shown(f);
      f.strategy.subscribe = { a: from, b: 'AUDIO_VIDEO' };
      await f.join([host('a', 0), host('b', 1)]);
      assert.equal(kindsOf(streams.get('a')), kinds[from]);
      const before = streams.get('a') ?? [];
      f.strategy.subscribe = { a: to, b: 'AUDIO_VIDEO' };
      f.stage.refreshStrategy();
      assert.equal(kindsOf(streams.get('a')), kinds[to], 'at once');
      for (const stream of streams.get('a') ?? []) {
        const old = before.find((s) => s.streamType === stream.streamType);
        assert.ok(!old || old === stream, 'what stays is the same stream');
      }
      assert.ok(f.log.every((line) => !line.split(' ').includes('b')), 'nobody else is touched');
      await f.world.advance(1_000);
      const { participants } = f.heard('SELECT').at(-1);
      assert.deepEqual(participants, { ...(to !== 'NONE' && { a: to }), b: 'AUDIO_VIDEO' });
      assert.equal(f.server.offers('/rtc/whip/subscribe').length, 1, 'no new connection');
      assert.equal(f.heard('SELECT').length, from === to ? 1 : 2);
    });

test('IVS sample bug 2: the participant in the middle leaves, and only that one', async () => {
  const f = new Fixture();
  const streams = shown(f);
  await f.join([host('a', 0), host('b', 1), host('c', 2)]);
  await f.list(host('a', 0), host('c', 2));
  assert.deepEqual(f.told(), ['removed b audio video', 'subscribe b not_subscribed', 'publish b not_published', 'gone b']);
  assert.deepEqual([...streams.keys()], ['a', 'c']);
  assert.deepEqual(f.stage.participants.map(({ id }) => id), ['a', 'c']);
});

test('IVS sample bug 3: losing the video is not leaving', async () => {
  const f = new Fixture();
  const streams = shown(f);
  await f.join([host('a', 0)]);
  f.strategy.subscribe = { a: 'AUDIO_ONLY' };
  f.stage.refreshStrategy();
  assert.deepEqual(f.told(), ['removed a video']);
  assert.equal(kindsOf(streams.get('a')), 'audio');
  assert.deepEqual(f.stage.participants.map(({ id }) => id), ['a']);
});

test('IVS sample bug 5: nothing is added twice, however often the state comes', async () => {
  const f = new Fixture();
  shown(f); // complains about doubles
  await f.join([host('a', 0, { hasVideo: false })]);
  for (let i = 0; i < 5; i++) {
    await f.list(host('a', 0), host('b', 1));
    f.stage.refreshStrategy();
    f.stage.replaceStrategy(f.strategy);
  }
  assert.deepEqual(f.told().filter((line) => line.startsWith('added')), ['added a video', 'added b audio video']);
});

test('a slot changes hands in one state', async () => {
  const f = new Fixture();
  const streams = shown(f);
  await f.join([host('a', 0), host('b', 1)]);
  const track = streams.get('a')![1]!.mediaStreamTrack;
  track.enabled = false; // the app hides a; that must not hide c
  await f.list(host('c', 0), host('b', 1));
  const told = f.told();
  assert.deepEqual(told.slice(0, 4), ['removed a audio video', 'subscribe a not_subscribed', 'publish a not_published', 'gone a']);
  assert.equal(told.at(-1), 'added c audio video');
  assert.equal(streams.get('c')![1]!.mediaStreamTrack, track);
  assert.equal(track.enabled, true);
  assert.equal(f.server.offers('/rtc/whip/subscribe').length, 1);
});

test('a participant publishes again in another slot', async () => {
  const f = new Fixture();
  const streams = shown(f);
  await f.join([host('a', 0)]);
  const [old] = streams.get('a')!;
  await f.list(host('a', 5));
  assert.deepEqual(f.told(), ['removed a audio video', 'added a audio video']);
  assert.notEqual(streams.get('a')![0]!.id, old!.id);
  assert.equal(streams.get('a')![0]!.mediaStreamTrack, f.world.peers.receivers[0]!.reception(5, 'audio').track);
});

test('more slots than were offered need a new connection', async () => {
  const f = new Fixture();
  f.server.slots = 2;
  await f.join([host('a', 0)]);
  f.server.slots = 4;
  await f.list(host('a', 0), host('b', 3));
  assert.equal(f.world.peers.receivers.length, 1);
  assert.equal(f.world.peers.receivers[0]!.slots, 4);
  assert.deepEqual(f.told().filter((line) => line.startsWith('added')), ['added a audio video', 'added b audio video']);
});

test('an app that stops a received track does not spoil the slot for the next', async () => {
  const f = new Fixture();
  const streams = shown(f);
  await f.join([host('a', 0), host('b', 1)]);
  for (const stream of streams.get('a')!) stream.mediaStreamTrack.stop();
  await f.list(host('b', 1));
  assert.equal(f.server.offers('/rtc/whip/subscribe').length, 1, 'nobody needs the slot');
  await f.list(host('b', 1), host('c', 0));
  assert.equal(f.server.offers('/rtc/whip/subscribe').length, 2);
  assert.ok(streams.get('c')!.every((stream) => stream.mediaStreamTrack.readyState === 'live'));
});

test('the connection stays for a while when nobody is wanted any more', async () => {
  const f = new Fixture();
  await f.join([host('a', 0)]);
  await f.list();
  await f.world.advance(9_000);
  await f.list(host('a', 0));
  await f.world.advance(30_000);
  assert.equal(f.server.offers('/rtc/whip/subscribe').length, 1);
  await f.list();
  await f.world.advance(20_000);
  assert.equal(f.world.peers.receivers.length, 0);
  assert.equal(f.server.resources.size, 0, 'and the server is told when it ends');
});

test('the broadcast ends: the audience does not ask for more', async () => {
  const f = new Fixture();
  await f.join([host('a', 0)]);
  await f.list();
  f.server.refuses.set('/rtc/whip/subscribe', { status: 403, code: 'STAGE_NOT_LIVE' });
  f.world.peers.receivers[0]!.become('failed');
  await f.world.advance(60_000);
  assert.equal(f.server.offers('/rtc/whip/subscribe').length, 1);
  f.server.refuses.clear();
  await f.list(host('a', 0));
  assert.equal(f.told().at(-1), 'added a audio video', 'and is there when it goes on');
});

test('the broadcast ends and another begins at once: the audience asks when it begins, and not before', async () => {
  const f = new Fixture();
  await f.join([host('a', 0)]);
  f.server.refuses.set('/rtc/whip/subscribe', { status: 403, code: 'STAGE_NOT_LIVE' });
  f.world.peers.receivers[0]!.become('failed'); // the media ends a moment before the message that says why
  await f.world.advance(20);
  await f.list();
  await f.world.advance(1_000);
  assert.equal(f.server.offers('/rtc/whip/subscribe').length, 1);
  assert.equal(f.server.requests.filter(({ method }) => method === 'DELETE').length, 0);
  f.server.refuses.clear();
  f.told();
  await f.list(host('a', 0));
  assert.equal(f.server.offers('/rtc/whip/subscribe').length, 2);
  assert.equal(f.told().at(-1), 'added a audio video');
});

test('a participant mutes', async () => {
  const f = new Fixture();
  const streams = shown(f);
  await f.join([host('a', 0), host('b', 1, { audioMuted: true })]);
  assert.equal(streams.get('b')![0]!.isMuted, true, 'who was muted before is so from the start');
  f.world.socket.say('MUTE_CHANGED', { participantId: 'a', audioMuted: true, videoStopped: true });
  assert.deepEqual(f.told(), ['mute a audio true', 'mute a video true']);
  assert.deepEqual([f.stage.participants[0]!.audioMuted, f.stage.participants[0]!.videoStopped], [true, true]);
  await f.list(host('a', 0, { audioMuted: true }), host('b', 1, { audioMuted: true }));
  assert.deepEqual(f.told(), ['mute a video false']);
  f.world.socket.say('MUTE_CHANGED', { participantId: 'nobody', audioMuted: true, videoStopped: true });
  assert.deepEqual(f.told(), []);
});

test('attributes and being on air change', async () => {
  const f = new Fixture();
  await f.join([host('me', 1, { onAir: false }), host('a', 0)]);
  await f.list(host('me', 1, { onAir: true }), host('a', 0, { onAir: false, attributes: { name: 'A.' } }));
  assert.deepEqual(f.told(), ['on air me true', 'metadata a', 'on air a false']);
});

test('a token without the right to subscribe asks for nothing', async () => {
  const f = new Fixture({ capabilities: { allow_publish: true, allow_subscribe: false } });
  await f.join([host('a', 0)]);
  assert.equal(f.strategy.asked, 0);
  assert.equal(f.server.offers('/rtc/whip/subscribe').length, 0);
});

test('a stage that is going live refuses for a moment', async () => {
  const f = new Fixture();
  f.server.refuses.set('/rtc/whip/subscribe', { status: 403, code: 'STAGE_NOT_LIVE' });
  await f.join([host('a', 0)]);
  f.server.refuses.clear();
  await f.world.advance(300);
  assert.deepEqual(f.told(), ['subscribe a subscribed', 'added a audio video']);
});

test('subscribing fails for thirty seconds, and then works because the app asks', async () => {
  const f = new Fixture();
  f.server.refuses.set('/rtc/whip/subscribe', { status: 500, code: 'INTERNAL_SERVER_EXCEPTION' });
  await f.join([host('a', 0), host('b', 1)]);
  await f.world.advance(25_000);
  assert.deepEqual(f.told(), []);
  await f.world.advance(6_000);
  assert.deepEqual(f.told(), ['subscribe a errored', 'subscribe b errored', 'error 4 SUBSCRIBE_ERROR']);
  assert.equal(f.stage.connectionState, 'connected');
  f.server.refuses.clear();
  await f.world.advance(60_000);
  assert.deepEqual(f.told(), []);
  f.stage.refreshStrategy();
  await f.world.settle();
  assert.deepEqual(f.told(), [
    'subscribe a attempting_subscribe', 'subscribe b attempting_subscribe',
    'subscribe a subscribed', 'added a audio video', 'subscribe b subscribed', 'added b audio video',
  ]);
});
