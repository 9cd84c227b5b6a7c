import type { HttpRequest, HttpResponse, Platform } from '../src/platform.js';
import type { Socket } from '../src/socket.js';
import { FakePeers } from './fake-peer.js';
import { FakeServer } from './fake-server.js';

interface Timer {
  at: number;
  callback: () => void;
}

/** A WebSocket between the SDK and the fake server. */
export class FakeSocket implements Socket {
  onopen: (() => void) | null = null;
  onmessage: ((data: unknown) => void) | null = null;
  onclose: ((code: number, reason: string) => void) | null = null;
  readonly heard: { type: string; payload?: any }[] = [];
  closed = false;

  constructor(
    readonly world: World,
    readonly url: URL,
    readonly protocol: string,
  ) {}

  send(text: string): void {
    if (this.closed || this.world.dead) return;
    const message = JSON.parse(text);
    this.heard.push(message);
    queueMicrotask(() => this.world.server.hear(this, message));
  }

  close(): void {
    if (!this.world.dead) queueMicrotask(() => this.end(1000, ''));
  }

  /** The server's, or the network's, end of it. */
  end(code: number, reason: string): void {
    if (this.closed) return;
    this.closed = true;
    this.onclose?.(code, reason);
  }

  say(type: string, payload?: object): void {
    if (!this.closed && !this.world.dead) this.onmessage?.(JSON.stringify({ type, payload }));
  }
}

/** Surroundings for the SDK in which time stands still until a test moves it. */
export class World implements Platform {
  readonly peers = new FakePeers();
  readonly server = new FakeServer();
  readonly sockets: FakeSocket[] = [];
  /** A dead network swallows everything and closes nothing. */
  dead = false;
  readonly #timers = new Set<Timer>();
  readonly #online = new Set<() => void>();
  readonly #pageHide = new Set<() => void>();
  #now = 0;

  client = () => 'client-of-this-page';
  now = () => this.#now;
  random = () => 1;

  openSocket(url: string, protocol: string): Socket {
    const socket = new FakeSocket(this, new URL(url), protocol);
    this.sockets.push(socket);
    if (!this.dead) setImmediate(() => this.server.accept(socket));
    return socket;
  }

  async fetch(url: string, request: HttpRequest): Promise<HttpResponse> {
    const aborted = new Promise<never>((_, reject) => request.signal?.addEventListener('abort', () => reject(new Error('aborted'))));
    return this.dead ? aborted : Promise.race([aborted, this.server.answer(new URL(url), request)]);
  }

  setTimeout(callback: () => void, ms: number): Timer {
    const timer = { at: this.#now + ms, callback };
    this.#timers.add(timer);
    return timer;
  }

  clearTimeout(timer: unknown): void {
    this.#timers.delete(timer as Timer);
  }

  onOnline(callback: () => void): () => void {
    this.#online.add(callback);
    return () => this.#online.delete(callback);
  }

  onPageHide(callback: () => void): () => void {
    this.#pageHide.add(callback);
    return () => this.#pageHide.delete(callback);
  }

  online(): void {
    for (const callback of [...this.#online]) callback();
  }

  hidePage(): void {
    for (const callback of [...this.#pageHide]) callback();
  }

  /** What would fire some day; a client that has left needs nothing. */
  get pending(): number {
    return this.#timers.size + this.#online.size + this.#pageHide.size;
  }

  /** The socket in use. */
  get socket(): FakeSocket {
    return this.sockets.at(-1)!;
  }

  /** Lets everything happen that needs no time. */
  async settle(): Promise<void> {
    for (let i = 0; i < 12; i++) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Moves time, timer by timer. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    await this.settle();
    for (;;) {
      const next = [...this.#timers].sort((a, b) => a.at - b.at)[0];
      if (!next || next.at > until) break;
      this.#now = Math.max(this.#now, next.at);
      this.#timers.delete(next);
      next.callback();
      await this.settle();
    }
    this.#now = until;
  }
}
