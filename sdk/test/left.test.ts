import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StageError } from '../src/index.js';
import { host } from './fake-server.js';
import { Fixture } from './stage-fixture.js';

const gone = [
  'removed a audio video', 'subscribe a not_subscribed', 'publish a not_published', 'gone a',
  'removed me audio video', 'publish me not_published', 'gone me', 'errored',
];

for (const reason of ['participant-disconnected', 'token-reused', 'stage-deleted']) {
  test(`sent away: ${reason}`, async () => {
    const f = new Fixture();
    await f.join([host('a', 0)]);
    f.publish();
    await f.world.settle();
    f.told();
    f.world.socket.say('LEFT', { reason, message: 'Bye.' });
    f.world.socket.end(4000, reason);
    assert.deepEqual(f.told(), [...gone, `left ${reason}: Bye.`]);
    await f.world.advance(120_000);
    assert.equal(f.world.sockets.length, 1, 'no reconnection');
    assert.equal(f.world.pending, 0);
    assert.deepEqual([f.world.peers.senders.length, f.world.peers.receivers.length], [0, 0]);
    assert.equal(f.heard('LEAVE').length, 0, 'the server has said it');
  });
}

test('sent away for a reason that this version does not know', async () => {
  const f = new Fixture();
  await f.join();
  f.world.socket.say('LEFT', { reason: 'full-moon' });
  assert.deepEqual(f.told(), ['gone me', 'errored', 'left unknown']);
});

test('taken over, and taken back on the same object', async () => {
  const f = new Fixture();
  await f.join([host('a', 0)]);
  f.world.socket.say('LEFT', { reason: 'token-reused', message: '' });
  f.world.socket.end(4000, '');
  await f.world.settle();
  await f.join([host('a', 0)]);
  assert.equal(f.stage.connectionState, 'connected');
  assert.equal(f.world.peers.receivers.length, 1);
});

test('removed while the socket was away: the next connection tells', async () => {
  const f = new Fixture();
  await f.join([host('a', 0)]);
  f.server.refuses.set('/rtc/events', { status: 403, code: 'PARTICIPANT_DISCONNECTED', detail: 'Removed.' });
  f.world.socket.end(1006, '');
  await f.world.advance(1_000);
  assert.deepEqual(f.told(), [
    'connecting', 'removed a audio video', 'subscribe a not_subscribed', 'publish a not_published', 'gone a', 'gone me', 'errored',
    'error 10 JOIN_ERROR', 'left participant-disconnected: Removed.',
  ]);
  await f.world.advance(60_000);
  assert.equal(f.world.pending, 0);
});

test('the token expired while the server was away', async () => {
  const f = new Fixture();
  await f.join();
  f.server.refuses.set('/rtc/events', { status: 401, code: 'TOKEN_EXPIRED' });
  f.world.socket.end(1006, '');
  await f.world.advance(1_000);
  assert.deepEqual(f.told(), ['connecting', 'gone me', 'errored', 'error 2 JOIN_ERROR', 'left unknown: TOKEN_EXPIRED!']);
});

test('sent away before the welcome', async () => {
  const f = new Fixture();
  f.server.accept = (socket) => {
    socket.onopen?.();
    socket.say('LEFT', { reason: 'token-reused', message: '' });
  };
  const outcome = f.stage.join().catch((error: StageError) => error.message);
  await f.world.settle();
  assert.equal(await outcome, 'Left the stage: token-reused.');
});

test('listeners that throw disturb nobody', async () => {
  const f = new Fixture();
  const errors: unknown[] = [];
  const { error } = console;
  console.error = (...args: unknown[]) => errors.push(args);
  try {
    let calls = 0;
    for (const event of ['stageParticipantJoined', 'stageParticipantStreamsAdded', 'stageConnectionStateChanged'] as const) {
      f.stage.on(event, () => {
        throw new Error('a bug of the app');
      });
      f.stage.on(event, () => calls++);
    }
    await f.join([host('a', 0)]);
    assert.equal(calls, 5); // connecting, connected, two participants, streams
    assert.equal(errors.length, 5);
    assert.equal(f.stage.connectionState, 'connected');
  } finally {
    console.error = error;
  }
});

