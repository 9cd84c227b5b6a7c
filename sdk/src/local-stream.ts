import { StreamType } from './enums.js';
import type { StageStream } from './stream.js';

/** Limits of a published video stream. */
export interface StageVideoConfiguration {
  /** 50 to 8500, at first 2500. */
  maxVideoBitrateKbps?: number;
  /** 1 to 60, at first 30. */
  maxFramerate?: number;
}

/** Limits of a published audio stream. */
export interface StageAudioConfiguration {
  /** 12 to 510, at first 64. */
  maxAudioBitrateKbps?: number;
}

/** Who publishes a local stream: it hears of muting and knows the statistics. @internal */
export interface StreamOwner {
  muteChanged(stream: LocalStageStream): void;
  stats(stream: LocalStageStream): Promise<RTCStatsReport | undefined>;
}

/** A camera, microphone or screen to be published: return it from `stageStreamsToPublish()`. */
export class LocalStageStream implements StageStream {
  readonly mediaStreamTrack: MediaStreamTrack;
  readonly streamType: StreamType;
  readonly mediaConfig: Readonly<StageVideoConfiguration & StageAudioConfiguration>;
  /** The stages that publish it. @internal */
  readonly owners = new Set<StreamOwner>();
  #muted: boolean;

  constructor(track: MediaStreamTrack, config: StageVideoConfiguration | StageAudioConfiguration = {}) {
    if (track?.kind !== 'audio' && track?.kind !== 'video') throw new TypeError('A LocalStageStream needs a MediaStreamTrack.');
    this.mediaStreamTrack = track;
    this.streamType = track.kind;
    this.#muted = !track.enabled;
    this.mediaConfig = Object.freeze(
      track.kind === 'audio'
        ? { maxAudioBitrateKbps: within(config, 'maxAudioBitrateKbps', 12, 510, 64) }
        : {
            maxVideoBitrateKbps: within(config, 'maxVideoBitrateKbps', 50, 8500, 2500),
            maxFramerate: within(config, 'maxFramerate', 1, 60, 30),
          },
    );
  }

  get id(): string {
    return this.mediaStreamTrack.id;
  }

  get isMuted(): boolean {
    return this.#muted;
  }

  /**
   * Mutes or unmutes while publishing goes on: the track is disabled (silence, a black picture) and everybody else gets
   * STAGE_STREAM_MUTE_CHANGED. The device stays open, so a camera light may stay on; an app that wants it off stops the track and
   * publishes a new one to unmute.
   */
  setMuted(muted: boolean): void {
    if (this.#muted === muted) return;
    this.#muted = muted;
    this.mediaStreamTrack.enabled = !muted;
    for (const owner of this.owners) owner.muteChanged(this);
  }

  async requestRTCStats(): Promise<RTCStatsReport | undefined> {
    for (const owner of this.owners) return owner.stats(this);
    return undefined;
  }
}

function within(config: StageVideoConfiguration & StageAudioConfiguration, name: keyof typeof config, least: number, most: number, usual: number): number {
  const value = config[name] ?? usual;
  if (typeof value !== 'number' || !(value >= least && value <= most)) throw new RangeError(`${name} must be a number from ${least} to ${most}.`);
  return value;
}
