import assert from 'node:assert/strict';
import { test } from 'node:test';
import { levelOf, Speaking } from '../src/level.js';

const tone = (amplitude: number) => Float32Array.from({ length: 1024 }, (_, i) => amplitude * Math.sin(i / 7));

test('silence is 0, no samples are 0, full scale is near 100', () => {
  assert.equal(levelOf(new Float32Array(1024)), 0);
  assert.equal(levelOf(new Float32Array(0)), 0);
  assert.ok(levelOf(tone(1)) >= 94);
});

test('louder is higher, and nothing leaves 0..100', () => {
  const levels = [1e-6, 0.001, 0.01, 0.1, 1, 5].map((amplitude) => levelOf(tone(amplitude)));
  assert.deepEqual(levels, [...levels].sort((a, b) => a - b));
  assert.ok(levels[0] === 0 && levels.at(-1) === 100);
});

test('speaking begins at once and survives the pause between words', () => {
  const judge = new Speaking();
  assert.equal(judge.update(10, 0), false);
  assert.equal(judge.update(60, 100), true);
  assert.equal(judge.update(0, 500), true);
  assert.equal(judge.update(0, 800), false);
});

test('a level between the two thresholds keeps a speaker and makes none', () => {
  const judge = new Speaking();
  assert.equal(judge.update(35, 0), false);
  judge.update(50, 100);
  for (let now = 200; now < 3000; now += 100) assert.equal(judge.update(35, now), true);
});
