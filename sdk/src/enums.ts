// The enumerations of the public interface. They are constant objects and not TypeScript enums, so that plain strings type-check too.

/** What to receive of a remote participant. */
export const SubscribeType = {
  NONE: 'NONE',
  AUDIO_ONLY: 'AUDIO_ONLY',
  AUDIO_VIDEO: 'AUDIO_VIDEO',
} as const;
export type SubscribeType = (typeof SubscribeType)[keyof typeof SubscribeType];

/** The connection of this client to its stage. */
export const StageConnectionState = {
  DISCONNECTED: 'disconnected',
  CONNECTING: 'connecting',
  CONNECTED: 'connected',
  ERRORED: 'errored',
} as const;
export type StageConnectionState = (typeof StageConnectionState)[keyof typeof StageConnectionState];

/** Whether a participant, local or remote, is publishing. */
export const StageParticipantPublishState = {
  NOT_PUBLISHED: 'not_published',
  ATTEMPTING_PUBLISH: 'attempting_publish',
  PUBLISHED: 'published',
  ERRORED: 'errored',
} as const;
export type StageParticipantPublishState = (typeof StageParticipantPublishState)[keyof typeof StageParticipantPublishState];

/** Whether this client receives a remote participant. */
export const StageParticipantSubscribeState = {
  NOT_SUBSCRIBED: 'not_subscribed',
  ATTEMPTING_SUBSCRIBE: 'attempting_subscribe',
  SUBSCRIBED: 'subscribed',
  ERRORED: 'errored',
} as const;
export type StageParticipantSubscribeState = (typeof StageParticipantSubscribeState)[keyof typeof StageParticipantSubscribeState];

/** The two kinds of stream. */
export const StreamType = {
  AUDIO: 'audio',
  VIDEO: 'video',
} as const;
export type StreamType = (typeof StreamType)[keyof typeof StreamType];

/** What a participant's token allows. */
export const StageParticipantCapability = {
  PUBLISH: 'publish',
  SUBSCRIBE: 'subscribe',
} as const;
export type StageParticipantCapability = (typeof StageParticipantCapability)[keyof typeof StageParticipantCapability];

/** Why this client is no longer on the stage. */
export const StageLeftReason = {
  USER_INITIATED: 'user-initiated',
  PARTICIPANT_DISCONNECTED: 'participant-disconnected',
  STAGE_DELETED: 'stage-deleted',
  TOKEN_REUSED: 'token-reused',
  UNKNOWN: 'unknown',
} as const;
export type StageLeftReason = (typeof StageLeftReason)[keyof typeof StageLeftReason];
