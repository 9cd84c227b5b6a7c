import { Refusal, StageErrorCode } from './errors.js';

/** What the SDK reads of a participant token. The signature is the server's business. */
export interface TokenClaims {
  readonly participantId: string;
  readonly userId: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly stageId: string;
  readonly whipUrl: string;
  readonly eventsUrl: string;
  readonly mayPublish: boolean;
  readonly maySubscribe: boolean;
}

// A token travels as WebSocket sub-protocol and in headers, so nothing but the alphabet of a JWT may pass.
const shape = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/;

/** Reads the claims of docs/protocol.md section 1. It throws a final Refusal for what is not a participant token. */
export function readToken(token: string): TokenClaims {
  if (typeof token !== 'string' || !shape.test(token)) throw malformed('it is not a JWT');
  let claims: Record<string, unknown>;
  try {
    claims = JSON.parse(decodeBase64Url(token.split('.')[1]!)) as Record<string, unknown>;
  } catch {
    throw malformed('its claims are not JSON');
  }
  if (typeof claims !== 'object' || claims === null) throw malformed('its claims are not an object');
  const capabilities = record(claims['capabilities']);
  return {
    participantId: text(claims, 'jti'),
    stageId: text(claims, 'topic'),
    whipUrl: address(text(claims, 'whip_url'), /^https?:$/),
    eventsUrl: address(text(claims, 'events_url'), /^wss?:$/),
    userId: typeof claims['user_id'] === 'string' ? claims['user_id'] : '',
    attributes: strings(claims['attributes']),
    mayPublish: capabilities['allow_publish'] === true,
    maySubscribe: capabilities['allow_subscribe'] === true,
  };
}

function malformed(why: string): Refusal {
  return new Refusal(StageErrorCode.TOKEN_MALFORMED, `The token cannot be read: ${why}.`, false);
}

function text(claims: Record<string, unknown>, name: string): string {
  const value = claims[name];
  if (typeof value !== 'string' || value === '') throw malformed(`${name} is missing`);
  return value;
}

function address(value: string, scheme: RegExp): string {
  let url: URL;
  try {
    url = new URL(value);
  } catch {
    throw malformed(`${value} is not an address`);
  }
  if (!scheme.test(url.protocol)) throw malformed(`${url.protocol} is not a scheme for this address`);
  return value.replace(/\/+$/, '');
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function strings(value: unknown): Record<string, string> {
  return Object.fromEntries(Object.entries(record(value)).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

function decodeBase64Url(value: string): string {
  const binary = atob(value.replace(/-/g, '+').replace(/_/g, '/'));
  return new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(binary, (character) => character.charCodeAt(0)));
}
