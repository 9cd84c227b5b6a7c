// The page's connection to a stage, over the public interface of the SDK: events go into a roster, and out comes "look again".
import {
  Stage,
  StageErrorCode,
  StageEvents,
  StreamCatEvents,
  type StageConnectionState,
  type StageError,
  type StageLayout,
  type StageLeftReason,
  type StageParticipantInfo,
  type StageStrategy,
  type StageStream,
} from '/sdk/streamcat.js';
import { Roster } from './roster.js';

export interface ConferenceEvents {
  /** Somebody or something in the picture changed: draw again. */
  changed(): void;
  state(state: StageConnectionState): void;
  live(live: boolean, since: Date | undefined): void;
  viewers(count: number): void;
  left(reason: StageLeftReason, message: string): void;
  /** After the SDK's own retries. */
  failed(error: StageError): void;
}

export class Conference {
  readonly roster = new Roster();
  layout: StageLayout | undefined;

  readonly #stage: Stage;
  readonly #events: ConferenceEvents;
  #over = false;

  constructor(token: string, strategy: StageStrategy, events: ConferenceEvents) {
    this.#stage = new Stage(token, strategy);
    this.#events = events;
    this.#listen();
  }

  async join(): Promise<void> {
    await this.#stage.join();
    if (this.#over) {
      this.#stage.leave();
      return;
    }
    this.#events.live(this.#stage.live, this.#stage.liveSince);
    this.layout = this.#stage.layout ?? this.layout;
    this.#events.viewers(this.#stage.viewerCount);
    this.#events.changed();
  }

  /** Leaves for good; no event arrives afterwards. */
  leave(): void {
    this.#over = true;
    this.#stage.leave();
    this.#stage.removeAllListeners();
    this.roster.clear();
  }

  refresh(): void {
    if (!this.#over) this.#stage.refreshStrategy();
  }

  #listen(): void {
    const stage = this.#stage;
    const then = <A extends unknown[]>(change: (...args: A) => void) => (...args: A) => {
      if (this.#over) return;
      change(...args);
      this.#events.changed();
    };
    const update = then((participant: StageParticipantInfo) => void this.roster.update(participant));
    stage.on(StageEvents.STAGE_PARTICIPANT_JOINED, update);
    stage.on(StageEvents.STAGE_PARTICIPANT_METADATA_CHANGED, update);
    stage.on(StageEvents.STAGE_PARTICIPANT_PUBLISH_STATE_CHANGED, update);
    stage.on(StreamCatEvents.ON_AIR_CHANGED, update);
    stage.on(StageEvents.STAGE_PARTICIPANT_LEFT, then((participant: StageParticipantInfo) => this.roster.leave(participant)));
    stage.on(StageEvents.STAGE_PARTICIPANT_STREAMS_ADDED, then((participant: StageParticipantInfo, streams: StageStream[]) => this.roster.add(participant, streams)));
    stage.on(StageEvents.STAGE_PARTICIPANT_STREAMS_REMOVED, then((participant: StageParticipantInfo, streams: StageStream[]) => this.roster.remove(participant, streams)));
    stage.on(StageEvents.STAGE_STREAM_MUTE_CHANGED, then((participant: StageParticipantInfo, stream: StageStream) => this.roster.mute(participant, stream)));
    stage.on(StreamCatEvents.LAYOUT_CHANGED, then((layout: StageLayout) => void (this.layout = layout)));

    const pass = <A extends unknown[]>(tell: (...args: A) => void) => (...args: A) => {
      if (!this.#over) tell(...args);
    };
    stage.on(StageEvents.STAGE_CONNECTION_STATE_CHANGED, pass((state: StageConnectionState) => this.#events.state(state)));
    stage.on(StreamCatEvents.LIVE_CHANGED, pass(({ live, since }: { live: boolean; since?: Date }) => this.#events.live(live, since)));
    stage.on(StreamCatEvents.VIEWER_COUNT_CHANGED, pass((count: number) => this.#events.viewers(count)));
    stage.on(StageEvents.ERROR, pass((error: StageError) => this.#events.failed(error)));
    stage.on(StageEvents.STAGE_LEFT, pass((reason: StageLeftReason, message: string) => this.#events.left(reason, message)));
  }
}

/** Says whether a new token would help where this error came from. */
export function tokenSpent(error: unknown): boolean {
  const code = (error as Partial<StageError> | null)?.code;
  return code === StageErrorCode.TOKEN_EXPIRED || code === StageErrorCode.TOKEN_MALFORMED;
}

/** What to say to the person about a stage error. */
export function stageSentence(error: unknown): string {
  const { code, message } = (error ?? {}) as { code?: number; message?: string };
  switch (code) {
    case StageErrorCode.TOKEN_EXPIRED:
    case StageErrorCode.TOKEN_MALFORMED:
      return 'Your pass for this stage is no longer good. Reload the page to get a new one.';
    case StageErrorCode.TIMEOUT:
    case StageErrorCode.FAILED:
      return 'The connection to the stage did not come about. Check your network; a firewall that blocks UDP does this too.';
    case StageErrorCode.STAGE_AT_CAPACITY:
      return 'The stage is full: nobody else can be on it until somebody leaves.';
    case StageErrorCode.CODEC_MISMATCH:
      return 'This browser speaks none of the video formats of this stage. Try another browser.';
    case StageErrorCode.TOKEN_NOT_ALLOWED:
      return 'You may watch this stage, but not be on it.';
    case StageErrorCode.STAGE_DELETED:
      return 'This stage does not exist any more.';
    case StageErrorCode.PARTICIPANT_DISCONNECTED:
      return 'You were removed from this stage. To return you need a new invitation.';
  }
  return message || 'Something went wrong on the way to the stage. Reload the page.';
}
