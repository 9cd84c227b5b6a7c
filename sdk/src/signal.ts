import { backoff } from './backoff.js';
import { Refusal, StageErrorCode } from './errors.js';
import { parseMessage } from './protocol.js';
import type { ClientMessage, ServerMessage } from './protocol.js';
import type { Socket } from './socket.js';
import { probe } from './whip.js';
import type { Requests } from './whip.js';

const answersWithin = 8_000; // ms from opening the socket to WELCOME
const pingEvery = 5_000; // ms
const pongWithin = 5_000; // ms; a dead network closes no socket
const hurriedPongWithin = 2_000; // ms, when the browser says that the network has changed
const givesUpAfter = 30_000; // ms of trying until it is called an error
const leavesWithin = 1_000; // ms to say goodbye
const burst = 10; // messages at once, then one every
const stateEvery = 100; // ms; the server allows 20 a second in bursts of 40

/** What the signal tells its session. */
export interface SignalListener {
  onwelcome(welcome: Extract<ServerMessage, { type: 'WELCOME' }>): void;
  onmessage(message: ServerMessage): void;
  /** The socket broke after a WELCOME; tries to get it back have begun. */
  ondown(): void;
  /** Thirty seconds of tries were in vain. Tries go on. */
  onoverdue(refusal: Refusal): void;
  /** There is no coming back. */
  onrefused(refusal: Refusal): void;
}

/** What was declared, what of it was said on the current socket, and when the rest will be. */
interface Declaration {
  text: string;
  said: string | undefined;
  timer: unknown;
}

/** The events socket: opened, watched and opened again until it is closed. docs/protocol.md section 4 */
export class Signal {
  readonly #requests: Requests;
  readonly #url: string;
  readonly #listener: SignalListener;
  readonly #declared = new Map<string, Declaration>();
  #socket: Socket | undefined;
  #welcomed = false;
  #closed = false;
  #tries = 0;
  #since = 0;
  #overdue = false;
  #trouble: string | undefined;
  #budgetFrom = 0; // when the whole burst is available again
  #waiting = false; // between two tries
  #timer: unknown; // of the current phase: next try, WELCOME, next PING or PONG

  constructor(requests: Requests, url: string, listener: SignalListener) {
    this.#requests = requests;
    this.#url = url;
    this.#listener = listener;
  }

  open(): void {
    this.#since = this.#now();
    this.#connect();
  }

