// The public interface of the StreamCat SDK. Generated; the source is sdk/src.

/** What to receive of a remote participant. */
declare const SubscribeType: {
    readonly NONE: 'NONE';
    readonly AUDIO_ONLY: 'AUDIO_ONLY';
    readonly AUDIO_VIDEO: 'AUDIO_VIDEO';
};
type SubscribeType = (typeof SubscribeType)[keyof typeof SubscribeType];
/** The connection of this client to its stage. */
declare const StageConnectionState: {
    readonly DISCONNECTED: 'disconnected';
    readonly CONNECTING: 'connecting';
    readonly CONNECTED: 'connected';
    readonly ERRORED: 'errored';
};
type StageConnectionState = (typeof StageConnectionState)[keyof typeof StageConnectionState];
/** Whether a participant, local or remote, is publishing. */
declare const StageParticipantPublishState: {
    readonly NOT_PUBLISHED: 'not_published';
    readonly ATTEMPTING_PUBLISH: 'attempting_publish';
    readonly PUBLISHED: 'published';
    readonly ERRORED: 'errored';
};
type StageParticipantPublishState = (typeof StageParticipantPublishState)[keyof typeof StageParticipantPublishState];
/** Whether this client receives a remote participant. */
declare const StageParticipantSubscribeState: {
    readonly NOT_SUBSCRIBED: 'not_subscribed';
    readonly ATTEMPTING_SUBSCRIBE: 'attempting_subscribe';
    readonly SUBSCRIBED: 'subscribed';
    readonly ERRORED: 'errored';
};
type StageParticipantSubscribeState = (typeof StageParticipantSubscribeState)[keyof typeof StageParticipantSubscribeState];
/** The two kinds of stream. */
declare const StreamType: {
    readonly AUDIO: 'audio';
    readonly VIDEO: 'video';
};
type StreamType = (typeof StreamType)[keyof typeof StreamType];
/** What a participant's token allows. */
declare const StageParticipantCapability: {
    readonly PUBLISH: 'publish';
    readonly SUBSCRIBE: 'subscribe';
};
type StageParticipantCapability = (typeof StageParticipantCapability)[keyof typeof StageParticipantCapability];
/** Why this client is no longer on the stage. */
declare const StageLeftReason: {
    readonly USER_INITIATED: 'user-initiated';
    readonly PARTICIPANT_DISCONNECTED: 'participant-disconnected';
    readonly STAGE_DELETED: 'stage-deleted';
    readonly TOKEN_REUSED: 'token-reused';
    readonly UNKNOWN: 'unknown';
};
type StageLeftReason = (typeof StageLeftReason)[keyof typeof StageLeftReason];

/** What was being done when an error happened. */
declare const StageErrorCategory: {
    readonly JOIN_ERROR: 'JOIN_ERROR';
    readonly PUBLISH_ERROR: 'PUBLISH_ERROR';
    readonly SUBSCRIBE_ERROR: 'SUBSCRIBE_ERROR';
};
type StageErrorCategory = (typeof StageErrorCategory)[keyof typeof StageErrorCategory];
/** What went wrong, as a number. */
declare const StageErrorCode: {
    readonly TOKEN_MALFORMED: 1;
    readonly TOKEN_EXPIRED: 2;
    readonly TIMEOUT: 3;
    readonly FAILED: 4;
    readonly CANCELED: 5;
    readonly STAGE_AT_CAPACITY: 6;
    readonly CODEC_MISMATCH: 7;
    readonly TOKEN_NOT_ALLOWED: 8;
    readonly STAGE_DELETED: 9;
    readonly PARTICIPANT_DISCONNECTED: 10;
};
type StageErrorCode = (typeof StageErrorCode)[keyof typeof StageErrorCode];
/** The error that `join()` rejects with and that the ERROR event carries. */
declare class StageError extends Error {
    readonly name = "StageError";
    readonly code: StageErrorCode;
    readonly category: StageErrorCategory;
    constructor(code: StageErrorCode, category: StageErrorCategory, message: string);
}

