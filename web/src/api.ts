// The site's JSON interface, as web/api.go answers it.

export interface Channel {
  name: string;
  title: string;
  picture: string;
  live: boolean;
  since?: string;
}

export interface LiveChannel extends Channel {
  viewers: number;
  hosts: string[];
}

/** A participant token and what the page has to know about it. */
export interface Ticket {
  token: string;
  participantId: string;
  userId: string;
  expires: string;
}

export interface WatchTicket extends Ticket {
  channel: Channel;
}

export interface StudioTicket extends Ticket {
  role: 'host' | 'guest';
  channel: Channel;
  inUse: boolean;
}

export interface Invitation {
  id: string;
  link: string;
  for: string;
  created: string;
  expires: string;
  accepted: string[];
}

/** A request that was refused, or that never arrived; the message is for the person. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    readonly status: number, // 0: no answer
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

const patience = 15_000; // milliseconds

export const api = {
  live: () => call<{ channels: LiveChannel[] }>('GET', '/api/live'),
  watch: (name: string) => call<WatchTicket>('GET', `/api/watch/${encodeURIComponent(name)}`),
  studio: (name: string) => call<StudioTicket>('GET', `/api/studio/${encodeURIComponent(name)}`),
  screen: (name: string) => call<Ticket>('POST', `/api/studio/${encodeURIComponent(name)}/screen`, {}),
  setLive: (live: boolean) => call<{ live: boolean }>('POST', '/api/live', { live }),
  remove: (id: string, reason: string) => call<object>('POST', `/api/participants/${encodeURIComponent(id)}/remove`, { reason }),
  setOnAir: (id: string, onAir: boolean) => call<{ onAir: boolean }>('POST', `/api/participants/${encodeURIComponent(id)}/on-air`, { onAir }),
  invitations: () => call<{ invitations: Invitation[] }>('GET', '/api/invitations'),
  invite: (forName: string, lifetime: number) => call<Invitation>('POST', '/api/invitations', { for: forName, lifetime }),
  revoke: (id: string) => call<object>('DELETE', `/api/invitations/${encodeURIComponent(id)}`),
};

async function call<T>(method: string, path: string, body?: object): Promise<T> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(path, {
      method,
      headers: body ? { 'Content-Type': 'application/json' } : {},
      body: body ? JSON.stringify(body) : null,
      cache: 'no-store',
      signal: AbortSignal.timeout(patience),
    });
    text = await response.text();
  } catch {
    throw new ApiError(0, 'unreachable', 'The server does not answer. Check your network; this page tries again.');
  }
  const answer = parse(text);
  if (!response.ok) throw refusal(response.status, answer);
  if (answer === undefined) throw new ApiError(response.status, 'garbled', 'The server’s answer could not be read. Reload the page.');
  return answer as T;
}

function refusal(status: number, answer: unknown): ApiError {
  const { code, message } = (typeof answer === 'object' && answer !== null ? answer : {}) as Record<string, unknown>;
  const words = typeof message === 'string' && message !== '' ? message : `The server refused (${status}). Try again in a moment.`;
  return new ApiError(status, typeof code === 'string' ? code : 'internal', words);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The sentence to show for anything that was thrown. */
export function sentence(error: unknown): string {
  return error instanceof Error && error.message !== '' ? error.message : 'Something went wrong. Reload the page and try again.';
}
