import type { PeerFactory } from './peer.js';
import { browserPeers } from './peer.js';
import type { Socket } from './socket.js';
import { openBrowserSocket } from './socket.js';

/** An answer to an HTTP request, as much of it as is used. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  text(): Promise<string>;
}

/** A request; it is abandoned when `signal` aborts. `keepalive` lets it outlive the page. */
export interface HttpRequest {
  readonly method: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly signal?: AbortSignal;
  readonly keepalive?: boolean;
}

/** Everything that the SDK needs of its surroundings. Tests put a fake in its place. */
export interface Platform {
  readonly peers: PeerFactory;
  /** What this page load calls itself, so that the server knows which connections belong together. docs/protocol.md section 1 */
  client(): string;
  openSocket(url: string, protocol: string): Socket;
  fetch(url: string, request: HttpRequest): Promise<HttpResponse>;
  /** Milliseconds that never go backwards. */
  now(): number;
  random(): number;
  setTimeout(callback: () => void, ms: number): unknown;
  clearTimeout(timer: unknown): void;
  /** Calls back when the network is back, and when the page goes away. Returns how to stop that. */
  onOnline(callback: () => void): () => void;
  onPageHide(callback: () => void): () => void;
}

let client: string | undefined; // one for the page, however many stages it joins

/** The browser. */
export const browser: Platform = {
  peers: browserPeers,
  client: () => (client ??= randomName()),
  openSocket: openBrowserSocket,
  fetch: (url, request) => fetch(url, { ...request, cache: 'no-store', credentials: 'omit' }),
  now: () => performance.now(),
  random: () => Math.random(),
  setTimeout: (callback, ms) => setTimeout(callback, ms),
  clearTimeout: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout> | undefined),
  onOnline: (callback) => listen('online', callback),
  onPageHide: (callback) => listen('pagehide', callback),
};

function listen(event: string, callback: () => void): () => void {
  globalThis.addEventListener(event, callback);
  return () => globalThis.removeEventListener(event, callback);
}

/** 128 random bits. crypto.randomUUID would do, but pages without HTTPS lack it. */
function randomName(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
