import type { HttpRequest, HttpResponse } from '../src/platform.js';
import type { FakeSocket } from './world.js';

/** One HTTP request that the server saw. */
export interface SeenRequest {
  method: string;
  url: URL;
  path: string;
  body: string | undefined;
  headers: Record<string, string>;
  keepalive: boolean;
}

/** How to refuse. */
export interface FakeRefusal {
  status: number;
  code?: string;
  detail?: string;
  retryAfter?: string;
}

/** A publisher as the server lists it; what is left out is that of a host who publishes both. */
export function host(id: string, slot: number, more: object = {}): { id: string } & Record<string, unknown> {
  return {
    id, userId: `user-${id}`, attributes: { name: id }, isPublishing: true, slot,
    hasAudio: true, hasVideo: true, audioMuted: false, videoStopped: false, onAir: true, ...more,
  };
}

/** A stage service that obeys docs/protocol.md as far as a client can see. */
export class FakeServer {
  readonly requests: SeenRequest[] = [];
  /** What the next state will be. */
  participants: object[] = [];
  slots = 12;
  /** Media resources that are alive. */
  resources = new Set<string>();
  /** By path: refuses requests, as long as it is set. `/rtc/events` stands for the socket. */
  readonly refuses = new Map<string, FakeRefusal>();
  /** Sockets fail without an HTTP answer, as when nothing listens. */
  gone = false;
  pongs = true;
  #resource = 0;

  accept(socket: FakeSocket): void {
    if (this.gone || this.refuses.has('/rtc/events')) {
      socket.end(1006, '');
      return;
    }
    socket.onopen?.();
    socket.say('WELCOME', { participantId: 'me', sessionId: 'st-1', slots: this.slots, resources: [...this.resources] });
    this.tellState(socket);
    socket.say('LIVE', { live: true, since: '2026-01-02T03:04:05Z' });
    socket.say('LAYOUT', { columns: 24, rows: 24, tiles: [] });
    socket.say('VIEWER_COUNT', { count: 3 });
  }

  tellState(socket: FakeSocket): void {
    socket.say('STAGE_STATE', { stageId: 'stage', slots: this.slots, participants: this.participants });
  }

  hear(socket: FakeSocket, message: { type: string }): void {
    if (message.type === 'PING' && this.pongs) socket.say('PONG');
    if (message.type === 'LEAVE') socket.end(1000, '');
  }

  async answer(url: URL, request: HttpRequest): Promise<HttpResponse> {
    const path = url.pathname;
    const { method, body, headers = {}, keepalive = false } = request;
    this.requests.push({ method, url, path, body, headers, keepalive });
    if (this.gone) throw new TypeError('Failed to fetch');
    const refusal = this.refuses.get(path) ?? (path.startsWith('/rtc/events') ? this.refuses.get('/rtc/events') : undefined);
    if (refusal) {
      const problem = refusal.code ? JSON.stringify({ status: refusal.status, code: refusal.code, detail: refusal.detail ?? `${refusal.code}!` }) : '<html>';
      return response(refusal.status, problem, refusal.retryAfter ? { 'Retry-After': refusal.retryAfter } : {});
    }
    if (method === 'GET') return response(204, '');
    if (method === 'DELETE') {
      this.resources.delete(path.split('/').pop()!);
      return response(200, '');
    }
    const id = `resource-${++this.#resource}`;
    this.resources.add(id);
    return response(201, `answer to ${body}`, { Location: `/rtc/resource/${id}` });
  }

  /** The offers that came to a path. */
  offers(path: '/rtc/whip' | '/rtc/whip/subscribe'): SeenRequest[] {
    return this.requests.filter((request) => request.method === 'POST' && request.path === path);
  }
}

function response(status: number, body: string, headers: Record<string, string> = {}): HttpResponse {
  return { status, headers: { get: (name) => headers[name] ?? null }, text: async () => body };
}
