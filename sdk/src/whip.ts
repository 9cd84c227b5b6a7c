import { Refusal, refusalOf, StageErrorCode } from './errors.js';
import type { HttpResponse, Platform } from './platform.js';
import { VERSION } from './version.js';

// docs/protocol.md sections 2 and 3: WHIP, RFC 9725, and the subscriptions that look like it.

const patience = 6_000; // ms for one request; a dead network does not answer at all

/** A media session on the server. */
export interface Resource {
  /** The last part of the address, as WELCOME names it. */
  readonly id: string;
  readonly url: string;
}

/** How requests are made: where, and as whom. */
export interface Requests {
  readonly platform: Platform;
  readonly token: string;
}

/** Adds to an address who is asking. docs/protocol.md section 1 */
export function addressFor(url: string, client: string): string {
  const address = new URL(url);
  address.searchParams.set('client', client);
  address.searchParams.set('sdk', VERSION);
  return address.href;
}

/** Sends an offer. It throws a Refusal. RFC 9725 4.2 */
export async function postOffer(to: Requests, url: string, offer: string): Promise<{ answer: string; resource: Resource | undefined }> {
  const headers = { Authorization: `Bearer ${to.token}`, 'Content-Type': 'application/sdp', Accept: 'application/sdp' };
  return request(to.platform, url, { method: 'POST', headers, body: offer }, async (response) => {
    const text = await response.text();
    if (response.status !== 201) throw refusalOf(response.status, text, Number(response.headers.get('Retry-After')));
    return { answer: text, resource: resourceAt(response.headers.get('Location'), url) };
  });
}

/** Ends a media session; nobody waits for it. RFC 9725 4.2 */
export function deleteResource(to: Requests, resource: Resource): void {
  const request = { method: 'DELETE', headers: { Authorization: `Bearer ${to.token}` }, keepalive: true };
  to.platform.fetch(resource.url, request).catch(() => undefined); // The server notices by itself, a few seconds later.
}

/** Asks why a WebSocket was refused, which the browser does not tell. docs/protocol.md section 5 */
export async function probe(to: Requests, url: string): Promise<Refusal> {
  const headers = { Authorization: `Bearer ${to.token}` };
  try {
    return await request(to.platform, url.replace(/^ws/, 'http'), { method: 'GET', headers }, async (response) => {
      if (response.status < 300) return unreachable('The WebSocket of the stage cannot be opened.');
      return refusalOf(response.status, await response.text(), Number(response.headers.get('Retry-After')));
    });
  } catch (error) {
    return toRefusal(error);
  }
}

/** Whatever was thrown, as a Refusal that allows another try. */
export function toRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  return new Refusal(StageErrorCode.FAILED, error instanceof Error && error.message !== '' ? error.message : 'The attempt failed.', true);
}

function unreachable(message: string): Refusal {
  return new Refusal(StageErrorCode.TIMEOUT, message, true);
}

async function request<T>(
  platform: Platform,
  url: string,
  init: { method: string; headers: Record<string, string>; body?: string },
  read: (response: HttpResponse) => Promise<T>,
): Promise<T> {
  const abort = new AbortController();
  const timer = platform.setTimeout(() => abort.abort(), patience);
  try {
    return await read(await platform.fetch(url, { ...init, signal: abort.signal }));
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw unreachable(abort.signal.aborted ? 'The server did not answer in time.' : 'The server cannot be reached.');
  } finally {
    platform.clearTimeout(timer);
  }
}

function resourceAt(location: string | null, base: string): Resource | undefined {
  if (location === null) return undefined;
  const url = new URL(location, base);
  return { id: url.pathname.split('/').pop() ?? '', url: url.href };
}
