import type { Peer, PeerFactory, PeerState, ReceivingPeer, Reception, Sending, SendingPeer } from '../src/peer.js';
import type { StreamType } from '../src/enums.js';

/** A track, as much of it as the SDK touches. */
export class FakeTrack {
  static count = 0;
  readonly id = `track-${++FakeTrack.count}`;
  enabled = true;
  readyState: 'live' | 'ended' = 'live';
  contentHint = '';

  constructor(readonly kind: 'audio' | 'video') {}

  stop(): void {
    this.readyState = 'ended';
  }

  getSettings(): object {
    return {};
  }
}

/** Makes a track that passes for one of the browser. */
export function track(kind: 'audio' | 'video'): MediaStreamTrack {
  return new FakeTrack(kind) as unknown as MediaStreamTrack;
}

/** The twin of the browser's connection: it connects by itself a moment after the answer unless told not to. */
abstract class FakePeer implements Peer {
  onstate: ((state: PeerState) => void) | null = null;
  answer: string | undefined;
  closed = false;

  constructor(readonly factory: FakePeers) {}

  async offer(): Promise<string> {
    return `offer ${this.factory.made.indexOf(this)}`;
  }

  async accept(answer: string): Promise<void> {
    this.answer = answer;
    if (this.factory.connects) queueMicrotask(() => this.become('connected'));
  }

  close(): void {
    this.closed = true;
    this.onstate = null;
  }

  become(state: PeerState): void {
    if (!this.closed) this.onstate?.(state);
  }
}

/** A publishing connection; `sent` is what it sends now. */
export class FakeSender extends FakePeer implements SendingPeer {
  readonly sent: { [kind in StreamType]?: Sending } = {};
  refusesTracks = false;

  async send(kind: StreamType, sending: Sending | undefined): Promise<void> {
    if (this.refusesTracks) throw new Error('InvalidModificationError');
    if (sending) this.sent[kind] = sending;
    else delete this.sent[kind];
    await Promise.resolve();
    if (this.closed) throw new Error('InvalidStateError'); // as a browser's sender, between its two steps
  }

  async stats(kind: StreamType): Promise<RTCStatsReport> {
    return new Map([[kind, this.sent[kind]?.track.id]]) as unknown as RTCStatsReport;
  }
}

/** A receiving connection. */
export class FakeReceiver extends FakePeer implements ReceivingPeer {
  readonly #receptions = new Map<string, Reception>();

  constructor(
    factory: FakePeers,
    readonly slots: number,
  ) {
    super(factory);
  }

  reception(slot: number, kind: StreamType): Reception {
    const key = `${slot} ${kind}`;
    let reception = this.#receptions.get(key);
    if (!reception) {
      reception = { track: track(kind), stats: async () => new Map([[key, slot]]) as unknown as RTCStatsReport };
      this.#receptions.set(key, reception);
    }
    return reception;
  }
}

/** Makes fake connections and keeps them for the test to look at. */
export class FakePeers implements PeerFactory {
  readonly made: FakePeer[] = [];
  connects = true;

  sender(): FakeSender {
    const peer = new FakeSender(this);
    this.made.push(peer);
    return peer;
  }

  receiver(slots: number): FakeReceiver {
    const peer = new FakeReceiver(this, slots);
    this.made.push(peer);
    return peer;
  }

  /** Those of a kind that are not closed. */
  get senders(): FakeSender[] {
    return this.made.filter((peer): peer is FakeSender => peer instanceof FakeSender && !peer.closed);
  }
  get receivers(): FakeReceiver[] {
    return this.made.filter((peer): peer is FakeReceiver => peer instanceof FakeReceiver && !peer.closed);
  }
}
