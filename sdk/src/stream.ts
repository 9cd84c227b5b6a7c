import type { StreamType } from './enums.js';

/** One audio or video stream of a participant. */
export interface StageStream {
  readonly id: string;
  readonly streamType: StreamType;
  readonly mediaStreamTrack: MediaStreamTrack;
  /** What its publisher wants others to see; a muted stream goes on. */
  readonly isMuted: boolean;
  /** The browser's report on this stream, undefined while it is not connected. */
  requestRTCStats(): Promise<RTCStatsReport | undefined>;
}
