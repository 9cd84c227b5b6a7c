// How loud a track is, and who is speaking.
import { analyse, readFrames, type LevelSource } from './level-source.js';

/** Turns samples of -1..1 into a level of 0..100: -60 dB full scale and below is 0, full scale is 100. */
export function levelOf(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  if (sum === 0 || samples.length === 0) return 0;
  const decibels = 10 * Math.log10(sum / samples.length);
  return Math.round(Math.min(100, Math.max(0, (decibels + 60) * (100 / 60))));
}

/** Decides from levels who speaks: quick to say yes, slow to say no, so that the mark does not flicker between words. */
export class Speaking {
  #until = 0;

  /** `now` in milliseconds. */
  update(level: number, now: number): boolean {
    const speaking = now < this.#until;
    if (level >= (speaking ? 30 : 40)) this.#until = now + 600;
    return now < this.#until;
  }
}

interface Entry {
  track: MediaStreamTrack;
  source: LevelSource;
}

/** Measures any number of audio tracks with one AudioContext. */
export class Meter {
  readonly #context = new AudioContext();
  readonly #entries = new Map<string, Entry>();

  constructor() {
    const resume = () => void this.resume();
    for (const event of ['pointerdown', 'keydown']) addEventListener(event, resume, { once: true });
    this.#context.addEventListener('statechange', () => this.#awake());
  }

  /** Wakes the meter; has to be called while something the person did is being handled. */
  async resume(): Promise<void> {
    if (this.#context.state === 'suspended') await this.#context.resume().catch(() => undefined);
  }

  /** Measures `track` under `key` from now on; null ends it. */
  set(key: string, track: MediaStreamTrack | null): void {
    const before = this.#entries.get(key);
    if (before?.track === track) return;
    before?.source.close();
    this.#entries.delete(key);
    if (!track) return;
    const asleep = this.#context.state !== 'running';
    this.#entries.set(key, { track, source: (asleep && readFrames(track)) || analyse(this.#context, track) });
  }

  /** The level of 0..100 now; 0 for what is not measured. */
  level(key: string): number {
    const entry = this.#entries.get(key);
    return entry?.track.enabled ? levelOf(entry.source.samples()) : 0;
  }

  clear(): void {
    for (const key of [...this.#entries.keys()]) this.set(key, null);
  }

  #awake(): void {
    if (this.#context.state !== 'running') return;
    for (const [key, { track }] of [...this.#entries]) {
      this.set(key, null);
      this.set(key, track);
    }
  }
}
