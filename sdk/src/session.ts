import type { Advice } from './advice.js';
import { StageConnectionState, StageLeftReason } from './enums.js';
import type { Emitter } from './emitter.js';
import { Refusal, StageError, StageErrorCategory, StageErrorCode } from './errors.js';
import type { StageEventMap } from './events.js';
import { News } from './news.js';
import { LocalParticipant } from './participant.js';
import type { StageParticipantInfo } from './participant.js';
import type { ClientMessage, ServerMessage } from './protocol.js';
import { Publisher } from './publisher.js';
import { Roster } from './roster.js';
import { Signal } from './signal.js';
import { Subscriber } from './subscriber.js';
import type { TokenClaims } from './token.js';
import { addressFor } from './whip.js';
import type { Requests } from './whip.js';

/** Tells the app. */
export type Emit = <E extends keyof StageEventMap>(event: E, ...args: StageEventMap[E]) => void;

/** What the parts of a session share. */
export interface SessionContext {
  readonly claims: TokenClaims;
  readonly requests: Requests;
  readonly emit: Emit;
  batch(change: () => void): void;
  /** Says something to the server that holds until the next of its type. */
  declare(message: Extract<ClientMessage, { payload: object }>): void;
  /** Asks the strategy; see Advice. */
  readonly ask: Advice['ask'];
  /** Adds to an address who is asking. */
  address(url: string): string;
}

/** What a session is made of. */
export interface SessionOptions {
  readonly claims: TokenClaims;
  readonly requests: Requests;
  readonly emitter: Emitter<StageEventMap>;
  readonly advice: Advice;
  /** Where the connection state goes. */
  onstate(state: StageConnectionState): void;
  /** The session is over; `done` when the server has been told. */
  onover(done: Promise<void>): void;
}

const joinsWithin = 30_000; // ms

