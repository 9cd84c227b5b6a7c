/** What was being done when an error happened. */
export const StageErrorCategory = {
  JOIN_ERROR: 'JOIN_ERROR',
  PUBLISH_ERROR: 'PUBLISH_ERROR',
  SUBSCRIBE_ERROR: 'SUBSCRIBE_ERROR',
} as const;
export type StageErrorCategory = (typeof StageErrorCategory)[keyof typeof StageErrorCategory];

/** What went wrong, as a number. */
export const StageErrorCode = {
  TOKEN_MALFORMED: 1,
  TOKEN_EXPIRED: 2,
  TIMEOUT: 3,
  FAILED: 4,
  CANCELED: 5,
  STAGE_AT_CAPACITY: 6,
  CODEC_MISMATCH: 7,
  TOKEN_NOT_ALLOWED: 8,
  STAGE_DELETED: 9,
  PARTICIPANT_DISCONNECTED: 10,
} as const;
export type StageErrorCode = (typeof StageErrorCode)[keyof typeof StageErrorCode];

/** The error that `join()` rejects with and that the ERROR event carries. */
export class StageError extends Error {
  override readonly name = 'StageError';
  readonly code: StageErrorCode;
  readonly category: StageErrorCategory;

  constructor(code: StageErrorCode, category: StageErrorCategory, message: string) {
    super(message);
    this.code = code;
    this.category = category;
  }
}

/**
 * One attempt that did not work: a refused request, a dead network, a connection that never came up.
 * @internal
 */
export class Refusal extends Error {
  override readonly name = 'Refusal';

  constructor(
    readonly code: StageErrorCode,
    message: string,
    /** Whether the same attempt may work in a moment. */
    readonly retry: boolean,
    /** How long the server asked to wait, in milliseconds. */
    readonly retryAfter = 0,
  ) {
    super(message);
  }

  toStageError(category: StageErrorCategory): StageError {
    return new StageError(this.code, category, this.message);
  }
}

// docs/protocol.md section 5: the codes after which trying again is pointless. STAGE_NOT_LIVE is not among them: the stage
// may just be going live.
const final: Record<string, StageErrorCode> = {
  TOKEN_MALFORMED: StageErrorCode.TOKEN_MALFORMED,
  TOKEN_EXPIRED: StageErrorCode.TOKEN_EXPIRED,
  PARTICIPANT_DISCONNECTED: StageErrorCode.PARTICIPANT_DISCONNECTED,
  STAGE_DELETED: StageErrorCode.STAGE_DELETED,
  INSUFFICIENT_CAPABILITIES: StageErrorCode.TOKEN_NOT_ALLOWED,
  STAGE_AT_CAPACITY: StageErrorCode.STAGE_AT_CAPACITY,
  INVALID_AUDIO_CODEC: StageErrorCode.CODEC_MISMATCH,
  INVALID_VIDEO_CODEC: StageErrorCode.CODEC_MISMATCH,
  INVALID_INPUT: StageErrorCode.FAILED,
  UNSUPPORTED_MEDIA_TYPE: StageErrorCode.FAILED,
  TOO_LARGE: StageErrorCode.FAILED,
  METHOD_NOT_ALLOWED: StageErrorCode.FAILED,
};

/**
 * Reads a refused HTTP response: `application/problem+json` from the service, anything at all from what stands before it.
 * @internal
 */
export function refusalOf(status: number, body: string, retryAfterSeconds: number): Refusal {
  const problem = parseProblem(body);
  const message = problem.detail ?? `The server answered ${status}.`;
  const wait = Number.isFinite(retryAfterSeconds) && retryAfterSeconds > 0 ? retryAfterSeconds * 1000 : 0;
  const known = problem.code === undefined ? undefined : final[problem.code];
  if (known !== undefined) return new Refusal(known, message, false, wait);
  if (problem.code === undefined && status === 401) return new Refusal(StageErrorCode.TOKEN_MALFORMED, message, false);
  return new Refusal(StageErrorCode.FAILED, message, true, wait);
}

function parseProblem(body: string): { code?: string; detail?: string } {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value !== 'object' || value === null) return {};
    const { code, detail } = value as Record<string, unknown>;
    return { ...(typeof code === 'string' && { code }), ...(typeof detail === 'string' && detail !== '' && { detail }) };
  } catch {
    return {};
  }
}
