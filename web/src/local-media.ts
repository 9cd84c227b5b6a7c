// The person's own camera and microphone: one open track of each, in the green room and on stage alike.
import { LocalStageStream } from '/sdk/streamcat.js';
import { allowedAlready, deviceSentence, devicesReachable, listDevices, none, openBoth, openTrack, type Device, type Kind } from './devices.js';
import { recall, recallQuality, remember, type Quality } from './preferences.js';

interface Held {
  track: MediaStreamTrack;
  stream: LocalStageStream;
}

interface Problem {
  kind: Kind;
  error: unknown;
}

// Kbit/s of video for a height in pixels.
const bitrates: Record<Quality, number> = { '720': 2500, '540': 1400, '360': 700 };
// Milliseconds that a camera stays open after it was switched off: long enough for a slip of the finger, short enough for whoever looks at its light.
const lightStaysOn = 2000;

export class LocalMedia {
  readonly #onChange: (() => void)[] = [];
  readonly #onFailure: ((sentence: string) => void)[] = [];
  readonly #held: Partial<Record<Kind, Held>> = {};
  readonly #muted: Record<Kind, boolean> = { camera: false, microphone: false };
  // Counts the requests of each kind: only the newest may keep its track.
  readonly #turn: Record<Kind, number> = { camera: 0, microphone: 0 };
  // The camera that was let go because it is switched off; it is opened again when it is switched on.
  #asleep: string | undefined;
  #bedtime: ReturnType<typeof setTimeout> | undefined;
  #quality: Quality = recallQuality();
  #watching: AbortController | undefined;

  /** Calls back when a track came, went or was swapped, or the lists of devices changed. */
  onChange(callback: () => void): void {
    this.#onChange.push(callback);
  }

  /** Calls back with a sentence when a device failed by itself. */
  onFailure(callback: (sentence: string) => void): void {
    this.#onFailure.push(callback);
  }

  get quality(): Quality {
    return this.#quality;
  }

  track(kind: Kind): MediaStreamTrack | null {
    return this.#held[kind]?.track ?? null;
  }

  /** Says whether there is a device to switch on and off. */
  has(kind: Kind): boolean {
    return this.#held[kind] !== undefined || (kind === 'camera' && this.#asleep !== undefined);
  }

  /** Says whether a device is not there though it was not chosen to do without. */
  get missing(): boolean {
    return (['camera', 'microphone'] as const).some((kind) => !this.has(kind) && recall(kind) !== none);
  }

  muted(kind: Kind): boolean {
    return this.#muted[kind];
  }