/** One stay on a stage, from `join()` to leaving. It ties the signal, the roster, the publisher and the subscriber together. */
export class Session {
  readonly #options: SessionOptions;
  readonly #local: LocalParticipant;
  readonly #signal: Signal;
  readonly #roster: Roster;
  readonly #publisher: Publisher;
  readonly #subscriber: Subscriber;
  readonly #emit: Emit;
  readonly #stopListening: (() => void)[];
  readonly joined: Promise<void>;
  readonly news: News;
  readonly #settle: { resolve(): void; reject(error: StageError): void };
  #joinTimer: unknown;
  #arrived = false; // a first WELCOME came
  #up = false;
  #over = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    const { claims, requests, emitter } = options;
    this.#emit = (event, ...args) => emitter.emit(event, ...args);
    let settle!: { resolve(): void; reject(error: StageError): void };
    this.joined = new Promise((resolve, reject) => (settle = { resolve, reject }));
    this.joined.catch(() => undefined); // an app that ignores what join() returns still gets the ERROR event
    this.#settle = settle;
    this.news = new News(this.#emit);
    const context: SessionContext = {
      claims,
      requests,
      emit: this.#emit,
      batch: (change) => emitter.batch(change),
      declare: (message) => this.#signal.declare(message),
      ask: (name, question, last) => options.advice.ask(name, question, last),
      address: (url) => addressFor(url, requests.platform.client()),
    };
    this.#local = new LocalParticipant(claims);
    this.#publisher = new Publisher(context, this.#local);
    this.#subscriber = new Subscriber(context, () => this.#roster.remotes);
    this.#roster = new Roster(this.#local, this.#emit, {
      onunpublished: (participant) => this.#subscriber.unpublished(participant),
      onmuted: (participant) => this.#subscriber.muted(participant),
      onleft: (participant) => this.#subscriber.forget(participant),
    });
    this.#signal = new Signal(requests, context.address(`${claims.eventsUrl}/${encodeURIComponent(claims.stageId)}`), {
      onwelcome: (welcome) => emitter.batch(() => this.#welcome(welcome)),
      onmessage: (message) => emitter.batch(() => this.#receive(message)),
      ondown: () => emitter.batch(() => this.#down()),
      onoverdue: (refusal) => emitter.batch(() => this.#overdue(refusal)),
      onrefused: (refusal) => emitter.batch(() => this.#refused(refusal)),
    });
    const { platform } = requests;
    this.#stopListening = [platform.onOnline(() => this.#hurry()), platform.onPageHide(() => this.leave())];
  }

  get participants(): StageParticipantInfo[] {
    return this.#roster.participants;
  }

  /** Joins, once what was before has ended. */
  open(before: Promise<void>): void {
    this.#options.onstate(StageConnectionState.CONNECTING);
    this.#joinTimer = this.#options.requests.platform.setTimeout(() => {
      const refusal = new Refusal(StageErrorCode.TIMEOUT, this.#signal.trouble ?? 'The stage did not answer.', false);
      this.#options.emitter.batch(() => this.#refused(refusal));
    }, joinsWithin);
    void before.then(() => {
      if (!this.#over) this.#signal.open();
    });
  }

  /** Leaves because the app, or the page, wants to. */
  leave(): void {
    this.#options.emitter.batch(() => {
      if (this.#over) return;
      this.#end(StageConnectionState.DISCONNECTED);
      this.#settle.reject(new StageError(StageErrorCode.CANCELED, StageErrorCategory.JOIN_ERROR, 'The stage was left before it was joined.'));
      this.#emit('stageLeft', StageLeftReason.USER_INITIATED, '');
    });
  }

  /** Asks the strategy about everything and applies the differences. */
  refresh(): void {
    if (!this.#arrived || this.#over) return;
    this.#options.emitter.batch(() => this.#options.advice.round(() => {
      this.#publisher.sync();
      this.#subscriber.sync();
    }));
  }

  #welcome(welcome: Extract<ServerMessage, { type: 'WELCOME' }>): void {
    this.#up = true;
    this.#options.requests.platform.clearTimeout(this.#joinTimer);
    this.#options.onstate(StageConnectionState.CONNECTED);
    this.#subscriber.slots = welcome.slots;
    if (!this.#arrived) {
      this.#arrived = true;
      this.#emit('stageParticipantJoined', this.#local);
      this.#settle.resolve();
    }
    this.#publisher.resume(welcome.resources);
    this.#subscriber.resume(welcome.resources);
    this.refresh();
  }

  #receive(message: ServerMessage): void {
    switch (message.type) {
      case 'STAGE_STATE':
        this.#subscriber.slots = message.slots;
        this.#roster.apply(message.participants);
        this.refresh();
        break;
      case 'MUTE_CHANGED':
        this.#roster.mute(message.participantId, message.audioMuted, message.videoStopped);
        break;
      case 'LEFT':
        this.#left(message.reason, message.message);
        break;
      case 'ERROR':
        console.warn(`StreamCat: the server refused a message: ${message.code} ${message.message}`);
        break;
      default:
        this.news.receive(message);
    }
  }

  /** The socket is gone, and comes back by itself. */
  #down(): void {
    this.#up = false;
    this.#options.onstate(StageConnectionState.CONNECTING);
    this.#publisher.suspend();
    this.#subscriber.suspend();
  }

  /** It has not come back for long. */
  #overdue(refusal: Refusal): void {
    if (!this.#arrived) return; // the timer of join() speaks
    this.#options.onstate(StageConnectionState.ERRORED);
    this.#emit('error', refusal.toStageError(StageErrorCategory.JOIN_ERROR));
  }

  /** It will not come back, or has never come. */
  #refused(refusal: Refusal): void {
    if (this.#over) return;
    const error = refusal.toStageError(StageErrorCategory.JOIN_ERROR);
    const wasThere = this.#arrived;
    this.#end(StageConnectionState.ERRORED);
    this.#settle.reject(error);
    this.#emit('error', error);
    if (wasThere) this.#emit('stageLeft', refusalReasons[error.code] ?? StageLeftReason.UNKNOWN, error.message);
  }

  /** The server has sent this client away. */
  #left(reason: string, message: string): void {
    if (reason === 'server-shutdown') return; // the socket closes next, and is opened again
    const known = Object.values(StageLeftReason).find((r) => r === reason) ?? StageLeftReason.UNKNOWN;
    this.#end(StageConnectionState.ERRORED, false);
    this.#settle.reject(new StageError(StageErrorCode.CANCELED, StageErrorCategory.JOIN_ERROR, message || `Left the stage: ${reason}.`));
    this.#emit('stageLeft', known, message);
  }

  /** Lets go of everything: streams, publications, participants, the connection; told in this order. */
  #end(state: StageConnectionState, goodbye = true): void {
    this.#over = true;
    this.#options.requests.platform.clearTimeout(this.#joinTimer);
    for (const stop of this.#stopListening) stop();
    const { told, done } = this.#signal.close(goodbye);
    this.#roster.clear();
    this.#subscriber.close(!told);
    this.#publisher.close(!told);
    if (this.#arrived) this.#emit('stageParticipantLeft', this.#local);
    this.#options.onstate(state);
    this.#options.onover(done);
  }

  #hurry(): void {
    this.#signal.hurry();
    if (!this.#up) return;
    this.#options.emitter.batch(() => {
      this.#publisher.hurry();
      this.#subscriber.hurry();
    });
  }
}

/** Refusals of a reconnection that say the same as LEFT. */
const refusalReasons: Partial<Record<StageErrorCode, StageLeftReason>> = {
  [StageErrorCode.PARTICIPANT_DISCONNECTED]: StageLeftReason.PARTICIPANT_DISCONNECTED,
  [StageErrorCode.STAGE_DELETED]: StageLeftReason.STAGE_DELETED,
};
