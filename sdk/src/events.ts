import type { StageConnectionState, StageLeftReason, StageParticipantPublishState, StageParticipantSubscribeState } from './enums.js';
import type { StageError } from './errors.js';
import type { StageParticipantInfo } from './participant.js';
import type { StageLayout } from './protocol.js';
import type { StageStream } from './stream.js';

/** The events of a stage, under their IVS names. */
export const StageEvents = {
  STAGE_CONNECTION_STATE_CHANGED: 'stageConnectionStateChanged',
  STAGE_LEFT: 'stageLeft',
  ERROR: 'error',
  STAGE_PARTICIPANT_JOINED: 'stageParticipantJoined',
  STAGE_PARTICIPANT_LEFT: 'stageParticipantLeft',
  STAGE_PARTICIPANT_METADATA_CHANGED: 'stageParticipantMetadataChanged',
  STAGE_PARTICIPANT_PUBLISH_STATE_CHANGED: 'stageParticipantPublishStateChanged',
  STAGE_PARTICIPANT_SUBSCRIBE_STATE_CHANGED: 'stageParticipantSubscribeStateChanged',
  STAGE_PARTICIPANT_STREAMS_ADDED: 'stageParticipantStreamsAdded',
  STAGE_PARTICIPANT_STREAMS_REMOVED: 'stageParticipantStreamsRemoved',
  STAGE_STREAM_MUTE_CHANGED: 'stageStreamMuteChanged',
} as const;
export type StageEvents = (typeof StageEvents)[keyof typeof StageEvents];

/** The events that only StreamCat has. */
export const StreamCatEvents = {
  /** ({live, since?}): the stage went live or stopped. */
  LIVE_CHANGED: 'streamcatLiveChanged',
  /** (layout): where the composite shows whom. */
  LAYOUT_CHANGED: 'streamcatLayoutChanged',
  /** (count): connected participants that cannot publish. */
  VIEWER_COUNT_CHANGED: 'streamcatViewerCountChanged',
  /** (participant, onAir): the audience may, or may no longer, see a participant. */
  ON_AIR_CHANGED: 'streamcatOnAirChanged',
} as const;
export type StreamCatEvents = (typeof StreamCatEvents)[keyof typeof StreamCatEvents];

/** Whether the audience receives, and since when. `since` is absent on a stage that is not gated. */
export interface StageLive {
  readonly live: boolean;
  readonly since?: Date;
}

/** The arguments of every event. */
export interface StageEventMap {
  stageConnectionStateChanged: [state: StageConnectionState];
  /** `message` is what the host wrote, or empty. It is ours, not IVS. */
  stageLeft: [reason: StageLeftReason, message: string];
  error: [error: StageError];
  stageParticipantJoined: [participant: StageParticipantInfo];
  stageParticipantLeft: [participant: StageParticipantInfo];
  stageParticipantMetadataChanged: [participant: StageParticipantInfo];
  stageParticipantPublishStateChanged: [participant: StageParticipantInfo, state: StageParticipantPublishState];
  stageParticipantSubscribeStateChanged: [participant: StageParticipantInfo, state: StageParticipantSubscribeState];
  stageParticipantStreamsAdded: [participant: StageParticipantInfo, streams: StageStream[]];
  stageParticipantStreamsRemoved: [participant: StageParticipantInfo, streams: StageStream[]];
  stageStreamMuteChanged: [participant: StageParticipantInfo, stream: StageStream];
  streamcatLiveChanged: [live: StageLive];
  streamcatLayoutChanged: [layout: StageLayout];
  streamcatViewerCountChanged: [count: number];
  streamcatOnAirChanged: [participant: StageParticipantInfo, onAir: boolean];
}
