import { StageParticipantSubscribeState, StreamType, SubscribeType } from './enums.js';
import { StageErrorCategory } from './errors.js';
import { Link } from './link.js';
import type { RemoteParticipant } from './participant.js';
import type { ReceivingPeer } from './peer.js';
import { ReceivedStream } from './remote-stream.js';
import type { SessionContext } from './session.js';
import { planSubscription } from './strategy.js';

// How long the connection stays when nobody is wanted, in ms: a host who blinks should not cost a new one. A random part keeps an
// audience from going all at once.
const lingers = 10_000;
const lingersMore = 10_000;
const mostSelected = 64; // ids in one SELECT

/** What the app has been told of one participant, and what carries it. */
interface Subscription {
  type: SubscribeType;
  state: StageParticipantSubscribeState;
  streams: ReceivedStream[];
  peer: ReceivingPeer | undefined;
  slot: number;
}

/** Receives what the strategy wants, over one connection for the whole stage. docs/protocol.md section 3 */
export class Subscriber {
  readonly #context: SessionContext;
  readonly #remotes: () => Iterable<RemoteParticipant>;
  readonly #link: Link<ReceivingPeer>;
  readonly #subscriptions = new Map<RemoteParticipant, Subscription>();
  #slots = 0;
  #streamCount = 0;
  #selects = false; // nothing need be said before somebody is wanted
  #wanted = false; // somebody is
  #linger: unknown;

  constructor(context: SessionContext, remotes: () => Iterable<RemoteParticipant>) {
    this.#context = context;
    this.#remotes = remotes;
    this.#link = new Link<ReceivingPeer>({
      requests: context.requests,
      url: context.address(`${context.claims.whipUrl}/subscribe`),
      createPeer: () => context.requests.platform.peers.receiver(this.#slots),
      onstate: (state, refusal) =>
        context.batch(() => {
          // A server that ends the media of a broadcast that is over must not be asked for it again by the whole audience.
          if (state === 'connecting' && !this.#wanted) this.#link.stop(false);
          this.#tellAll();
          if (state === 'errored' && refusal) context.emit('error', refusal.toStageError(StageErrorCategory.SUBSCRIBE_ERROR));
        }),
    });
  }