  /** What to publish. The objects stay the same until a device is swapped, so that a refresh changes nothing else. */
  streams(): LocalStageStream[] {
    return [this.#held.microphone, this.#held.camera].flatMap((held) => (held ? [held.stream] : []));
  }

  /** The id in use, or `none`. */
  chosen(kind: Kind): string {
    const track = this.track(kind);
    if (track) return track.getSettings().deviceId ?? '';
    return (kind === 'camera' ? this.#asleep : undefined) ?? none;
  }

  devices(kind: Kind): Promise<Device[]> {
    return listDevices(kind, this.chosen(kind));
  }

  /** Opens what was chosen last time, or the defaults, with one permission prompt. Returns a sentence when something is missing. */
  async open(): Promise<string> {
    this.#watch();
    const wanted = (['camera', 'microphone'] as const).filter((kind) => recall(kind) !== none);
    const problems = wanted.length === 2 ? await this.#openBoth() : await this.#openEach(wanted);
    this.#changed();
    const [one, two] = problems;
    if (!one) return '';
    if (two && nameOf(one.error) === nameOf(two.error)) return deviceSentence('both', one.error, devicesReachable());
    return problems.map(({ kind, error }) => deviceSentence(kind, error, devicesReachable())).join(' ');
  }

  async #openBoth(): Promise<Problem[]> {
    const turns = { camera: ++this.#turn.camera, microphone: ++this.#turn.microphone };
    try {
      const tracks = await openBoth(recall('camera') ?? '', recall('microphone') ?? '', this.#quality);
      for (const kind of ['camera', 'microphone'] as const) this.#keep(kind, tracks[kind], turns[kind]);
      return [];
    } catch (error) {
      if (nameOf(error) !== 'NotAllowedError') return this.#openEach(['camera', 'microphone']);
      // Who has refused the prompt is not asked again, but one of the two may have been allowed before.
      const refused: Kind[] = [];
      const allowed: Kind[] = [];
      for (const kind of ['camera', 'microphone'] as const) ((await allowedAlready(kind)) ? allowed : refused).push(kind);
      return [...refused.map((kind) => ({ kind, error })), ...(await this.#openEach(allowed))];
    }
  }

  async #openEach(wanted: readonly Kind[]): Promise<Problem[]> {
    const problems: Problem[] = [];
    for (const kind of wanted) {
      try {
        await this.#use(kind, recall(kind) ?? '');
      } catch (error) {
        problems.push({ kind, error });
      }
    }
    return problems;
  }

  /** Uses another device, or none; returns a sentence when that did not work, and then the one before goes on. */
  async choose(kind: Kind, id: string): Promise<string> {
    try {
      const replaced = await this.#use(kind, id);
      remember(kind, id);
      this.#changed();
      return replaced ? `That ${kind} is gone; another one is used instead.` : '';
    } catch (error) {
      this.#changed();
      return deviceSentence(kind, error, devicesReachable());
    }
  }

  async setQuality(quality: Quality): Promise<string> {
    this.#quality = quality;
    remember('quality', quality);
    return this.track('camera') ? this.choose('camera', this.chosen('camera')) : '';
  }

  /** Switches a device off and on. What is sent is silence or black at once; a camera is let go of soon after, so that its light goes off. */
  setMuted(kind: Kind, muted: boolean): void {
    this.#muted[kind] = muted;
    this.#held[kind]?.stream.setMuted(muted);
    if (kind === 'microphone') return;
    clearTimeout(this.#bedtime);
    if (muted) this.#tuckIn();
    else if (this.#asleep !== undefined) void this.#wake(this.#asleep);
  }

  #tuckIn(): void {
    clearTimeout(this.#bedtime);
    this.#bedtime = setTimeout(() => {
      const { camera, microphone } = this.#held;
      // With nothing else to send, one would drop out of the picture: then the black one goes on.
      if (!camera || !microphone || !this.#muted.camera) return;
      this.#asleep = this.chosen('camera');
      this.#drop('camera');
      this.#changed();
    }, lightStaysOn);
  }

  async #wake(id: string): Promise<void> {
    try {
      const replaced = await this.#use('camera', id);
      this.#changed();
      if (replaced) this.#failed('The camera is gone; another one is used instead.');
    } catch (error) {
      this.#muted.camera = true;
      this.#changed();
      this.#failed(deviceSentence('camera', error, devicesReachable()));
    }
  }

  /** Lets go of everything: the camera light goes off. */
  close(): void {
    this.#watching?.abort();
    this.#watching = undefined;
    clearTimeout(this.#bedtime);
    this.#asleep = undefined;
    for (const kind of ['camera', 'microphone'] as const) {
      this.#turn[kind]++;
      this.#drop(kind);
    }
    this.#changed();
  }

  async #use(kind: Kind, id: string): Promise<boolean> {
    const turn = ++this.#turn[kind];
    if (id === none) {
      if (kind === 'camera') this.#asleep = undefined;
      this.#drop(kind);
      return false;
    }
    const { track, replaced } = await openTrack(kind, id, this.#quality);
    this.#keep(kind, track, turn);
    return replaced;
  }

  #keep(kind: Kind, track: MediaStreamTrack, turn: number): void {
    if (turn !== this.#turn[kind]) {
      track.stop();
      return;
    }
    const before = this.#held[kind];
    track.contentHint = kind === 'camera' ? 'motion' : 'speech';
    const stream = new LocalStageStream(track, kind === 'camera' ? { maxVideoBitrateKbps: bitrates[this.#quality], maxFramerate: 30 } : {});
    stream.setMuted(this.#muted[kind]);
    this.#held[kind] = { track, stream };
    if (kind === 'camera') {
      this.#asleep = undefined;
      if (this.#muted.camera) this.#tuckIn();
    }
    before?.track.stop();
    track.addEventListener('ended', () => this.#ended(kind, track), { once: true });
  }

  #drop(kind: Kind): void {
    const held = this.#held[kind];
    delete this.#held[kind];
    held?.track.stop();
  }

  // A track that ends by itself was unplugged, or its permission was taken back. Another device of the kind takes its place if there is one.
  #ended(kind: Kind, track: MediaStreamTrack): void {
    if (this.#held[kind]?.track !== track) return;
    this.#drop(kind);
    this.#changed();
    void this.#use(kind, '').then(
      () => {
        this.#changed();
        this.#failed(`The ${kind} is gone; another one is used instead.`);
      },
      (error: unknown) => this.#failed(`The ${kind} stopped. ${deviceSentence(kind, error, devicesReachable())}`),
    );
  }

  #changed(): void {
    for (const callback of this.#onChange) callback();
  }

  #failed(sentence: string): void {
    for (const callback of this.#onFailure) callback(sentence);
  }

  #watch(): void {
    if (this.#watching || !devicesReachable()) return;
    this.#watching = new AbortController();
    navigator.mediaDevices.addEventListener('devicechange', () => this.#changed(), { signal: this.#watching.signal });
  }
}

function nameOf(error: unknown): string {
  return error instanceof Error || error instanceof DOMException ? error.name : '';
}
