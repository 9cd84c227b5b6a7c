// The studio page: from the green room onto the stage and off it again.
import Alpine from '@alpinejs/csp';
import { StageErrorCategory, StageErrorCode, StageLeftReason, type StageError } from '/sdk/streamcat.js';
import { api, ApiError, sentence, type StudioTicket } from './api.js';
import { stageSentence, tokenSpent } from './conference.js';
import { controlRoom, type Room } from './control-room.js';
import { deviceChoice } from './device-choice.js';
import { greenRoom } from './green-room.js';
import { invitations } from './invitations.js';
import { Meter } from './level.js';
import { LocalMedia } from './local-media.js';
import { ScreenShare } from './screen-share.js';
import { leftJustNow, noteLeaving } from './visit.js';
import { WakeLock } from './wake-lock.js';

type Phase = 'green-room' | 'joining' | 'on-stage' | 'removed' | 'taken-over' | 'left';

const page = document.getElementById('studio-page') as HTMLElement;
const channel = page.dataset['channel'] ?? '';
const takeover = document.getElementById('takeover') as HTMLDialogElement;
const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

// These stay out of Alpine's data: it would wrap them in proxies.
const media = new LocalMedia();
const meter = new Meter();
const screen = new ScreenShare();
const wakeLock = new WakeLock();
// The components of the page, as soon as Alpine has made them.
let main: ReturnType<typeof studio> | undefined;
let room: Room | undefined;

function studio() {
  return {
    phase: 'green-room' as Phase,
    problem: '',
    announcement: '',
    reason: '',
    countdown: 5,
    busy: false,
    renewing: false, // a spent token is being replaced: the old stay ends, and that is not news

    init(): void {
      main = this;
      addEventListener('pagehide', () => {
        if (this.phase !== 'on-stage' && this.phase !== 'joining') return;
        noteLeaving();
        room?.close(); // a clean goodbye, so that nobody sees a frozen tile
        media.close();
      });
      addEventListener('pageshow', (event) => {
        if (event.persisted) location.reload();
      });
      takeover.addEventListener('cancel', () => this.free());
      (this as unknown as { $watch(name: string, then: () => void): void }).$watch('phase', () => this.refocus());
    },

    /** What had the focus goes with its part of the page: who uses the keyboard, or listens, is taken along to the next. */
    refocus(): void {
      requestAnimationFrame(() => {
        if (document.activeElement?.checkVisibility() && document.activeElement !== document.body) return;
        page.querySelector<HTMLElement>(`[data-for="${this.phase}"] [data-focus], [data-for="${this.phase}"][data-focus]`)?.focus({ preventScroll: true });
      });
    },
    /** The button to enter may be pressed again. */
    free(): void {
      this.busy = false;
      this.refocus();
    },

    dismiss(): void {
      this.problem = '';
    },

    /** Enters, unless the person is on this stage elsewhere: then asks first. */
    async enter(): Promise<void> {
      this.busy = true;
      this.problem = '';
      void meter.resume();
      try {
        let ticket = await api.studio(channel);
        for (let i = 0; ticket.inUse && leftJustNow() && i < 6; i++) {
          await sleep(1000);
          ticket = await api.studio(channel);
        }
        if (ticket.inUse) takeover.showModal();
        else await this.go(ticket);
      } catch (error) {
        this.refused(error);
      }
    },
    async takeOver(): Promise<void> {
      takeover.close();
      await this.enterAnyway();
    },
    cancelTakeover(): void {
      takeover.close();
      this.free();
    },
    async takeBack(): Promise<void> {
      void meter.resume();
      const problem = await media.open();
      if (problem) this.problem = problem;
      await this.enterAnyway();
    },
    async enterAnyway(): Promise<void> {
      this.busy = true;
      try {
        await this.go(await api.studio(channel));
      } catch (error) {
        this.refused(error);
      }
    },

    async go(ticket: StudioTicket): Promise<void> {
      this.phase = 'joining';
      try {
        await room?.open(ticket);
        // It may have ended already, by a takeover or a removal.
        if (this.phase === 'joining') {
          this.phase = 'on-stage';
          wakeLock.hold(true);
          this.announcement = 'You are on stage.';
        }
      } catch (error) {
        if (this.phase === 'joining') this.backToGreenRoom(stageSentence(error));
      } finally {
        this.free();
      }
    },

    refused(error: unknown): void {
      this.free();
      if (error instanceof ApiError && error.status === 401) {
        location.assign(`/login?next=${encodeURIComponent(location.pathname)}`);
        return;
      }
      this.backToGreenRoom(sentence(error));
    },
    backToGreenRoom(problem: string): void {
      room?.close();
      wakeLock.hold(false);
      this.problem = problem;
      if (this.phase !== 'green-room') {
        this.phase = 'green-room';
        void media.open();
      }
    },

    /** Ends being here: nothing is sent and no camera is on afterwards. */
    stop(phase: Phase): void {
      this.phase = phase;
      room?.close();
      media.close();
      wakeLock.hold(false);
      this.problem = '';
    },
    leave(): void {
      this.stop('left');
      location.assign(page.dataset['back'] ?? '/');
    },

    onLeft(reason: StageLeftReason, message: string): void {
      switch (reason) {
        case StageLeftReason.USER_INITIATED:
          return;
        case StageLeftReason.TOKEN_REUSED:
          this.stop('taken-over');
          this.announcement = 'You are on stage somewhere else. Camera and microphone are off here.';
          return;
        case StageLeftReason.PARTICIPANT_DISCONNECTED:
          this.removed(message || 'The host has removed you from the stage.');
          return;
        case StageLeftReason.STAGE_DELETED:
          this.removed('This stage was closed.');
          return;
      }
      if (this.renewing) return;
      this.backToGreenRoom(message || 'The connection to the stage has ended. Enter again when you are ready.');
    },
    onFailed(error: StageError): void {
      switch (error.code) {
        case StageErrorCode.PARTICIPANT_DISCONNECTED:
        case StageErrorCode.STAGE_DELETED:
          this.removed(stageSentence(error));
          return;
      }
      if (this.phase === 'on-stage') {
        if (tokenSpent(error)) {
          this.renewing = true;
          void this.enterAnyway().finally(() => (this.renewing = false));
          return;
        }
        // The SDK goes on trying to get back, and the lamp says so.
        if (error.category === StageErrorCategory.JOIN_ERROR) return;
      }
      if (error.code !== StageErrorCode.CANCELED) this.problem = stageSentence(error);
    },
    removed(reason: string): void {
      if (this.phase === 'removed') return;
      this.stop('removed');
      this.reason = reason;
      this.countdown = 5;
      const timer = setInterval(() => {
        this.countdown = Math.max(0, this.countdown - 1);
        if (this.countdown > 0) return;
        clearInterval(timer);
        location.assign(`/@${channel}`);
      }, 1000);
    },
  };
}

Alpine.data('studio', studio);
Alpine.data('greenRoom', () => greenRoom(media, meter));
Alpine.data('deviceChoice', () => deviceChoice(media));
Alpine.data('invitations', invitations);
Alpine.data('controlRoom', () =>
  controlRoom({
    page,
    channel,
    media,
    meter,
    screen,
    attach: (control) => (room = control),
    say: (problem) => main && (main.problem = problem),
    announce: (words) => main && (main.announcement = words),
    left: (reason, message) => main?.onLeft(reason, message),
    failed: (error) => main?.onFailed(error),
  }),
);

Alpine.start();