  /** How many slots the stage has. */
  set slots(slots: number) {
    if (slots === this.#slots) return;
    this.#slots = slots;
    this.#link.rebuild();
  }

  /** Asks the strategy about everybody and does what has to be done. */
  sync(): void {
    for (const participant of this.#remotes()) this.#subscription(participant).type = this.#ask(participant);
    this.#select();
    this.#wanted = [...this.#subscriptions].some(([participant, { type }]) => type !== SubscribeType.NONE && participant.isPublishing);
    const { platform } = this.#context.requests;
    if (this.#wanted) {
      platform.clearTimeout(this.#linger);
      this.#linger = undefined;
      this.#replaceEndedTracks();
      this.#link.start();
    } else if (this.#link.state === 'connected') {
      this.#linger ??= platform.setTimeout(() => this.#link.stop(), lingers + platform.random() * lingersMore);
    } else {
      this.#link.stop();
    }
    this.#tellAll();
  }

  /** The participant no longer publishes: its streams go before anything else is told. */
  unpublished(participant: RemoteParticipant): void {
    this.#tell(participant, this.#subscription(participant));
  }

  /** The participant is gone. */
  forget(participant: RemoteParticipant): void {
    this.#subscriptions.delete(participant);
  }

  /** The participant muted or unmuted something. */
  muted(participant: RemoteParticipant): void {
    for (const stream of this.#subscription(participant).streams) {
      const muted = mutedIn(participant, stream.streamType);
      if (stream.isMuted === muted) continue;
      stream.isMuted = muted;
      this.#context.emit('stageStreamMuteChanged', participant, stream);
    }
  }

  suspend(): void {
    this.#link.suspend();
  }

  resume(alive: readonly string[]): void {
    this.#link.resume(alive);
  }

  hurry(): void {
    this.#link.hurry();
  }

  close(endOnServer: boolean): void {
    this.#context.requests.platform.clearTimeout(this.#linger);
    this.#link.stop(endOnServer);
  }

  #subscription(participant: RemoteParticipant): Subscription {
    let subscription = this.#subscriptions.get(participant);
    if (!subscription) {
      subscription = { type: SubscribeType.NONE, state: StageParticipantSubscribeState.NOT_SUBSCRIBED, streams: [], peer: undefined, slot: -1 };
      this.#subscriptions.set(participant, subscription);
    }
    return subscription;
  }

  #ask(participant: RemoteParticipant): SubscribeType {
    if (!this.#context.claims.maySubscribe) return SubscribeType.NONE;
    const last = this.#subscription(participant).type;
    const type = this.#context.ask('shouldSubscribeToParticipant', (strategy) => strategy.shouldSubscribeToParticipant(participant), last);
    return type in SubscribeType ? type : SubscribeType.NONE;
  }

  /** Tells the server what to forward, also for those who will publish in a moment. */
  #select(): void {
    const chosen = [...this.#subscriptions].filter(([, { type }]) => type !== SubscribeType.NONE).slice(0, mostSelected);
    const participants = Object.fromEntries(chosen.map(([participant, { type }]) => [participant.id, type]));
    this.#selects ||= chosen.length > 0;
    if (!this.#selects) return;
    this.#context.declare({ type: 'SELECT', payload: { default: SubscribeType.NONE, participants } });
  }

  /** An app that stopped a received track has spoilt its place for whoever comes next; only a new connection has a new one. */
  #replaceEndedTracks(): void {
    const peer = this.#link.peer;
    if (!peer || this.#link.state !== 'connected') return;
    const spoilt = [...this.#subscriptions].some(([{ state }, { type, streams }]) => {
      if (!state.isPublishing || state.slot < 0 || state.slot >= peer.slots) return false;
      const kinds = type === SubscribeType.NONE ? [] : type === SubscribeType.AUDIO_ONLY ? [StreamType.AUDIO] : [StreamType.AUDIO, StreamType.VIDEO];
      const missing = kinds.filter((kind) => !streams.some((stream) => stream.streamType === kind));
      return missing.some((kind) => peer.reception(state.slot, kind).track.readyState === 'ended');
    });
    if (spoilt) this.#link.rebuild();
  }

  #tellAll(): void {
    for (const [participant, subscription] of this.#subscriptions) this.#tell(participant, subscription);
  }

  /** Brings what the app knows of one participant up to date. */
  #tell(participant: RemoteParticipant, held: Subscription): void {
    const { slot, isPublishing, hasAudio, hasVideo } = participant.state;
    const peer = this.#link.peer;
    const plan = planSubscription(
      {
        type: held.type,
        publishing: isPublishing,
        hasAudio,
        hasVideo,
        reachable: slot >= 0 && slot < (peer?.slots ?? this.#slots),
        link: this.#link.state,
      },
      {
        state: held.state,
        kinds: held.streams.map((stream) => stream.streamType),
        stale: held.streams.length > 0 && (held.peer !== peer || held.slot !== slot),
      },
    );
    const { emit } = this.#context;
    const removed = held.streams.filter((stream) => plan.remove.includes(stream.streamType));
    held.streams = held.streams.filter((stream) => !removed.includes(stream));
    if (removed.length > 0) emit('stageParticipantStreamsRemoved', participant, removed);
    for (const state of plan.states) {
      held.state = state;
      emit('stageParticipantSubscribeStateChanged', participant, state);
    }
    if (plan.add.length === 0 || !peer) return;
    const added = plan.add.map((kind) => {
      const id = `${participant.id}-${kind}-${++this.#streamCount}`;
      return new ReceivedStream(id, kind, peer.reception(slot, kind), mutedIn(participant, kind));
    });
    held.streams = [...held.streams, ...added];
    held.peer = peer;
    held.slot = slot;
    emit('stageParticipantStreamsAdded', participant, added);
  }
}

function mutedIn(participant: RemoteParticipant, kind: StreamType): boolean {
  return kind === StreamType.AUDIO ? participant.audioMuted : participant.videoStopped;
}
