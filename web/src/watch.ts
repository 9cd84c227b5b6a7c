// The watch page: waits, plays as soon as the stage is live, says when it is over, and waits again.
import Alpine from '@alpinejs/csp';
import { StageConnectionState, StageErrorCategory, StageErrorCode, StageLeftReason, SubscribeType, type StageError, type StageStrategy } from '/sdk/streamcat.js';
import { api, sentence } from './api.js';
import { elapsed } from './clock.js';
import { Composite } from './composite.js';
import { Conference, stageSentence, tokenSpent } from './conference.js';
import { recall, remember } from './preferences.js';
import { Sound } from './sound.js';

type State = 'offline' | 'connecting' | 'live' | 'ended' | 'error';

const page = document.getElementById('watch') as HTMLElement;
const channel = page.dataset['channel'] ?? '';
const part = (id: string) => page.querySelector(`#${id}`) as HTMLElement;
const endedFor = 12_000; // milliseconds that "it has ended" stands before the page says "not live"
const unnoticed = 1_000; // milliseconds without connection that are not worth a word
const longest = 15_000; // milliseconds between two attempts to reach the stage

// The audience only receives.
const strategy: StageStrategy = {
  shouldSubscribeToParticipant: () => SubscribeType.AUDIO_VIDEO,
  shouldPublishParticipant: () => false,
  stageStreamsToPublish: () => [],
};

const composite = new Composite(part('composite'));
const sound = new Sound(part('audio'));
let conference: Conference | undefined;

Alpine.data('watch', () => ({
  state: (page.dataset['state'] ?? 'offline') as State, // the server knows whether to say "not live"
  problem: '',
  isLive: false,
  since: 0,
  elapsed: '00:00',
  viewers: 0,
  blocked: false,
  muted: false,
  volume: Number(recall('volume') ?? 100),
  title: part('channel-title').textContent ?? '',
  announcement: '',
  attempts: 0,
  later: undefined as ReturnType<typeof setTimeout> | undefined,
  interrupted: false,
  soon: undefined as ReturnType<typeof setTimeout> | undefined,

  get isNotLive(): boolean {
    return !this.isLive;
  },
  get sound(): string {
    return this.muted || this.volume === 0 ? 'off' : 'on';
  },
  get mutedText(): string {
    return String(this.sound === 'off');
  },

  init(): void {
    sound.blockedChanged = (blocked) => (this.blocked = blocked);
    setInterval(() => (this.elapsed = this.isLive ? elapsed(this.since, Date.now()) : '00:00'), 250);
    addEventListener('pagehide', () => conference?.leave());
    addEventListener('pageshow', (event) => event.persisted && location.reload());
    addEventListener('online', () => conference?.refresh());
    document.addEventListener('keydown', (event) => this.key(event));
    (this as unknown as { $watch(name: string, then: () => void): void }).$watch('volume', () => this.adjust());
    this.adjust();
    void this.connect();
  },

  /** Takes a new token and a new connection. */
  async connect(): Promise<void> {
    clearTimeout(this.later);
    this.close();
    let mine: Conference | undefined;
    try {
      const ticket = await api.watch(channel);
      this.title = ticket.channel.title || `${ticket.channel.name}’s channel`;
      if (ticket.channel.live && this.state === 'offline') this.state = 'connecting';
      mine = conference = new Conference(ticket.token, strategy, {
        changed: () => this.draw(),
        state: (state) => this.showConnection(state),
        live: (live, since) => this.showLive(live, since),
        viewers: (count) => (this.viewers = count),
        left: (reason) => this.onLeft(reason),
        failed: (error) => this.onFailed(error),
      });
      await mine.join();
    } catch (error) {
      if (mine === conference) this.failed(error);
    }
  },
  close(): void {
    clearTimeout(this.soon);
    this.interrupted = false;
    conference?.leave();
    conference = undefined;
    this.draw();
  },
  retry(): void {
    this.attempts = 0;
    this.state = 'connecting';
    void this.connect();
  },

  draw(): void {
    const members = conference?.roster.members ?? [];
    composite.render(conference?.layout, members);
    sound.render(members);
    if (this.isLive && this.state === 'connecting' && members.some((member) => member.video ?? member.audio)) this.state = 'live';
  },

  showLive(live: boolean, since: Date | undefined): void {
    clearTimeout(this.later);
    if (live && !this.isLive) {
      this.announcement = `${channel} is live.`;
      this.state = 'live';
    } else if (!live && this.isLive) {
      this.announcement = 'The broadcast has ended.';
      this.state = 'ended';
      this.later = setTimeout(() => (this.state = 'offline'), endedFor);
    } else if (!live && this.state !== 'ended') {
      this.state = 'offline';
    }
    this.isLive = live;
    this.since = since?.getTime() ?? Date.now();
    if (!live) this.blocked = false;
    this.draw();
  },

  showConnection(state: StageConnectionState): void {
    clearTimeout(this.soon);
    if (state === StageConnectionState.CONNECTED) {
      this.attempts = 0;
      this.interrupted = false;
    } else if (this.isLive) {
      this.soon = setTimeout(() => (this.interrupted = this.isLive), unnoticed);
    }
  },

  onLeft(reason: StageLeftReason): void {
    if (reason === StageLeftReason.USER_INITIATED) return;
    this.isLive = false;
    this.close();
    if (reason === StageLeftReason.STAGE_DELETED) this.fail('This channel’s stage was closed.');
    else if (reason === StageLeftReason.TOKEN_REUSED) this.fail('This page was opened twice with the same pass. Press the button to watch here.');
    else this.failed(new Error('The connection was ended.'));
  },
  onFailed(error: StageError): void {
    // One failed subscription is repaired by the SDK; the page only has to act when there is no connection left.
    if (error.category === StageErrorCategory.JOIN_ERROR || tokenSpent(error)) this.failed(error);
    else if (error.code === StageErrorCode.CODEC_MISMATCH) this.fail(stageSentence(error));
  },

  /** Tries again with growing pauses; only says so when the first attempts did not help. */
  failed(error: unknown): void {
    this.close();
    const code = (error as Partial<StageError>).code;
    const words = (error as Error)?.name === 'StageError' ? stageSentence(error) : sentence(error);
    if (code === StageErrorCode.STAGE_DELETED) {
      this.fail(words);
      return;
    }
    this.attempts++;
    if (this.attempts > 1) this.fail(words);
    clearTimeout(this.later);
    this.later = setTimeout(() => void this.connect(), Math.min(longest, 500 * 2 ** this.attempts) * (0.5 + Math.random() / 2));
  },
  fail(words: string): void {
    this.isLive = false;
    this.state = 'error';
    this.problem = words;
  },

  adjust(): void {
    remember('volume', String(this.volume));
    sound.setVolume(this.volume / 100, this.muted);
  },
  toggleSound(): void {
    this.muted = !this.muted;
    this.adjust();
    if (!this.muted) void sound.unblock();
  },
  unmute(): void {
    this.muted = false;
    this.adjust();
    void sound.unblock();
  },
  fullscreen(): void {
    if (document.fullscreenElement) void document.exitFullscreen();
    else void part('player').requestFullscreen?.().catch(() => undefined);
  },
  key(event: KeyboardEvent): void {
    const typing = (event.target as Element).closest?.('input:not([type=range]), textarea, select') != null;
    if (typing || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (event.key.toLowerCase() === 'm') this.toggleSound();
    if (event.key.toLowerCase() === 'f') this.fullscreen();
  },
}));

Alpine.start();