test('a strategy that throws has not changed its mind', async () => {
  const f = new Fixture();
  await f.join([host('a', 0)]);
  f.publish();
  await f.world.settle();
  f.told();
  const { error } = console;
  console.error = () => undefined;
  try {
    const fail = () => {
      throw new Error('a bug of the app');
    };
    f.stage.replaceStrategy({ shouldSubscribeToParticipant: fail, shouldPublishParticipant: fail, stageStreamsToPublish: fail });
    await f.world.advance(10_000);
  } finally {
    console.error = error;
  }
  assert.deepEqual(f.told(), []);
});

test('a listener that leaves in the middle of things', async () => {
  const f = new Fixture();
  f.stage.on('stageParticipantJoined', ({ id }) => {
    if (id === 'a') f.stage.leave();
  });
  f.server.participants = [host('a', 0), host('b', 1)];
  await f.stage.join().catch(() => undefined);
  await f.world.settle();
  const told = f.told();
  assert.equal(told.at(-1), 'left user-initiated');
  for (const id of ['a', 'b']) assert.ok(told.indexOf(`joined ${id}`) < told.indexOf(`gone ${id}`), `${id} comes before it goes`);
  assert.equal(told.filter((line) => line.startsWith('added')).length, told.filter((line) => line.startsWith('removed')).length);
  await f.world.settle();
  assert.equal(f.world.pending, 0);
  assert.equal(f.world.peers.receivers.length, 0);
});

test('a strategy and listeners that refresh all the time', async () => {
  const f = new Fixture();
  const ask = f.strategy.shouldSubscribeToParticipant.bind(f.strategy);
  f.strategy.shouldSubscribeToParticipant = (participant) => {
    f.stage.refreshStrategy();
    return ask(participant);
  };
  f.stage.on('stageParticipantStreamsAdded', () => f.stage.refreshStrategy());
  f.stage.on('stageParticipantJoined', () => f.stage.refreshStrategy());
  await f.join([host('a', 0), host('b', 1)]);
  assert.equal(f.server.offers('/rtc/whip/subscribe').length, 1);
  assert.ok(f.strategy.asked < 100);
});

test('listeners come and go', async () => {
  const f = new Fixture();
  const told: string[] = [];
  const context = { name: 'context' };
  function listener(this: unknown): void {
    told.push((this as typeof context)?.name ?? 'none');
  }
  f.stage.removeAllListeners();
  assert.equal(f.stage.hasListenersFor('stageLeft'), false);
  f.stage.on('stageLeft', listener, context);
  f.stage.on('stageLeft', listener);
  assert.equal(f.stage.hasListenersFor('stageLeft'), true);
  await f.join();
  f.stage.leave();
  assert.deepEqual(told, ['context', 'none']);
  f.stage.off('stageLeft', listener, context);
  await f.join();
  f.stage.leave();
  assert.deepEqual(told, ['context', 'none', 'none']);
  f.stage.off('stageLeft', listener);
  assert.equal(f.stage.hasListenersFor('stageLeft'), false);
  assert.throws(() => f.stage.on('stageLeft', undefined as unknown as () => void), TypeError);
});

test('frames that are not what they should be', async () => {
  const f = new Fixture();
  await f.join([host('a', 0)]);
  const { onmessage } = f.world.socket;
  for (const frame of ['', '{', 'null', '[]', '"x"', '{"type":"STAGE_STATE","payload":7}', '{"type":"NEW_THING","payload":{}}', new ArrayBuffer(4)]) {
    onmessage!(frame);
  }
  onmessage!('{"type":"STAGE_STATE","payload":{"slots":12,"participants":[null,7,{},{"id":"b","slot":"1","attributes":[1]}]}}');
  assert.deepEqual(f.stage.participants.map(({ id }) => id), ['b']);
  assert.equal(f.stage.connectionState, 'connected');
});
