// Somebody on stage in the studio: the conference, and everything that is drawn and played from it.
import { SubscribeType, type StageStrategy } from '/sdk/streamcat.js';
import type { StudioTicket } from './api.js';
import { Composite } from './composite.js';
import { Conference, type ConferenceEvents } from './conference.js';
import { Meter, Speaking } from './level.js';
import type { LocalMedia } from './local-media.js';
import type { Member } from './roster.js';
import { Sound } from './sound.js';
import { Tiles, type TileActions } from './tiles.js';

const tick = 100; // milliseconds between two looks at the levels

/** What of it the page shows in its own words. */
export interface StageViewEvents extends Omit<ConferenceEvents, 'changed'>, TileActions {
  members(members: readonly Member[]): void;
  speaking(id: string, speaking: boolean): void;
}

export class StageView {
  readonly #conference: Conference;
  readonly #tiles: Tiles;
  readonly #composite: Composite;
  readonly #sound: Sound;
  readonly #meter: Meter;
  readonly #speaking = new Map<string, { judge: Speaking; is: boolean }>();
  readonly #events: StageViewEvents;
  readonly #local: string;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(page: HTMLElement, ticket: StudioTicket, media: LocalMedia, meter: Meter, events: StageViewEvents) {
    this.#events = events;
    this.#local = ticket.participantId;
    this.#meter = meter;
    const part = (id: string) => page.querySelector(`#${id}`) as HTMLElement;
    this.#tiles = new Tiles(part('tiles'), events);
    this.#composite = new Composite(part('composite'));
    this.#sound = new Sound(part('audio'));
    const strategy: StageStrategy = {
      // A screen of one's own is seen too, as the audience sees it; render() does not play its sound.
      shouldSubscribeToParticipant: () => SubscribeType.AUDIO_VIDEO,
      shouldPublishParticipant: () => true,
      stageStreamsToPublish: () => media.streams(),
    };
    this.#conference = new Conference(ticket.token, strategy, { ...pick(events), changed: () => this.#render() });
    this.#timer = setInterval(() => this.#listen(), tick);
  }

  join(): Promise<void> {
    return this.#conference.join();
  }

  /** Says whether anybody on stage sends picture or sound. */
  get sending(): boolean {
    return this.#conference.roster.members.some(({ audio, video }) => audio !== null || video !== null);
  }

  /** To be called when a device was swapped. */
  refresh(): void {
    this.#conference.refresh();
  }

  /** Leaves the stage and clears the page. */
  close(): void {
    clearInterval(this.#timer);
    this.#conference.leave();
    this.#meter.clear();
    this.#tiles.render([]);
    this.#composite.render(undefined, []);
    this.#sound.render([]);
  }

  #render(): void {
    const members = this.#conference.roster.members;
    this.#tiles.render(members);
    this.#composite.render(this.#conference.layout, members);
    this.#sound.render(members.filter((member) => !this.#own(member)));
    for (const id of [...this.#speaking.keys()]) {
      if (members.some((member) => member.id === id)) continue;
      this.#speaking.delete(id);
      this.#meter.set(id, null);
    }
    for (const member of members) {
      if (!this.#speaking.has(member.id)) this.#speaking.set(member.id, { judge: new Speaking(), is: false });
      this.#meter.set(member.id, member.audioMuted ? null : member.audio);
    }
    this.#events.members(members);
  }

  // The person's own voice, and the sound of the own screen, would come back as an echo.
  #own(member: Member): boolean {
    return member.isLocal || member.of === this.#local;
  }

  #listen(): void {
    const now = performance.now();
    for (const [id, mark] of this.#speaking) {
      const is = mark.judge.update(this.#meter.level(id), now);
      if (is === mark.is) continue;
      mark.is = is;
      this.#tiles.setSpeaking(id, is);
      this.#events.speaking(id, is);
    }
  }
}

function pick({ state, live, viewers, left, failed }: StageViewEvents): Omit<ConferenceEvents, 'changed'> {
  return { state, live, viewers, left, failed };
}
