// Everything that apps may use, and nothing else.

export { StageConnectionState, StageLeftReason, StageParticipantCapability, StageParticipantPublishState } from './enums.js';
export { StageParticipantSubscribeState, StreamType, SubscribeType } from './enums.js';
export { StageError, StageErrorCategory, StageErrorCode } from './errors.js';
export { StageEvents, StreamCatEvents } from './events.js';
export type { StageEventMap, StageLive } from './events.js';
export { LocalStageStream } from './local-stream.js';
export type { StageAudioConfiguration, StageVideoConfiguration } from './local-stream.js';
export type { StageParticipantInfo } from './participant.js';
export type { StageLayout, StageLayoutTile } from './protocol.js';
export type { RemoteStageStream } from './remote-stream.js';
export { Stage } from './stage.js';
export type { StageConfiguration } from './stage.js';
export type { StageStrategy } from './strategy.js';
export type { StageStream } from './stream.js';
export { VERSION } from './version.js';
