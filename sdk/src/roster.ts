import { StageParticipantPublishState } from './enums.js';
import type { LocalParticipant } from './participant.js';
import { RemoteParticipant } from './participant.js';
import type { StageParticipantInfo } from './participant.js';
import type { Emit } from './session.js';
import type { PublisherState } from './protocol.js';

/** Whom the roster tells, each time before the event: streams go before their publication, and that before the participant. */
export interface RosterListener {
  onunpublished(participant: RemoteParticipant): void;
  onmuted(participant: RemoteParticipant): void;
  onleft(participant: RemoteParticipant): void;
}

/** Who is on the stage, in the order in which the server lists them. It turns complete states into events by difference. */
export class Roster {
  readonly #local: LocalParticipant;
  readonly #emit: Emit;
  readonly #listener: RosterListener;
  #remotes = new Map<string, RemoteParticipant>();
  #order: StageParticipantInfo[] = [];

  constructor(local: LocalParticipant, emit: Emit, listener: RosterListener) {
    this.#local = local;
    this.#emit = emit;
    this.#listener = listener;
  }

  get remotes(): Iterable<RemoteParticipant> {
    return this.#remotes.values();
  }

  /** Everybody listed, the local participant in its place once the server lists it. */
  get participants(): StageParticipantInfo[] {
    return [...this.#order];
  }

  /** Takes over a STAGE_STATE. */
  apply(states: readonly PublisherState[]): void {
    const listed = new Set(states.map((state) => state.id));
    for (const participant of [...this.#remotes.values()]) {
      if (!listed.has(participant.id)) this.#remove(participant);
    }
    const order: StageParticipantInfo[] = [];
    const remotes = new Map<string, RemoteParticipant>();
    for (const state of states) {
      if (state.id === this.#local.id) {
        this.#updateLocal(state);
        order.push(this.#local);
        continue;
      }
      const known = this.#remotes.get(state.id);
      const participant = known ?? new RemoteParticipant(state);
      remotes.set(state.id, participant);
      order.push(participant);
      if (known) this.#update(known, state);
      else this.#add(participant);
    }
    this.#remotes = remotes;
    this.#order = order;
  }

  /** Takes over a MUTE_CHANGED. */
  mute(id: string, audioMuted: boolean, videoStopped: boolean): void {
    const participant = this.#remotes.get(id);
    if (participant) this.#update(participant, { ...participant.state, audioMuted, videoStopped });
  }

  /** Everybody is gone, because this client is. */
  clear(): void {
    for (const participant of [...this.#remotes.values()]) this.#remove(participant);
    this.#order = [];
  }

  #add(participant: RemoteParticipant): void {
    this.#emit('stageParticipantJoined', participant);
    if (participant.isPublishing) this.#published(participant, StageParticipantPublishState.PUBLISHED);
  }

  #remove(participant: RemoteParticipant): void {
    this.#remotes.delete(participant.id);
    this.#order = this.#order.filter((other) => other !== participant);
    if (participant.isPublishing) this.#unpublish(participant, { ...participant.state, isPublishing: false });
    this.#listener.onleft(participant);
    this.#emit('stageParticipantLeft', participant);
  }

  #update(participant: RemoteParticipant, next: PublisherState): void {
    const last = participant.state;
    if (last.isPublishing && !next.isPublishing) this.#unpublish(participant, next);
    participant.state = next;
    if (last.userId !== next.userId || !sameAttributes(last.attributes, next.attributes)) {
      this.#emit('stageParticipantMetadataChanged', participant);
    }
    if (!last.isPublishing && next.isPublishing) this.#published(participant, StageParticipantPublishState.PUBLISHED);
    if (last.onAir !== next.onAir) this.#emit('streamcatOnAirChanged', participant, next.onAir);
    if (last.audioMuted !== next.audioMuted || last.videoStopped !== next.videoStopped) this.#listener.onmuted(participant);
  }

  #unpublish(participant: RemoteParticipant, next: PublisherState): void {
    participant.state = next;
    this.#listener.onunpublished(participant);
    this.#published(participant, StageParticipantPublishState.NOT_PUBLISHED);
  }

  #published(participant: RemoteParticipant, state: StageParticipantPublishState): void {
    this.#emit('stageParticipantPublishStateChanged', participant, state);
  }

  #updateLocal(state: PublisherState): void {
    if (this.#local.onAir === state.onAir) return;
    this.#local.onAir = state.onAir;
    this.#emit('streamcatOnAirChanged', this.#local, state.onAir);
  }
}

function sameAttributes(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}
