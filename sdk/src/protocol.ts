// The JSON messages of docs/protocol.md section 4.

/** A publisher as STAGE_STATE describes it. @internal */
export interface PublisherState {
  readonly id: string;
  readonly userId: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly isPublishing: boolean;
  readonly slot: number;
  readonly hasAudio: boolean;
  readonly hasVideo: boolean;
  readonly audioMuted: boolean;
  readonly videoStopped: boolean;
  readonly onAir: boolean;
}

/** The place of one participant in the composite; `column` and `row` count from 1, as CSS grid lines do. */
export interface StageLayoutTile {
  readonly participantId: string;
  readonly column: number;
  readonly row: number;
  readonly columnSpan: number;
  readonly rowSpan: number;
  readonly featured: boolean;
}

/** The composite: a grid over a 16:9 picture, the same for everybody. */
export interface StageLayout {
  readonly columns: number;
  readonly rows: number;
  readonly tiles: readonly StageLayoutTile[];
}

/** @internal */
export type ServerMessage =
  | { type: 'WELCOME'; participantId: string; slots: number; resources: string[] }
  | { type: 'STAGE_STATE'; slots: number; participants: PublisherState[] }
  | { type: 'MUTE_CHANGED'; participantId: string; audioMuted: boolean; videoStopped: boolean }
  | { type: 'LIVE'; live: boolean; since?: Date }
  | { type: 'LAYOUT'; layout: StageLayout }
  | { type: 'VIEWER_COUNT'; count: number }
  | { type: 'LEFT'; reason: string; message: string }
  | { type: 'ERROR'; code: string; message: string }
  | { type: 'PONG' };

/** What this client can say. @internal */
export type ClientMessage =
  | { type: 'PING' | 'LEAVE' }
  | { type: 'MUTE'; payload: { audioMuted: boolean; videoStopped: boolean } }
  | { type: 'SELECT'; payload: { default: string; participants: Record<string, string> } };

type Json = Record<string, unknown>;

/** Reads one frame. A message this version does not know, or cannot read, is undefined: newer servers may say more. @internal */
export function parseMessage(data: unknown): ServerMessage | undefined {
  if (typeof data !== 'string') return undefined;
  let frame: Json;
  try {
    frame = object(JSON.parse(data));
  } catch {
    return undefined;
  }
  const p = object(frame['payload']);
  switch (frame['type']) {
    case 'WELCOME':
      return { type: 'WELCOME', participantId: text(p['participantId']), slots: count(p['slots']), resources: list(p['resources']).map(text) };
    case 'STAGE_STATE':
      return { type: 'STAGE_STATE', slots: count(p['slots']), participants: list(p['participants']).map(publisher).filter((x) => x.id !== '') };
    case 'MUTE_CHANGED':
      return { type: 'MUTE_CHANGED', participantId: text(p['participantId']), audioMuted: p['audioMuted'] === true, videoStopped: p['videoStopped'] === true };
    case 'LIVE':
      return { type: 'LIVE', live: p['live'] === true, ...since(p['since']) };
    case 'LAYOUT':
      return { type: 'LAYOUT', layout: { columns: count(p['columns']), rows: count(p['rows']), tiles: list(p['tiles']).map(tile) } };
    case 'VIEWER_COUNT':
      return { type: 'VIEWER_COUNT', count: count(p['count']) };
    case 'LEFT':
      return { type: 'LEFT', reason: text(p['reason']), message: text(p['message']) };
    case 'ERROR':
      return { type: 'ERROR', code: text(p['code']), message: text(p['message']) };
    case 'PONG':
      return { type: 'PONG' };
    default:
      return undefined;
  }
}

function publisher(value: unknown): PublisherState {
  const p = object(value);
  const attributes = Object.entries(object(p['attributes'])).map(([key, v]) => [key, text(v)]);
  return {
    id: text(p['id']),
    userId: text(p['userId']),
    attributes: Object.fromEntries(attributes) as Record<string, string>,
    isPublishing: p['isPublishing'] === true,
    slot: typeof p['slot'] === 'number' && Number.isInteger(p['slot']) ? p['slot'] : -1,
    hasAudio: p['hasAudio'] === true,
    hasVideo: p['hasVideo'] === true,
    audioMuted: p['audioMuted'] === true,
    videoStopped: p['videoStopped'] === true,
    onAir: p['onAir'] === true,
  };
}

function tile(value: unknown): StageLayoutTile {
  const t = object(value);
  return {
    participantId: text(t['participantId']),
    column: count(t['column']),
    row: count(t['row']),
    columnSpan: count(t['columnSpan']),
    rowSpan: count(t['rowSpan']),
    featured: t['featured'] === true,
  };
}

function since(value: unknown): { since?: Date } {
  const date = new Date(text(value));
  return Number.isNaN(date.getTime()) ? {} : { since: date };
}

function object(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {};
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function count(value: unknown): number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 ? value : 0;
}
