import type { StreamType } from './enums.js';
import type { Reception } from './peer.js';
import type { StageStream } from './stream.js';

/** A stream that is received. Its track belongs to the SDK: after STREAMS_REMOVED it may carry somebody else. */
export interface RemoteStageStream extends StageStream {}

/** The stream of one remote participant in one place of the subscribe connection. @internal */
export class ReceivedStream implements RemoteStageStream {
  constructor(
    readonly id: string,
    readonly streamType: StreamType,
    readonly reception: Reception,
    public isMuted: boolean,
  ) {
    // The app may have disabled the track while somebody else was in this place.
    reception.track.enabled = true;
  }

  get mediaStreamTrack(): MediaStreamTrack {
    return this.reception.track;
  }

  async requestRTCStats(): Promise<RTCStatsReport | undefined> {
    return this.reception.stats();
  }
}
