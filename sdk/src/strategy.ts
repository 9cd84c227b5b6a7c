import { StageParticipantSubscribeState as State, SubscribeType, StreamType } from './enums.js';
import type { LocalStageStream } from './local-stream.js';
import type { StageParticipantInfo } from './participant.js';

/**
 * What the app wants. The SDK asks these functions when something changes and on `refreshStrategy()`, and does what is needed to get
 * there; they must be quick and without side effects.
 */
export interface StageStrategy {
  /** What to receive of a remote participant. It takes effect as soon as, and as long as, that participant publishes. */
  shouldSubscribeToParticipant(participant: StageParticipantInfo): SubscribeType;
  /** Whether to publish; asked only for the local participant and only when its token allows it. */
  shouldPublishParticipant(participant: StageParticipantInfo): boolean;
  /** What to publish: at most one audio and one video stream. Nothing is published while the list is empty. */
  stageStreamsToPublish(): LocalStageStream[];
}

/** The condition of the connection that a subscription needs. @internal */
export type LinkState = 'idle' | 'connecting' | 'connected' | 'errored';

/** What is known and wanted of one remote participant. @internal */
export interface Wanted {
  readonly type: SubscribeType;
  readonly publishing: boolean;
  readonly hasAudio: boolean;
  readonly hasVideo: boolean;
  /** Whether the subscribe connection has a place for it. */
  readonly reachable: boolean;
  readonly link: LinkState;
}

/** What the app has been told so far. @internal */
export interface Held {
  readonly state: State;
  readonly kinds: readonly StreamType[];
  /** The streams are of a connection, or of a place in it, that is no longer this participant's. */
  readonly stale: boolean;
}

/** What to tell the app, in this order. @internal */
export interface SubscribePlan {
  readonly remove: readonly StreamType[];
  readonly states: readonly State[];
  readonly add: readonly StreamType[];
}

/** Finds the difference between what is wanted and what is held. It is pure: the whole meaning of SubscribeType is here. @internal */
export function planSubscription(wanted: Wanted, held: Held): SubscribePlan {
  const state = stateOf(wanted);
  const allowed = kindsOf(wanted);
  // While a lost connection is rebuilt the app keeps what it shows; new streams replace the old ones once they are there.
  const waiting = state === State.ATTEMPTING_SUBSCRIBE;
  const kinds = state === State.SUBSCRIBED ? allowed : waiting ? held.kinds.filter((kind) => allowed.includes(kind)) : [];
  const replace = held.stale && (!waiting || !wanted.reachable);
  return {
    remove: held.kinds.filter((kind) => replace || !kinds.includes(kind)),
    states: transition(held.state, state),
    add: waiting ? [] : kinds.filter((kind) => replace || !held.kinds.includes(kind)),
  };
}

function stateOf({ type, publishing, reachable, link }: Wanted): State {
  if (type === SubscribeType.NONE || !publishing) return State.NOT_SUBSCRIBED;
  if (link === 'errored') return State.ERRORED;
  return link === 'connected' && reachable ? State.SUBSCRIBED : State.ATTEMPTING_SUBSCRIBE;
}

function kindsOf({ type, hasAudio, hasVideo }: Wanted): StreamType[] {
  const kinds: StreamType[] = [];
  if (hasAudio && type !== SubscribeType.NONE) kinds.push(StreamType.AUDIO);
  if (hasVideo && type === SubscribeType.AUDIO_VIDEO) kinds.push(StreamType.VIDEO);
  return kinds;
}

/** Nobody is subscribed, or fails to be, without an attempt that was told. */
function transition(from: State, to: State): State[] {
  if (from === to) return [];
  const resting = from === State.NOT_SUBSCRIBED || from === State.ERRORED;
  const arriving = to === State.SUBSCRIBED || to === State.ERRORED;
  return resting && arriving ? [State.ATTEMPTING_SUBSCRIBE, to] : [to];
}
