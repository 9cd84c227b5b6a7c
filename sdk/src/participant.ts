import { StageParticipantCapability } from './enums.js';
import type { PublisherState } from './protocol.js';
import type { TokenClaims } from './token.js';

/** A participant, as strategy functions and events receive it. It is the same object as long as the participant stays. */
export interface StageParticipantInfo {
  readonly id: string;
  readonly userId: string;
  readonly isLocal: boolean;
  readonly attributes: Readonly<Record<string, string>>;
  /** The older name of `attributes`. */
  readonly userInfo: Readonly<Record<string, string>>;
  readonly capabilities: ReadonlySet<StageParticipantCapability>;
  readonly isPublishing: boolean;
  readonly audioMuted: boolean;
  readonly videoStopped: boolean;
  /** Whether the audience of a gated stage may see this participant. Ours, not IVS. */
  readonly onAir: boolean;
}

/** The local participant. @internal */
export class LocalParticipant implements StageParticipantInfo {
  readonly isLocal = true;
  readonly id: string;
  readonly userId: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly capabilities: ReadonlySet<StageParticipantCapability>;
  isPublishing = false;
  audioMuted = false;
  videoStopped = false;
  onAir = false;

  constructor(claims: TokenClaims) {
    this.id = claims.participantId;
    this.userId = claims.userId;
    this.attributes = claims.attributes;
    const capabilities = new Set<StageParticipantCapability>();
    if (claims.mayPublish) capabilities.add(StageParticipantCapability.PUBLISH);
    if (claims.maySubscribe) capabilities.add(StageParticipantCapability.SUBSCRIBE);
    this.capabilities = capabilities;
  }

  get userInfo(): Readonly<Record<string, string>> {
    return this.attributes;
  }
}

/** A remote participant: what the newest STAGE_STATE says of it. @internal */
export class RemoteParticipant implements StageParticipantInfo {
  readonly isLocal = false;
  /** Who is listed may publish; whether it may subscribe too is not told to others. */
  readonly capabilities: ReadonlySet<StageParticipantCapability> = new Set([StageParticipantCapability.PUBLISH]);
  state: PublisherState;

  constructor(state: PublisherState) {
    this.state = state;
  }

  get id(): string {
    return this.state.id;
  }
  get userId(): string {
    return this.state.userId;
  }
  get attributes(): Readonly<Record<string, string>> {
    return this.state.attributes;
  }
  get userInfo(): Readonly<Record<string, string>> {
    return this.state.attributes;
  }
  get isPublishing(): boolean {
    return this.state.isPublishing;
  }
  get audioMuted(): boolean {
    return this.state.audioMuted;
  }
  get videoStopped(): boolean {
    return this.state.videoStopped;
  }
  get onAir(): boolean {
    return this.state.onAir;
  }
}
