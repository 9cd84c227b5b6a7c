// On stage: what the buttons do and what the lamps show.
import { StageConnectionState, type StageError, type StageLeftReason } from '/sdk/streamcat.js';
import { api, sentence, type StudioTicket } from './api.js';
import { elapsed } from './clock.js';
import type { Kind } from './devices.js';
import type { Meter } from './level.js';
import type { LocalMedia } from './local-media.js';
import { changesInWords, people, type Person } from './people.js';
import type { Member } from './roster.js';
import type { ScreenShare } from './screen-share.js';
import { StageView } from './stage-view.js';

/** How the page goes on stage and off it. */
export interface Room {
  open(ticket: StudioTicket): Promise<void>;
  close(): void;
}

/** What the control room is made of, and whom it tells. */
export interface Desk {
  attach(room: Room): void;
  page: HTMLElement;
  channel: string;
  media: LocalMedia;
  meter: Meter;
  screen: ScreenShare;
  say(problem: string): void;
  announce(words: string): void;
  left(reason: StageLeftReason, message: string): void;
  failed(error: StageError): void;
}

const connectionWords: Record<string, string> = {
  connecting: 'Connecting…',
  connected: 'Connected',
  disconnected: 'Not connected',
  errored: 'Connection lost',
};

const settled = 4000; // milliseconds without picture and sound that are no reload and no change of devices

