import { StreamType } from './enums.js';

// This file alone touches RTCPeerConnection.

/** The life of a media connection. `closed` by the other side counts as failed. */
export type PeerState = 'connecting' | 'connected' | 'disconnected' | 'failed';

/** One media connection. */
export interface Peer {
  onstate: ((state: PeerState) => void) | null;
  offer(): Promise<string>;
  accept(answer: string): Promise<void>;
  close(): void;
}

/** What is sent in one section. */
export interface Sending {
  readonly track: MediaStreamTrack;
  readonly maxBitrate: number; // bits per second
  readonly maxFramerate?: number;
}

/** A connection that publishes at most one audio and one video track. Both sections are always there, so a track may come later. */
export interface SendingPeer extends Peer {
  /** Replaces what is sent. Before the offer it settles what the offer begins with. */
  send(kind: StreamType, sending: Sending | undefined): Promise<void>;
  stats(kind: StreamType): Promise<RTCStatsReport>;
}

/** One section of a receiving connection. */
export interface Reception {
  readonly track: MediaStreamTrack;
  stats(): Promise<RTCStatsReport>;
}

/** A connection that receives: the i-th audio and the i-th video section are slot i. docs/protocol.md section 3. */
export interface ReceivingPeer extends Peer {
  readonly slots: number;
  reception(slot: number, kind: StreamType): Reception;
}

/** Makes connections. */
export interface PeerFactory {
  sender(): SendingPeer;
  receiver(slots: number): ReceivingPeer;
}

/** Makes the connections of the browser. */
export const browserPeers: PeerFactory = {
  sender: () => new BrowserSender(),
  receiver: (slots) => new BrowserReceiver(slots),
};

abstract class BrowserPeer implements Peer {
  onstate: ((state: PeerState) => void) | null = null;
  protected readonly connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle', rtcpMuxPolicy: 'require' });

  constructor() {
    this.connection.onconnectionstatechange = () => {
      const state = this.connection.connectionState;
      if (state !== 'new') this.onstate?.(state === 'closed' ? 'failed' : state);
    };
  }

  async offer(): Promise<string> {
    // The candidates of this side are not waited for: the server's are all in the answer, and the checks that this side then
    // sends tell the server where it is (RFC 8445 7.3.1.3).
    await this.connection.setLocalDescription();
    return this.connection.localDescription!.sdp;
  }

  async accept(answer: string): Promise<void> {
    await this.connection.setRemoteDescription({ type: 'answer', sdp: answer });
    // Browsers call a connection connected for seconds more when the other side has closed its transport. All sections share one.
    const transport = this.connection.getSenders()[0]?.transport;
    transport?.addEventListener('statechange', () => {
      if (transport.state === 'closed') this.onstate?.('failed');
    });
  }

  close(): void {
    this.onstate = null;
    this.connection.close();
  }
}

class BrowserSender extends BrowserPeer implements SendingPeer {
  readonly #transceivers: Record<StreamType, RTCRtpTransceiver>;

  constructor() {
    super();
    const add = (kind: StreamType) => this.connection.addTransceiver(kind, { direction: 'sendonly', sendEncodings: [{}] });
    this.#transceivers = { audio: add(StreamType.AUDIO), video: add(StreamType.VIDEO) };
    prefer(this.#transceivers.audio, RTCRtpSender.getCapabilities('audio'), audioCodec);
    prefer(this.#transceivers.video, RTCRtpSender.getCapabilities('video'), videoCodec);
  }

  async send(kind: StreamType, sending: Sending | undefined): Promise<void> {
    const { sender } = this.#transceivers[kind];
    await sender.replaceTrack(sending?.track ?? null);
    if (!sending) return;
    const parameters = sender.getParameters();
    for (const encoding of parameters.encodings ?? []) {
      encoding.maxBitrate = sending.maxBitrate;
      if (sending.maxFramerate !== undefined) encoding.maxFramerate = sending.maxFramerate;
    }
    if (kind === StreamType.VIDEO) parameters.degradationPreference = degradation(sending.track);
    await sender.setParameters(parameters);
  }

  stats(kind: StreamType): Promise<RTCStatsReport> {
    return this.#transceivers[kind].sender.getStats();
  }
}

class BrowserReceiver extends BrowserPeer implements ReceivingPeer {
  readonly #places: Record<StreamType, RTCRtpTransceiver[]> = { audio: [], video: [] };

  constructor(readonly slots: number) {
    super();
    const audio = RTCRtpReceiver.getCapabilities('audio');
    const video = RTCRtpReceiver.getCapabilities('video');
    for (let slot = 0; slot < slots; slot++) {
      const add = (kind: StreamType) => this.connection.addTransceiver(kind, { direction: 'recvonly' });
      this.#places.audio.push(prefer(add(StreamType.AUDIO), audio, audioCodec));
      this.#places.video.push(prefer(add(StreamType.VIDEO), video, videoCodec));
    }
  }

  reception(slot: number, kind: StreamType): Reception {
    const { receiver } = this.#places[kind][slot]!;
    return { track: receiver.track, stats: () => receiver.getStats() };
  }
}

type Codec = { mimeType: string; sdpFmtpLine?: string };

/** Orders the codecs by rank and leaves out those without one; the offer of a whole stage would be too large with all of them. */
function prefer(transceiver: RTCRtpTransceiver, capabilities: RTCRtpCapabilities | null, rank: (codec: Codec) => number): RTCRtpTransceiver {
  const codecs = (capabilities?.codecs ?? []).filter((codec) => rank(codec) > 0);
  if (codecs.length > 0) transceiver.setCodecPreferences?.(codecs.sort((a, b) => rank(b) - rank(a)));
  return transceiver;
}

function audioCodec({ mimeType }: Codec): number {
  return mimeType.toLowerCase() === 'audio/opus' ? 1 : 0;
}

function videoCodec({ mimeType, sdpFmtpLine = '' }: Codec): number {
  switch (mimeType.toLowerCase()) {
    case 'video/h264': {
      // Packets above the MTU need mode 1. Constrained baseline first: everything can decode it.
      if (!/packetization-mode=1/.test(sdpFmtpLine)) return 0;
      const profile = /profile-level-id=([0-9a-f]{4})/i.exec(sdpFmtpLine)?.[1]?.toLowerCase();
      return profile === '42e0' ? 5 : profile === '4200' ? 4 : 0;
    }
    case 'video/vp8':
      return 3;
    case 'video/rtx':
      return 1;
    default:
      return 0;
  }
}

/** What to give up when the network or the processor is short: a screen has to stay readable, a person has to move. */
function degradation(track: MediaStreamTrack): RTCDegradationPreference {
  if (track.contentHint === 'motion') return 'maintain-framerate';
  const screen = 'displaySurface' in track.getSettings();
  return screen || track.contentHint === 'detail' || track.contentHint === 'text' ? 'maintain-resolution' : 'balanced';
}
