import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Stage, StageError, StageErrorCode, StreamCatEvents } from '../src/index.js';
import { VERSION } from '../src/version.js';
import { host } from './fake-server.js';
import { Fixture, TestStrategy, token } from './stage-fixture.js';
import { World } from './world.js';

test('making a stage does nothing', async () => {
  const f = new Fixture();
  await f.world.advance(60_000);
  assert.equal(f.world.sockets.length, 0);
  assert.equal(f.server.requests.length, 0);
  assert.equal(f.strategy.asked, 0);
  assert.equal(f.world.pending, 0);
});

test('joining tells everything in the documented order', async () => {
  const f = new Fixture();
  f.server.participants = [host('a', 0), host('b', 1, { hasVideo: false }), host('c', -1, { isPublishing: false, hasAudio: false, hasVideo: false })];
  const joined = f.stage.join();
  assert.deepEqual(f.told(), ['connecting']);
  await f.world.settle();
  await joined;
  const told = f.told();
  assert.deepEqual(told.slice(0, 2), ['connected', 'joined me']);
  const of = (id: string) => told.filter((line) => line.split(' ').includes(id));
  assert.deepEqual(of('a'), [
    'joined a', 'publish a published', 'subscribe a attempting_subscribe', 'subscribe a subscribed', 'added a audio video',
  ]);
  assert.deepEqual(of('b'), ['joined b', 'publish b published', 'subscribe b attempting_subscribe', 'subscribe b subscribed', 'added b audio']);
  assert.deepEqual(of('c'), ['joined c']);
});

test('the connections say who they belong to', async () => {
  const f = new Fixture();
  await f.join([host('a', 0)]);
  const { url, protocol } = f.world.socket;
  assert.equal(url.origin + url.pathname, 'wss://example.test/rtc/events/stage');
  assert.equal(protocol, token());
  const [offer] = f.server.offers('/rtc/whip/subscribe');
  assert.equal(offer!.headers['Authorization'], `Bearer ${token()}`);
  assert.equal(offer!.headers['Content-Type'], 'application/sdp');
  for (const parameters of [url.searchParams, offer!.url.searchParams]) {
    assert.equal(parameters.get('client'), 'client-of-this-page');
    assert.equal(parameters.get('sdk'), VERSION);
  }
});

test('the local participant is what the token says', async () => {
  const f = new Fixture({ capabilities: { allow_publish: false, allow_subscribe: true } });
  let me: any;
  f.stage.on('stageParticipantJoined', (participant) => (me = participant));
  await f.join();
  assert.deepEqual({ ...me, capabilities: [...me.capabilities], userInfo: me.userInfo }, {
    id: 'me', userId: 'user-me', isLocal: true, attributes: { name: 'Zoë' }, userInfo: { name: 'Zoë' }, capabilities: ['subscribe'],
    isPublishing: false, audioMuted: false, videoStopped: false, onAir: false,
  });
});

test('what the stage tells everybody', async () => {
  const f = new Fixture();
  const told: unknown[] = [];
  for (const event of [StreamCatEvents.LIVE_CHANGED, StreamCatEvents.LAYOUT_CHANGED, StreamCatEvents.VIEWER_COUNT_CHANGED]) {
    f.stage.on(event, (news: unknown) => told.push(news));
  }
  await f.join([host('b', 1), host('me', 0), host('a', 2)]);
  assert.deepEqual(told, [{ live: true, since: new Date('2026-01-02T03:04:05Z') }, { columns: 24, rows: 24, tiles: [] }, 3]);
  assert.equal(f.stage.live, true);
  assert.equal(f.stage.liveSince?.getUTCFullYear(), 2026);
  assert.equal(f.stage.viewerCount, 3);
  assert.deepEqual(f.stage.participants.map(({ id }) => id), ['b', 'me', 'a'], 'in the order of the server');
  const tile = { participantId: 'a', column: 1, row: 7, columnSpan: 12, rowSpan: 12, featured: false };
  f.world.socket.say('LAYOUT', { columns: 24, rows: 24, tiles: [tile] });
  assert.deepEqual(f.stage.layout, { columns: 24, rows: 24, tiles: [tile] });
  f.world.socket.say('LIVE', { live: false });
  assert.equal(f.stage.live, false);
  assert.equal(f.stage.liveSince, undefined);
});

test('join, leave and join again on one object', async () => {
  const f = new Fixture();
  await f.join([host('a', 0)]);
  for (let round = 0; round < 3; round++) {
    f.stage.leave();
    assert.deepEqual(f.told(), [
      'removed a audio video', 'subscribe a not_subscribed', 'publish a not_published', 'gone a', 'gone me', 'disconnected', 'left user-initiated',
    ]);
    const joined = f.stage.join();
    assert.deepEqual(f.told(), ['connecting']);
    await f.world.settle();
    await joined;
    const told = f.told();
    assert.equal(told.filter((line) => line === 'joined a').length, 1);
    assert.equal(told.at(-1), 'added a audio video');
    assert.equal(f.world.peers.receivers.length, 1, 'one connection at a time');
  }
  assert.equal(f.heard('LEAVE').length, 3);
  f.stage.leave();
  await f.world.settle();
  assert.equal(f.world.pending, 0, 'nothing is left behind');
  assert.deepEqual(f.stage.participants, []);
});

