import { Advice, checked } from './advice.js';
import { Emitter } from './emitter.js';
import { StageConnectionState } from './enums.js';
import { Refusal, StageErrorCategory } from './errors.js';
import type { StageEventMap } from './events.js';
import type { StageParticipantInfo } from './participant.js';
import type { Platform } from './platform.js';
import { browser } from './platform.js';
import type { StageLayout } from './protocol.js';
import { Session } from './session.js';
import type { StageStrategy } from './strategy.js';
import { readToken } from './token.js';
import type { TokenClaims } from './token.js';

/** Settings of a stage; there are none for apps yet. */
export interface StageConfiguration {
  /** What takes the place of the browser in tests. @internal */
  platform?: Platform;
}

/** A stage as one participant, the holder of the token, sees it. Making one does nothing; `join()` connects. */
export class Stage {
  readonly #token: string;
  readonly #platform: Platform;
  readonly #emitter = new Emitter<StageEventMap>();
  readonly #advice: Advice;
  #state: StageConnectionState = StageConnectionState.DISCONNECTED;
  #session: Session | undefined;
  #before: Promise<void> = Promise.resolve(); // the end of the last session

  constructor(token: string, strategy: StageStrategy, config: StageConfiguration = {}) {
    this.#token = token;
    this.#advice = new Advice(strategy);
    this.#platform = config.platform ?? browser;
  }

  /**
   * Connects. It resolves when connected and rejects with a StageError: at once for a token that is refused, after thirty seconds of tries
   * when the stage cannot be reached. On a stage that is joined it does nothing; after `leave()` it joins again.
   */
  join(): Promise<void> {
    if (this.#session) return this.#session.joined;
    let claims: TokenClaims;
    try {
      claims = readToken(this.#token);
    } catch (refusal) {
      const error = (refusal as Refusal).toStageError(StageErrorCategory.JOIN_ERROR);
      this.#emitter.batch(() => {
        this.#setState(StageConnectionState.ERRORED);
        this.#emitter.emit('error', error);
      });
      return Promise.reject(error);
    }
    const session = new Session({
      claims,
      requests: { platform: this.#platform, token: this.#token },
      emitter: this.#emitter,
      advice: this.#advice,
      onstate: (state) => this.#setState(state),
      onover: (done) => {
        this.#session = undefined;
        this.#before = done;
      },
    });
    this.#session = session;
    session.open(this.#before);
    return session.joined;
  }

  /** Stops publishing and subscribing, and disconnects. */
  leave(): void {
    this.#session?.leave();
  }

  /** Asks all functions of the strategy again and applies the differences. Call it whenever one would answer differently. */
  refreshStrategy(): void {
    this.#session?.refresh();
  }

  /** Puts another strategy in place and applies the differences. */
  replaceStrategy(strategy: StageStrategy): void {
    this.#advice.strategy = checked(strategy);
    this.refreshStrategy();
  }

  /** Adds a listener, called with `context` as `this`. */
  on<E extends keyof StageEventMap>(event: E, callback: (...args: StageEventMap[E]) => void, context?: unknown): void {
    this.#emitter.on(event, callback, context);
  }

  /** Removes a listener. */
  off<E extends keyof StageEventMap>(event: E, callback: (...args: StageEventMap[E]) => void, context?: unknown): void {
    this.#emitter.off(event, callback, context);
  }

  removeAllListeners(): void {
    this.#emitter.removeAllListeners();
  }

  hasListenersFor(event: keyof StageEventMap): boolean {
    return this.#emitter.hasListenersFor(event);
  }

  /** The state that STAGE_CONNECTION_STATE_CHANGED told last. Ours, not IVS. */
  get connectionState(): StageConnectionState {
    return this.#state;
  }

  /** Whether the audience receives; on a stage that is not gated it always does. Ours, not IVS. */
  get live(): boolean {
    return this.#session?.news.live.live ?? false;
  }

  /** Since when, on a gated stage that is live. Ours, not IVS. */
  get liveSince(): Date | undefined {
    return this.#session?.news.live.since;
  }

  /** Where the composite shows whom. Ours, not IVS. */
  get layout(): StageLayout {
    return this.#session?.news.layout ?? { columns: 24, rows: 24, tiles: [] };
  }

  /** How many are connected that cannot publish. Ours, not IVS. */
  get viewerCount(): number {
    return this.#session?.news.viewerCount ?? 0;
  }

  /** Whom the server lists, in its order; the local participant among them when it is listed. Ours, not IVS. */
  get participants(): StageParticipantInfo[] {
    return this.#session?.participants ?? [];
  }

  #setState(state: StageConnectionState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#emitter.emit('stageConnectionStateChanged', state);
  }
}