export function controlRoom(desk: Desk) {
  const { media } = desk;
  const dialog = (id: string) => document.getElementById(id) as HTMLDialogElement;
  let view: StageView | undefined;
  let leaving: Member | undefined;
  let everConnected = false;
  let lastSent = 0; // when somebody last sent picture or sound, or the page could not know
  return {
    live: false,
    since: 0,
    elapsed: '00:00',
    viewers: 0,
    connection: StageConnectionState.CONNECTING as StageConnectionState,
    microphoneMuted: false,
    cameraMuted: false,
    noMicrophone: false,
    noCamera: false,
    sharing: false,
    switching: false,
    leavingName: '',
    leavingText: '',
    deserted: false,
    people: [] as Person[],

    canShare: typeof navigator.mediaDevices?.getDisplayMedia === 'function',

    get caption(): string {
      return this.live ? 'What the audience sees' : 'What the audience will see';
    },
    get liveText(): string {
      return String(this.live);
    },
    get lampText(): string {
      return this.live ? 'ON AIR' : 'OFF AIR';
    },
    get liveWord(): string {
      return this.live ? 'End broadcast' : 'Go live';
    },
    get microphoneWord(): string {
      return this.microphoneMuted ? 'Unmute' : 'Mute';
    },
    get cameraWord(): string {
      return this.cameraMuted ? 'Start video' : 'Stop video';
    },
    get screenWord(): string {
      return this.sharing ? 'Stop sharing' : 'Share screen';
    },
    get connectionText(): string {
      return connectionWords[this.connection] ?? '';
    },
    get alone(): boolean {
      return this.people.length < 2;
    },
    get troubled(): boolean {
      return everConnected && this.connection !== StageConnectionState.CONNECTED;
    },
    get troubleText(): string {
      return this.connection === StageConnectionState.CONNECTING
        ? 'The connection was lost and is being restored. You need not do anything.'
        : 'There is no connection to the stage. Check your network; we keep trying.';
    },

    init(): void {
      desk.attach(this);
      media.onChange(() => {
        this.noMicrophone = !media.has('microphone');
        this.noCamera = !media.has('camera');
        this.cameraMuted = media.muted('camera');
        view?.refresh();
      });
      media.onFailure((words) => view && desk.say(words));
      desk.screen.changed = () => {
        this.sharing = desk.screen.active;
        desk.announce(this.sharing ? 'Your screen is shared.' : 'Your screen is not shared any more.');
      };
      desk.screen.failed = (words) => desk.say(words);
      setInterval(() => this.tick(), 250);
      document.addEventListener('keydown', (event) => this.key(event));
      addEventListener('online', () => view?.refresh());
    },

    /** Goes on stage; the promise is settled when one is there, or is not. */
    async open(ticket: StudioTicket): Promise<void> {
      this.close();
      everConnected = false;
      this.connection = StageConnectionState.CONNECTING;
      const opened = new StageView(desk.page, ticket, media, desk.meter, {
        state: (state) => {
          everConnected ||= state === StageConnectionState.CONNECTED;
          this.connection = state;
        },
        live: (live, since) => this.showLive(live, since),
        viewers: (count) => (this.viewers = count),
        members: (members) => this.showMembers(members),
        speaking: (id, speaking) => {
          const person = this.people.find((other) => other.id === id);
          if (person) person.speaking = speaking;
        },
        left: (reason, message) => desk.left(reason, message),
        failed: (error) => desk.failed(error),
        remove: (member) => this.askRemove(member),
        setOnAir: (member, onAir) => void this.attempt(() => api.setOnAir(member.id, onAir)),
      });
      view = opened;
      await opened.join();
    },

    close(): void {
      desk.screen.stop();
      view?.close();
      view = undefined;
      for (const id of ['devices', 'remove-dialog', 'invitations']) dialog(id)?.close();
      this.showLive(false, undefined);
      this.people = [];
    },

    tick(): void {
      const now = Date.now();
      this.elapsed = this.live ? elapsed(this.since, now) : '00:00';
      if (!this.live || this.troubled || view?.sending !== false) lastSent = now;
      this.deserted = now - lastSent > settled;
    },

    showLive(live: boolean, since: Date | undefined): void {
      if (live !== this.live) desk.announce(live ? 'On air.' : 'Off air.');
      if (!live && this.live && this.deserted && view) desk.say('The broadcast has ended by itself: nobody on stage sent picture or sound.');
      this.live = live;
      this.since = since?.getTime() ?? Date.now();
      this.elapsed = live ? elapsed(this.since, Date.now()) : '00:00';
      document.title = document.title.replace(/^● /, '');
      if (live) document.title = `● ${document.title}`;
    },

    showMembers(members: readonly Member[]): void {
      const now = people(members, this.people);
      const words = changesInWords(this.people, now);
      if (words) desk.announce(words);
      this.people = now;
    },

    toggleMicrophone(): void {
      this.microphoneMuted = this.toggle('microphone');
    },
    toggleCamera(): void {
      this.cameraMuted = this.toggle('camera');
    },
    toggle(kind: Kind): boolean {
      const muted = !media.muted(kind);
      media.setMuted(kind, muted);
      desk.announce(`Your ${kind} is ${muted ? 'off' : 'on'}.`);
      return muted;
    },

    key(event: KeyboardEvent): void {
      const busy = event.ctrlKey || event.metaKey || event.altKey || event.repeat || document.querySelector('dialog[open]') !== null;
      const typing = (event.target as Element).closest?.('input, textarea, select') != null;
      if (!view || busy || typing) return;
      if (event.key.toLowerCase() === 'm' && !this.noMicrophone) this.toggleMicrophone();
      if (event.key.toLowerCase() === 'v' && !this.noCamera) this.toggleCamera();
    },

    async toggleScreen(): Promise<void> {
      if (desk.screen.active) return desk.screen.stop();
      const problem = await desk.screen.start(desk.channel);
      if (problem) desk.say(problem);
    },

    openDevices(): void {
      dialog('devices').showModal();
    },
    openInvitations(): void {
      dialog('invitations').dispatchEvent(new Event('open-invitations'));
    },

    async toggleLive(): Promise<void> {
      this.switching = true;
      await this.attempt(() => api.setLive(!this.live));
      this.switching = false;
    },

    askRemove(member: Member): void {
      leaving = member;
      this.leavingName = member.isScreen ? `${member.name}’s screen` : member.name;
      this.leavingText = member.isScreen
        ? `The screen goes, ${member.name} stays, and may share one again.`
        : 'The connection ends at once, and the link that was used lets nobody in again: a new invitation is needed to return.';
      (document.getElementById('remove-reason') as HTMLInputElement).value = '';
      dialog('remove-dialog').showModal();
    },
    async confirmRemove(): Promise<void> {
      const reason = (document.getElementById('remove-reason') as HTMLInputElement).value;
      if (leaving) await this.attempt(() => api.remove(leaving?.id ?? '', reason));
      leaving = undefined;
    },

    cancelRemove(): void {
      leaving = undefined;
      dialog('remove-dialog').close();
    },

    async attempt(action: () => Promise<unknown>): Promise<void> {
      try {
        await action();
      } catch (error) {
        desk.say(sentence(error));
      }
    },
  };
}