  /** Why the last try did not work. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** Says what this client wants: the newest message of a type counts, and is said again after a reconnection. */
  declare(message: Extract<ClientMessage, { payload: object }>): void {
    const entry = this.#declared.get(message.type) ?? { text: '', said: undefined, timer: undefined };
    entry.text = JSON.stringify(message);
    this.#declared.set(message.type, entry);
    if (!this.#welcomed || entry.timer !== undefined) return;
    const wait = this.#budgetFrom - this.#now() - (burst - 1) * stateEvery;
    if (wait <= 0) this.#say(entry);
    else entry.timer = this.#requests.platform.setTimeout(() => this.#say(entry), wait);
  }

  /** The network may be back: tries now, or finds out whether the open socket still works. */
  hurry(): void {
    if (this.#closed) return;
    if (this.#waiting) this.#connect();
    else if (this.#welcomed) this.#ping(hurriedPongWithin);
  }

  /** Says goodbye, unless the server did, and closes. Whether the server knows is the result. */
  close(goodbye: boolean): { told: boolean; done: Promise<void> } {
    const socket = this.#socket;
    const told = this.#welcomed && socket !== undefined;
    this.#end();
    if (!socket) return { told, done: Promise.resolve() };
    if (told && goodbye) socket.send(JSON.stringify({ type: 'LEAVE' }));
    const done = new Promise<void>((resolve) => {
      const timer = this.#requests.platform.setTimeout(() => {
        socket.close();
        resolve();
      }, told ? leavesWithin : 0);
      socket.onclose = () => {
        this.#requests.platform.clearTimeout(timer);
        resolve();
      };
    });
    return { told, done };
  }

  #connect(): void {
    this.#waiting = false;
    this.#clear();
    let opened = false;
    const socket = this.#requests.platform.openSocket(this.#url, this.#requests.token);
    this.#socket = socket;
    socket.onopen = () => (opened = true);
    socket.onmessage = (data) => this.#receive(data);
    socket.onclose = (_code, reason) => void this.#lost(socket, opened, reason);
    this.#wait(answersWithin, () => this.#abandon(socket));
  }

  #receive(data: unknown): void {
    const message = parseMessage(data);
    if (this.#welcomed) this.#schedulePing();
    if (!message || message.type === 'PONG') return;
    if (message.type !== 'WELCOME') {
      this.#listener.onmessage(message);
      return;
    }
    this.#welcomed = true;
    this.#tries = 0;
    this.#overdue = false;
    this.#schedulePing();
    for (const entry of this.#declared.values()) {
      entry.said = undefined;
      this.#say(entry);
    }
    this.#listener.onwelcome(message);
  }

  async #lost(socket: Socket, opened: boolean, reason: string): Promise<void> {
    if (socket !== this.#socket) return;
    this.#socket = undefined;
    this.#clear();
    if (this.#welcomed) {
      this.#welcomed = false;
      this.#since = this.#now();
      this.#listener.ondown();
      if (this.#closed) return;
    }
    let refusal = new Refusal(StageErrorCode.TIMEOUT, reason || 'The connection to the stage was lost.', true);
    if (!opened) {
      this.#waiting = true; // so that hurry() need not wait for the probe
      const run = ++this.#tries;
      refusal = await probe(this.#requests, this.#url);
      if (this.#closed || run !== this.#tries || !this.#waiting) return;
    } else {
      this.#tries++;
    }
    this.#trouble = refusal.message;
    if (refusal.retry) {
      this.#later(refusal);
      return;
    }
    this.#end();
    this.#listener.onrefused(refusal);
  }

  #later(refusal: Refusal): void {
    const elapsed = this.#now() - this.#since;
    this.#waiting = true;
    this.#wait(Math.max(backoff(this.#tries - 1, elapsed, this.#requests.platform.random()), refusal.retryAfter), () => this.#connect());
    if (elapsed < givesUpAfter || this.#overdue) return;
    this.#overdue = true;
    this.#listener.onoverdue(new Refusal(StageErrorCode.TIMEOUT, refusal.message, true));
  }

  /** Gives up a socket without waiting for its closing handshake, which a dead network never finishes. */
  #abandon(socket: Socket): void {
    const lost = socket.onclose;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    lost?.(1006, 'The server did not answer in time.');
  }

  #schedulePing(): void {
    this.#wait(pingEvery, () => this.#ping(pongWithin));
  }

  #ping(within: number): void {
    const socket = this.#socket;
    if (!socket) return;
    socket.send(JSON.stringify({ type: 'PING' }));
    this.#wait(within, () => this.#abandon(socket));
  }

  #say(entry: Declaration): void {
    this.#requests.platform.clearTimeout(entry.timer);
    entry.timer = undefined;
    if (!this.#welcomed || entry.said === entry.text) return;
    entry.said = entry.text;
    this.#budgetFrom = Math.max(this.#budgetFrom, this.#now()) + stateEvery;
    this.#socket?.send(entry.text);
  }

  #end(): void {
    this.#closed = true;
    this.#clear();
    for (const entry of this.#declared.values()) this.#requests.platform.clearTimeout(entry.timer);
    if (this.#socket) this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket = undefined;
    this.#welcomed = false;
  }

  #wait(ms: number, then: () => void): void {
    this.#clear();
    this.#timer = this.#requests.platform.setTimeout(then, ms);
  }

  #clear(): void {
    this.#requests.platform.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #now(): number {
    return this.#requests.platform.now();
  }
}