/** The events of a stage, under their IVS names. */
declare const StageEvents: {
    readonly STAGE_CONNECTION_STATE_CHANGED: 'stageConnectionStateChanged';
    readonly STAGE_LEFT: 'stageLeft';
    readonly ERROR: 'error';
    readonly STAGE_PARTICIPANT_JOINED: 'stageParticipantJoined';
    readonly STAGE_PARTICIPANT_LEFT: 'stageParticipantLeft';
    readonly STAGE_PARTICIPANT_METADATA_CHANGED: 'stageParticipantMetadataChanged';
    readonly STAGE_PARTICIPANT_PUBLISH_STATE_CHANGED: 'stageParticipantPublishStateChanged';
    readonly STAGE_PARTICIPANT_SUBSCRIBE_STATE_CHANGED: 'stageParticipantSubscribeStateChanged';
    readonly STAGE_PARTICIPANT_STREAMS_ADDED: 'stageParticipantStreamsAdded';
    readonly STAGE_PARTICIPANT_STREAMS_REMOVED: 'stageParticipantStreamsRemoved';
    readonly STAGE_STREAM_MUTE_CHANGED: 'stageStreamMuteChanged';
};
type StageEvents = (typeof StageEvents)[keyof typeof StageEvents];
/** The events that only StreamCat has. */
declare const StreamCatEvents: {
    /** ({live, since?}): the stage went live or stopped. */
    readonly LIVE_CHANGED: 'streamcatLiveChanged';
    /** (layout): where the composite shows whom. */
    readonly LAYOUT_CHANGED: 'streamcatLayoutChanged';
    /** (count): connected participants that cannot publish. */
    readonly VIEWER_COUNT_CHANGED: 'streamcatViewerCountChanged';
    /** (participant, onAir): the audience may, or may no longer, see a participant. */
    readonly ON_AIR_CHANGED: 'streamcatOnAirChanged';
};
type StreamCatEvents = (typeof StreamCatEvents)[keyof typeof StreamCatEvents];
/** Whether the audience receives, and since when. `since` is absent on a stage that is not gated. */
interface StageLive {
    readonly live: boolean;
    readonly since?: Date;
}
/** The arguments of every event. */
interface StageEventMap {
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

/** A participant, as strategy functions and events receive it. It is the same object as long as the participant stays. */
interface StageParticipantInfo {
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

/** The place of one participant in the composite; `column` and `row` count from 1, as CSS grid lines do. */
interface StageLayoutTile {
    readonly participantId: string;
    readonly column: number;
    readonly row: number;
    readonly columnSpan: number;
    readonly rowSpan: number;
    readonly featured: boolean;
}
/** The composite: a grid over a 16:9 picture, the same for everybody. */
interface StageLayout {
    readonly columns: number;
    readonly rows: number;
    readonly tiles: readonly StageLayoutTile[];
}

/** One audio or video stream of a participant. */
interface StageStream {
    readonly id: string;
    readonly streamType: StreamType;
    readonly mediaStreamTrack: MediaStreamTrack;
    /** What its publisher wants others to see; a muted stream goes on. */
    readonly isMuted: boolean;
    /** The browser's report on this stream, undefined while it is not connected. */
    requestRTCStats(): Promise<RTCStatsReport | undefined>;
}

/** Limits of a published video stream. */
interface StageVideoConfiguration {
    /** 50 to 8500, at first 2500. */
    maxVideoBitrateKbps?: number;
    /** 1 to 60, at first 30. */
    maxFramerate?: number;
}
/** Limits of a published audio stream. */
interface StageAudioConfiguration {
    /** 12 to 510, at first 64. */
    maxAudioBitrateKbps?: number;
}
/** A camera, microphone or screen to be published: return it from `stageStreamsToPublish()`. */
declare class LocalStageStream implements StageStream {
    #private;
    readonly mediaStreamTrack: MediaStreamTrack;
    readonly streamType: StreamType;
    readonly mediaConfig: Readonly<StageVideoConfiguration & StageAudioConfiguration>;
    constructor(track: MediaStreamTrack, config?: StageVideoConfiguration | StageAudioConfiguration);
    get id(): string;
    get isMuted(): boolean;
    /**
     * Mutes or unmutes while publishing goes on: the track is disabled (silence, a black picture) and everybody else gets
     * STAGE_STREAM_MUTE_CHANGED. The device stays open, so a camera light may stay on; an app that wants it off stops the track and
     * publishes a new one to unmute.
     */
    setMuted(muted: boolean): void;
    requestRTCStats(): Promise<RTCStatsReport | undefined>;
}

/** A stream that is received. Its track belongs to the SDK: after STREAMS_REMOVED it may carry somebody else. */
interface RemoteStageStream extends StageStream {
}

/** Settings of a stage; there are none for apps yet. */
interface StageConfiguration {
}
/** A stage as one participant, the holder of the token, sees it. Making one does nothing; `join()` connects. */
declare class Stage {
    #private;
    constructor(token: string, strategy: StageStrategy, config?: StageConfiguration);
    /**
     * Connects. It resolves when connected and rejects with a StageError: at once for a token that is refused, after thirty seconds of tries
     * when the stage cannot be reached. On a stage that is joined it does nothing; after `leave()` it joins again.
     */
    join(): Promise<void>;
    /** Stops publishing and subscribing, and disconnects. */
    leave(): void;
    /** Asks all functions of the strategy again and applies the differences. Call it whenever one would answer differently. */
    refreshStrategy(): void;
    /** Puts another strategy in place and applies the differences. */
    replaceStrategy(strategy: StageStrategy): void;
    /** Adds a listener, called with `context` as `this`. */
    on<E extends keyof StageEventMap>(event: E, callback: (...args: StageEventMap[E]) => void, context?: unknown): void;
    /** Removes a listener. */
    off<E extends keyof StageEventMap>(event: E, callback: (...args: StageEventMap[E]) => void, context?: unknown): void;
    removeAllListeners(): void;
    hasListenersFor(event: keyof StageEventMap): boolean;
    /** The state that STAGE_CONNECTION_STATE_CHANGED told last. Ours, not IVS. */
    get connectionState(): StageConnectionState;
    /** Whether the audience receives; on a stage that is not gated it always does. Ours, not IVS. */
    get live(): boolean;
    /** Since when, on a gated stage that is live. Ours, not IVS. */
    get liveSince(): Date | undefined;
    /** Where the composite shows whom. Ours, not IVS. */
    get layout(): StageLayout;
    /** How many are connected that cannot publish. Ours, not IVS. */
    get viewerCount(): number;
    /** Whom the server lists, in its order; the local participant among them when it is listed. Ours, not IVS. */
    get participants(): StageParticipantInfo[];
}

/**
 * What the app wants. The SDK asks these functions when something changes and on `refreshStrategy()`, and does what is needed to get
 * there; they must be quick and without side effects.
 */
interface StageStrategy {
    /** What to receive of a remote participant. It takes effect as soon as, and as long as, that participant publishes. */
    shouldSubscribeToParticipant(participant: StageParticipantInfo): SubscribeType;
    /** Whether to publish; asked only for the local participant and only when its token allows it. */
    shouldPublishParticipant(participant: StageParticipantInfo): boolean;
    /** What to publish: at most one audio and one video stream. Nothing is published while the list is empty. */
    stageStreamsToPublish(): LocalStageStream[];
}

/** The version of this SDK; the server sees it as the `sdk` parameter of every connection. */
declare const VERSION = "0.1.0";

export { LocalStageStream, RemoteStageStream, Stage, StageAudioConfiguration, StageConfiguration, StageConnectionState, StageError, StageErrorCategory, StageErrorCode, StageEventMap, StageEvents, StageLayout, StageLayoutTile, StageLeftReason, StageLive, StageParticipantCapability, StageParticipantInfo, StageParticipantPublishState, StageParticipantSubscribeState, StageStrategy, StageStream, StageVideoConfiguration, StreamCatEvents, StreamType, SubscribeType, VERSION };
