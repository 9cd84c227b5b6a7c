import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoff } from '../src/backoff.js';
import { host } from './fake-server.js';
import { Fixture } from './stage-fixture.js';

/** A stage on which this client publishes and receives. */
async function onStage(): Promise<Fixture> {
  const f = new Fixture();
  await f.join([host('a', 0)]);
  f.publish();
  await f.world.settle();
  f.told();
  return f;
}

test('the pauses between tries', () => {
  const pauses = (elapsed: number, random: number) => [0, 1, 2, 3, 4, 5, 50].map((attempt) => backoff(attempt, elapsed, random));
  assert.deepEqual(pauses(0, 1), [250, 500, 1000, 2000, 4000, 4000, 4000]);
  assert.deepEqual(pauses(0, 0), [125, 250, 500, 1000, 2000, 2000, 2000]);
  assert.equal(backoff(50, 61_000, 1), 15_000);
});

test('the socket breaks and all media survived', async () => {
  const f = await onStage();
  const requests = f.server.requests.length;
  f.world.socket.end(1006, '');
  assert.deepEqual(f.told(), ['connecting']);
  await f.world.advance(260);
  assert.deepEqual(f.told(), ['connected'], 'nothing else has happened');
  assert.equal(f.server.requests.length, requests);
  assert.deepEqual(f.world.socket.heard.map(({ type }) => type), ['SELECT', 'MUTE'], 'what holds is said again');
});

test('the socket breaks and one media connection was lost', async () => {
  const f = await onStage();
  const [, publish] = [...f.server.resources];
  f.server.resources.delete(publish!);
  f.world.socket.end(1006, '');
  f.told();
  await f.world.advance(260);
  assert.deepEqual(f.told(), ['connected', 'publish me attempting_publish', 'publish me published']);
  assert.equal(f.server.offers('/rtc/whip').length, 2);
  assert.equal(f.server.offers('/rtc/whip/subscribe').length, 1);
});

test('the server restarts: everybody is back within fifteen seconds', async () => {
  for (const downtime of [500, 2_000, 5_000, 10_000]) {
    const f = await onStage();
    const started = f.world.now();
    f.world.socket.say('LEFT', { reason: 'server-shutdown', message: '' });
    f.world.socket.end(4000, '');
    f.server.gone = true;
    f.server.resources.clear();
    await f.world.advance(downtime);
    for (const peer of [...f.world.peers.senders, ...f.world.peers.receivers]) peer.become('failed');
    f.server.gone = false;
    f.server.participants = []; // the others are not back yet
    let back = Infinity;
    f.stage.on('stageParticipantPublishStateChanged', (participant, state) => {
      if (participant.isLocal && state === 'published') back = f.world.now() - started;
    });
    await f.world.advance(5_000);
    assert.ok(back < 15_000, `down for ${downtime} ms, back after ${back} ms`);
    const told = f.told();
    assert.ok(!told.some((line) => line.startsWith('left')), told.join(', '));
    await f.list(host('a', 0));
    assert.equal(f.told().at(-1), 'added a audio video');
    assert.equal(f.world.peers.senders.length + f.world.peers.receivers.length, 2);
  }
});

test('a dead network is noticed although it closes nothing, and ten seconds of it pass by themselves', async () => {
  const f = await onStage();
  f.world.dead = true;
  f.server.resources.clear(); // the server has given up this client meanwhile
  await f.world.advance(3_000);
  for (const peer of [...f.world.peers.senders, ...f.world.peers.receivers]) peer.become('disconnected');
  await f.world.advance(7_000);
  f.world.dead = false;
  f.world.online();
  await f.world.advance(2_500);
  const told = f.told();
  assert.equal(f.stage.connectionState, 'connected');
  assert.equal(told.at(-1)?.startsWith('left'), false);
  assert.equal(f.world.peers.senders.length, 1);
  assert.equal(f.world.peers.receivers.length, 1);
  assert.equal(told.filter((line) => line === 'publish me published').length, 1);
  assert.equal(told.filter((line) => line === 'added a audio video').length, 1);
  assert.equal(told.filter((line) => line === 'removed a audio video').length, 1, 'the old streams make room for the new');
});

