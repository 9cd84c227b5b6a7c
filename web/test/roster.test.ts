import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nameOf, Roster } from '../src/roster.js';

type Participant = Parameters<Roster['update']>[0];
type Stream = Parameters<Roster['add']>[1][number];

function participant(id: string, change: Partial<Participant> = {}): Participant {
  return { id, userId: `user-${id}`, isLocal: false, attributes: { name: id }, audioMuted: false, videoStopped: false, onAir: true, ...change };
}

function stream(streamType: 'audio' | 'video', id: string, isMuted = false): Stream {
  return { streamType, isMuted, mediaStreamTrack: { id, kind: streamType } as MediaStreamTrack };
}

const ids = (roster: Roster) => roster.members.map(({ id }) => id).join();

test('the participant in the middle leaves and the right one goes', () => {
  const roster = new Roster();
  for (const id of ['ann', 'bob', 'cem']) roster.update(participant(id));
  roster.leave(participant('bob'));
  assert.equal(ids(roster), 'ann,cem');
});

test('leaving twice, or without having come, takes nobody else along', () => {
  const roster = new Roster();
  for (const id of ['ann', 'bob']) roster.update(participant(id));
  roster.leave({ id: 'cem' });
  roster.leave({ id: 'bob' });
  roster.leave({ id: 'bob' });
  assert.equal(ids(roster), 'ann');
});

test('losing the video keeps the participant and the sound', () => {
  const roster = new Roster();
  const ann = participant('ann');
  const [audio, video] = [stream('audio', 'a'), stream('video', 'v')];
  roster.add(ann, [audio, video]);
  roster.remove(ann, [video]);
  assert.equal(ids(roster), 'ann');
  assert.equal(roster.get('ann')?.audio?.id, 'a');
  assert.equal(roster.get('ann')?.video, null);
});

test('streams that come one by one, or again, make one entry', () => {
  const roster = new Roster();
  const ann = participant('ann');
  roster.update(ann);
  roster.add(ann, [stream('audio', 'a')]);
  roster.add(ann, [stream('video', 'v1')]);
  roster.add(ann, [stream('video', 'v2')]);
  assert.equal(roster.members.length, 1);
  assert.equal(roster.get('ann')?.video?.id, 'v2');
});

test('the late removal of a stream that was replaced does not remove the new one', () => {
  const roster = new Roster();
  const ann = participant('ann');
  const before = stream('video', 'v1');
  roster.add(ann, [before]);
  roster.add(ann, [stream('video', 'v2')]);
  roster.remove(ann, [before]);
  assert.equal(roster.get('ann')?.video?.id, 'v2');
});

test('removing streams of somebody unknown makes no entry', () => {
  const roster = new Roster();
  roster.remove(participant('ann'), [stream('video', 'v')]);
  assert.equal(roster.members.length, 0);
});

test('muting follows the stream for either kind', () => {
  const roster = new Roster();
  const ann = participant('ann');
  roster.mute(ann, stream('audio', 'a', true));
  assert.deepEqual([roster.get('ann')?.audioMuted, roster.get('ann')?.videoStopped], [true, false]);
  roster.mute(ann, stream('video', 'v', true));
  assert.equal(roster.get('ann')?.videoStopped, true);
});

test('a screen is known by its attributes, and whose it is', () => {
  const roster = new Roster();
  const screen = roster.update(participant('s', { attributes: { name: 'ann', featured: 'true', of: 'p1', role: 'screen' } }));
  assert.deepEqual([screen.isScreen, screen.of, screen.isHost, screen.name], [true, 'p1', false, 'ann']);
});

test('a name comes from the attributes, the user or the id', () => {
  assert.equal(nameOf({ attributes: { name: 'Ann' }, userId: 'u', id: 'abcdefgh' }), 'Ann');
  assert.equal(nameOf({ attributes: {}, userId: 'u', id: 'abcdefgh' }), 'u');
  assert.equal(nameOf({ attributes: {}, userId: '', id: 'abcdefgh' }), 'abcdef');
});