test('a second join waits until the goodbye of the first was heard', async () => {
  const f = new Fixture();
  await f.join();
  f.stage.leave();
  void f.stage.join();
  assert.equal(f.world.sockets.length, 1, 'the old socket is not closed yet');
  await f.world.settle();
  assert.equal(f.world.sockets.length, 2);
});

test('joining twice is joining once', async () => {
  const f = new Fixture();
  const first = f.stage.join();
  assert.equal(f.stage.join(), first);
  await f.world.settle();
  await Promise.all([first, f.stage.join()]);
  assert.equal(f.world.sockets.length, 1);
});

test('leaving while joining', async () => {
  const f = new Fixture();
  const joined = f.stage.join();
  f.stage.leave();
  await assert.rejects(joined, (error: StageError) => error.code === StageErrorCode.CANCELED);
  assert.deepEqual(f.told(), ['connecting', 'disconnected', 'left user-initiated']);
  await f.world.settle();
  assert.equal(f.world.sockets.length, 0);
  assert.equal(f.world.pending, 0);
});

test('the page goes away', async () => {
  const f = new Fixture();
  await f.join([host('a', 0)]);
  f.world.hidePage();
  assert.equal(f.heard('LEAVE').length, 1);
  assert.equal(f.told().at(-1), 'left user-initiated');
});

const refusals: [code: string, status: number, expected: StageErrorCode][] = [
  ['TOKEN_MALFORMED', 401, StageErrorCode.TOKEN_MALFORMED],
  ['TOKEN_EXPIRED', 401, StageErrorCode.TOKEN_EXPIRED],
  ['PARTICIPANT_DISCONNECTED', 403, StageErrorCode.PARTICIPANT_DISCONNECTED],
  ['STAGE_DELETED', 404, StageErrorCode.STAGE_DELETED],
  ['INSUFFICIENT_CAPABILITIES', 403, StageErrorCode.TOKEN_NOT_ALLOWED],
];
for (const [code, status, expected] of refusals) {
  test(`joining is refused at once with ${code}`, async () => {
    const f = new Fixture();
    f.server.refuses.set('/rtc/events', { status, code, detail: 'Sorry.' });
    const outcome = f.stage.join().catch((error) => error);
    await f.world.settle();
    const error = await outcome;
    assert.ok(error instanceof StageError && error instanceof Error);
    assert.deepEqual([error.code, error.category, error.message], [expected, 'JOIN_ERROR', 'Sorry.']);
    assert.deepEqual(f.told(), ['connecting', 'errored', `error ${expected} JOIN_ERROR`]);
    const [probe] = f.server.requests;
    assert.equal(`${probe!.method} ${probe!.url.origin}${probe!.path}`, 'GET https://example.test/rtc/events/stage');
    assert.equal(probe!.headers['Authorization'], `Bearer ${token()}`);
    await f.world.settle();
    assert.equal(f.world.pending, 0);
  });
}

test('joining tries for thirty seconds when nothing answers', async () => {
  const f = new Fixture();
  f.server.gone = true;
  const outcome = f.stage.join().catch((error) => error);
  await f.world.advance(29_000);
  assert.deepEqual(f.told(), ['connecting']);
  assert.ok(f.world.sockets.length > 8 && f.world.sockets.length < 16, `${f.world.sockets.length} tries`);
  await f.world.advance(2_000);
  const error = await outcome;
  assert.deepEqual([error.code, error.message], [StageErrorCode.TIMEOUT, 'The server cannot be reached.']);
  assert.deepEqual(f.told(), ['errored', `error ${StageErrorCode.TIMEOUT} JOIN_ERROR`]);
  assert.equal(f.world.pending, 0);
});

test('joining works when the server comes up in time, and waits as long as it is told', async () => {
  const f = new Fixture();
  f.server.refuses.set('/rtc/events', { status: 429, code: 'TOO_MANY_REQUESTS', retryAfter: '9' });
  const joined = f.stage.join();
  await f.world.advance(8_000);
  assert.equal(f.world.sockets.length, 1);
  f.server.refuses.clear();
  await f.world.advance(2_000);
  await joined;
  assert.equal(f.stage.connectionState, 'connected');
});

const tokens: [name: string, token: string][] = [
  ['not a JWT', 'hello'],
  ['nothing', undefined as unknown as string],
  ['header injection', `${token()}\r\nX: y`],
  ['claims that are not JSON', 'e30.bm90IGpzb24.x'],
  ['claims that are null', 'e30.bnVsbA.x'],
  ['no participant', token({ jti: undefined })],
  ['no stage', token({ topic: '' })],
  ['an address that is none', token({ whip_url: 'nowhere' })],
  ['an address with another scheme', token({ events_url: 'javascript:alert(1)' })],
];
for (const [name, bad] of tokens) {
  test(`a token that cannot be read: ${name}`, async () => {
    const world = new World();
    const stage = new Stage(bad, new TestStrategy(), { platform: world } as object);
    const told: unknown[] = [];
    stage.on('error', (error) => told.push(error.code));
    await assert.rejects(stage.join(), (error: StageError) => error.code === StageErrorCode.TOKEN_MALFORMED && error.category === 'JOIN_ERROR');
    assert.deepEqual(told, [StageErrorCode.TOKEN_MALFORMED]);
    assert.equal(world.sockets.length, 0);
  });
}

test('a strategy without its functions is refused', () => {
  assert.throws(() => new Stage(token(), {} as TestStrategy), TypeError);
  const f = new Fixture();
  assert.throws(() => f.stage.replaceStrategy(undefined as unknown as TestStrategy), TypeError);
});