test('without word of the browser the socket is given up after ten seconds', async () => {
  const f = await onStage();
  await f.world.advance(4_000);
  f.world.dead = true;
  await f.world.advance(5_900);
  assert.equal(f.stage.connectionState, 'connected');
  await f.world.advance(200);
  assert.equal(f.stage.connectionState, 'connecting');
});

test('a quiet stage is kept alive', async () => {
  const f = await onStage();
  await f.world.advance(60_000);
  assert.equal(f.world.sockets.length, 1);
  assert.ok(f.heard('PING').length >= 11 && f.heard('PING').length <= 12);
  f.server.pongs = false;
  await f.world.advance(11_000);
  assert.equal(f.world.sockets.length, 2);
});

test('a long outage is called an error and still ends well', async () => {
  const f = await onStage();
  f.server.gone = true;
  f.server.resources.clear();
  f.world.socket.end(1006, '');
  await f.world.advance(29_000);
  assert.deepEqual(f.told(), ['connecting']);
  await f.world.advance(6_000);
  assert.deepEqual(f.told(), ['errored', 'error 3 JOIN_ERROR']);
  await f.world.advance(600_000);
  assert.deepEqual(f.told(), []);
  f.server.gone = false;
  f.world.online();
  await f.world.settle();
  assert.deepEqual(f.told(), [
    'connected', 'publish me attempting_publish', 'subscribe a attempting_subscribe', 'publish me published',
    'removed a audio video', 'subscribe a subscribed', 'added a audio video',
  ]);
});

test('no media is tried while the socket is away', async () => {
  const f = await onStage();
  f.server.gone = true;
  f.world.socket.end(1006, '');
  f.world.peers.senders[0]!.become('failed');
  const offers = f.server.offers('/rtc/whip').length;
  await f.world.advance(20_000);
  assert.equal(f.server.offers('/rtc/whip').length, offers);
  assert.deepEqual(f.told(), ['connecting', 'publish me attempting_publish']);
});

test('media that was given up is tried again after a reconnection', async () => {
  const f = new Fixture();
  f.server.refuses.set('/rtc/whip/subscribe', { status: 500 });
  await f.join([host('a', 0)]);
  await f.world.advance(40_000);
  assert.equal(f.told().at(-1), 'error 4 SUBSCRIBE_ERROR');
  f.server.refuses.clear();
  f.world.socket.end(1006, '');
  await f.world.advance(300);
  assert.equal(f.told().at(-1), 'added a audio video');
});

test('a server that has restarted is not asked to end what it does not know', async () => {
  const f = await onStage();
  f.server.resources.clear();
  f.server.participants = [];
  f.world.socket.end(1006, '');
  await f.world.advance(300);
  assert.equal(f.server.requests.filter(({ method }) => method === 'DELETE').length, 0);
});

test('what everybody is told is told again only when it differs', async () => {
  const f = await onStage();
  const told: unknown[] = [];
  for (const event of ['streamcatLiveChanged', 'streamcatLayoutChanged', 'streamcatViewerCountChanged'] as const) {
    f.stage.on(event, (news: unknown) => told.push(news));
  }
  f.world.socket.end(1006, '');
  await f.world.advance(300);
  f.world.socket.say('VIEWER_COUNT', { count: 4 });
  assert.deepEqual(told, [4]);
});

test('leaving while the socket is away ends the media over HTTP', async () => {
  const f = await onStage();
  f.server.gone = false;
  f.world.socket.end(1006, '');
  f.stage.leave();
  await f.world.settle();
  const deleted = f.server.requests.filter(({ method }) => method === 'DELETE');
  assert.equal(deleted.length, 2);
  assert.ok(deleted.every(({ keepalive, headers }) => keepalive && headers['Authorization']));
  assert.equal(f.world.sockets.length, 1);
  assert.equal(f.world.pending, 0);
});

test('the stage remains the same for participants who stayed', async () => {
  const f = await onStage();
  const [a] = f.stage.participants;
  f.world.socket.end(1006, '');
  await f.world.advance(300);
  assert.equal(f.stage.participants[0], a);
});
