import assert from 'node:assert/strict';
import { test } from 'node:test';
import { elapsed, timeLeft } from '../src/clock.js';
import { stageSentence, tokenSpent } from '../src/conference.js';
import { deviceSentence } from '../src/devices.js';
import { changesInWords, people } from '../src/people.js';
import type { Member } from '../src/roster.js';

for (const [seconds, want] of [
  [0, '00:00'],
  [59.9, '00:59'],
  [61, '01:01'],
  [3599, '59:59'],
  [3600, '1:00:00'],
  [36_061, '10:01:01'],
  [-5, '00:00'], // the server's clock may be ahead
] as const) {
  test(`${seconds} seconds are written ${want}`, () => assert.equal(elapsed(1000, 1000 + seconds * 1000), want));
}

for (const [minutes, want] of [
  [-1, 'expired'],
  [0.5, 'one more minute'],
  [59, '59 more minutes'],
  [60, 'one more hour'],
  [60 * 30, '30 more hours'],
  [60 * 24 * 30, '30 more days'],
] as const) {
  test(`${minutes} minutes left are "${want}"`, () => assert.equal(timeLeft(minutes * 60_000, 0), want));
}

const named = (name: string) => new DOMException('', name);

for (const [name, want] of [
  ['NotAllowedError', /blocks the camera.*Allow/],
  ['NotFoundError', /No camera was found.*Plug one in/],
  ['NotReadableError', /another program.*Close that program/],
  ['OverconstrainedError', /another device or a smaller picture/],
  ['SecurityError', /switched it off/],
  ['AbortError', /another program/],
  ['TypeError', /Unplug/],
] as const) {
  test(`a camera that fails with ${name} gets a sentence with a remedy`, () => assert.match(deviceSentence('camera', named(name), true), want));
}

test('an insecure page says so, whatever the error', () => {
  for (const kind of ['camera', 'microphone', 'both'] as const) assert.match(deviceSentence(kind, undefined, false), /https:\/\//);
});

test('both devices are spoken of at once', () => {
  assert.match(deviceSentence('both', named('NotFoundError'), true), /No camera or microphone/);
  assert.match(deviceSentence('both', named('NotReadableError'), true), /uses them/);
});

test('every stage error has a sentence of its own', () => {
  const sentences = [1, 3, 6, 7, 8, 9, 10].map((code) => stageSentence({ code, message: 'internal' }));
  assert.equal(new Set(sentences).size, sentences.length);
  assert.ok(sentences.every((words) => words.length > 20 && !words.includes('internal')));
  assert.equal(stageSentence({ code: 99, message: 'From the server.' }), 'From the server.');
  assert.match(stageSentence(undefined), /Reload/);
});

test('only a spent token asks for a new one', () => {
  assert.ok(tokenSpent({ code: 2 }));
  assert.ok(!tokenSpent({ code: 6 }));
  assert.ok(!tokenSpent(undefined));
});

function member(id: string, change: Partial<Member> = {}): Member {
  const track = {} as MediaStreamTrack;
  return {
    id, userId: id, name: id, isLocal: false, isScreen: false, isHost: false, of: '', audioMuted: false, videoStopped: false, onAir: true,
    audio: track, video: track, ...change,
  };
}

test('the list says who is who, and keeps who is speaking', () => {
  const before = people([member('ann'), member('bob')], []);
  before[0]!.speaking = true;
  const list = people([member('ann', { isHost: true, isLocal: true }), member('bob', { onAir: false, audio: null }), member('s', { name: 'ann', isScreen: true, audio: null })], before);
  assert.deepEqual(list.map(({ name, status, audioMuted, speaking }) => [name, status, audioMuted, speaking]), [
    ['ann', 'Host (you)', false, true],
    ['bob', 'Guest · backstage', true, false],
    ['ann’s screen', 'Screen', false, false],
  ]);
});

test('who comes, goes and steps backstage is told in words', () => {
  const person = (name: string, more: object = {}) => ({ id: name, name, isLocal: false, onAir: true, sends: true, ...more });
  const [ann, bob] = [person('Ann', { isLocal: true }), person('Bob')];
  assert.equal(changesInWords([ann], [ann, bob]), 'Bob is on stage.');
  assert.equal(changesInWords([ann, bob], [bob]), 'Ann has left the stage.');
  assert.equal(changesInWords([ann], [ann]), '');
  const [annBack, bobBack] = [{ ...ann, onAir: false }, { ...bob, onAir: false }];
  assert.equal(changesInWords([ann, bob], [annBack, bob]), 'You are backstage: the audience neither sees nor hears you.');
  assert.equal(changesInWords([ann, bob], [ann, bobBack]), 'Bob is backstage.');
  assert.equal(changesInWords([annBack, bobBack], [ann, bob]), 'You are back in the picture. Bob is back in the picture.');
  assert.equal(changesInWords([{ ...annBack, sends: false }], [ann]), '', 'that is part of coming');
});
