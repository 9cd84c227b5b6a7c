import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planSubscription } from '../src/strategy.js';
import type { Held, LinkState, Wanted } from '../src/strategy.js';

const wanted: Wanted = { type: 'AUDIO_VIDEO', publishing: true, hasAudio: true, hasVideo: true, reachable: true, link: 'connected' };
const nothing: Held = { state: 'not_subscribed', kinds: [], stale: false };
const audio: Held = { state: 'subscribed', kinds: ['audio'], stale: false };
const both: Held = { state: 'subscribed', kinds: ['audio', 'video'], stale: false };

/** Writes a plan as one line: `-` streams removed, states, `+` streams added. */
function line(w: Partial<Wanted>, held: Held): string {
  const plan = planSubscription({ ...wanted, ...w }, held);
  return [...plan.remove.map((kind) => `-${kind}`), ...plan.states, ...plan.add.map((kind) => `+${kind}`)].join(' ');
}

// Every change of the wanted type, while the participant publishes and while it does not.
const transitions: [from: Held, to: Wanted['type'], publishing: string, silent: string][] = [
  [nothing, 'NONE', '', ''],
  [nothing, 'AUDIO_ONLY', 'attempting_subscribe subscribed +audio', ''],
  [nothing, 'AUDIO_VIDEO', 'attempting_subscribe subscribed +audio +video', ''],
  [audio, 'NONE', '-audio not_subscribed', '-audio not_subscribed'],
  [audio, 'AUDIO_ONLY', '', '-audio not_subscribed'],
  [audio, 'AUDIO_VIDEO', '+video', '-audio not_subscribed'],
  [both, 'NONE', '-audio -video not_subscribed', '-audio -video not_subscribed'],
  [both, 'AUDIO_ONLY', '-video', '-audio -video not_subscribed'],
  [both, 'AUDIO_VIDEO', '', '-audio -video not_subscribed'],
];
for (const [from, to, publishing, silent] of transitions) {
  const name = `${from.kinds.join('+') || 'nothing'} to ${to}`;
  test(`${name} of a participant who publishes`, () => assert.equal(line({ type: to }, from), publishing));
  test(`${name} of a participant who does not`, () => assert.equal(line({ type: to, publishing: false }, from), silent));
}

const media: [name: string, Partial<Wanted>, Held, string][] = [
  ['only audio has arrived', { hasVideo: false }, nothing, 'attempting_subscribe subscribed +audio'],
  ['video arrives later and audio is not added again', {}, audio, '+video'],
  ['nothing has arrived yet', { hasAudio: false, hasVideo: false }, nothing, 'attempting_subscribe subscribed'],
  ['published again without video', { hasVideo: false }, both, '-video'],
  ['only video, wanted as audio', { type: 'AUDIO_ONLY', hasAudio: false }, nothing, 'attempting_subscribe subscribed'],
];
for (const [name, w, held, expected] of media) test(name, () => assert.equal(line(w, held), expected));

const attempting: Held = { ...both, state: 'attempting_subscribe' };
const errored: Held = { state: 'errored', kinds: [], stale: false };
const connections: [name: string, Partial<Wanted>, Held, string][] = [
  ['the connection is being made', { link: 'connecting' }, nothing, 'attempting_subscribe'],
  ['the connection breaks: streams stay until there are better ones', { link: 'connecting' }, both, 'attempting_subscribe'],
  ['the connection is rebuilt: new streams take the place of the old', {}, { ...attempting, stale: true }, '-audio -video subscribed +audio +video'],
  ['the connection is rebuilt and only audio is left', { type: 'AUDIO_ONLY' }, { ...attempting, stale: true }, '-audio -video subscribed +audio'],
  ['no longer wanted while the connection is rebuilt', { type: 'NONE', link: 'connecting' }, attempting, '-audio -video not_subscribed'],
  ['less is wanted while the connection is rebuilt', { type: 'AUDIO_ONLY', link: 'connecting' }, attempting, '-video'],
  ['more is wanted while the connection is rebuilt', { link: 'connecting' }, { ...audio, state: 'attempting_subscribe' }, ''],
  ['the connection is given up', { link: 'errored' }, attempting, '-audio -video errored'],
  ['wanted after the connection was given up', { link: 'errored' }, nothing, 'attempting_subscribe errored'],
  ['tried again after it was given up', { link: 'connecting' }, errored, 'attempting_subscribe'],
  ['given up and no longer wanted', { type: 'NONE', link: 'errored' }, errored, 'not_subscribed'],
  ['another slot', {}, { ...both, stale: true }, '-audio -video +audio +video'],
  ['a slot that the connection does not have', { reachable: false }, { ...both, stale: true }, '-audio -video attempting_subscribe'],
  ['no slot yet', { reachable: false }, nothing, 'attempting_subscribe'],
];
for (const [name, w, held, expected] of connections) test(name, () => assert.equal(line(w, held), expected));

test('whatever was planned is all there is to do', () => {
  // From every held state to every wanted one: applying a plan and planning again finds nothing.
  const kinds = [[], ['audio'], ['video'], ['audio', 'video']] as Held['kinds'][];
  const states = ['not_subscribed', 'attempting_subscribe', 'subscribed', 'errored'] as const;
  for (const type of ['NONE', 'AUDIO_ONLY', 'AUDIO_VIDEO'] as const)
    for (const link of ['idle', 'connecting', 'connected', 'errored'] as LinkState[])
      for (let bits = 0; bits < 32; bits++)
        for (const state of states)
          for (const held of kinds) {
            const w: Wanted = { type, link, publishing: !!(bits & 1), hasAudio: !!(bits & 2), hasVideo: !!(bits & 4), reachable: !!(bits & 8) };
            const before: Held = { state, kinds: held, stale: !!(bits & 16) };
            const plan = planSubscription(w, before);
            const after: Held = {
              state: plan.states.at(-1) ?? state,
              kinds: [...held.filter((kind) => !plan.remove.includes(kind)), ...plan.add],
              stale: false,
            };
            assert.equal(new Set(after.kinds).size, after.kinds.length, 'a stream is there once');
            const again = planSubscription(w, after);
            assert.deepEqual(again, { remove: [], states: [], add: [] }, JSON.stringify({ w, before, plan }));
          }
});
