import { StageParticipantPublishState, StreamType } from './enums.js';
import { StageErrorCategory } from './errors.js';
import { Link } from './link.js';
import type { LocalStageStream, StreamOwner } from './local-stream.js';
import type { LocalParticipant } from './participant.js';
import type { Sending, SendingPeer } from './peer.js';
import type { SessionContext } from './session.js';
import type { LinkState } from './strategy.js';

type Streams = { [kind in StreamType]?: LocalStageStream };

const kinds = [StreamType.AUDIO, StreamType.VIDEO] as const;

const publishStates: Record<LinkState, StageParticipantPublishState> = {
  idle: StageParticipantPublishState.NOT_PUBLISHED,
  connecting: StageParticipantPublishState.ATTEMPTING_PUBLISH,
  connected: StageParticipantPublishState.PUBLISHED,
  errored: StageParticipantPublishState.ERRORED,
};

/** Publishes what the strategy returns. docs/protocol.md section 2 */
export class Publisher implements StreamOwner {
  readonly #context: SessionContext;
  readonly #local: LocalParticipant;
  readonly #link: Link<SendingPeer>;
  #streams: Streams = {}; // what the strategy wants
  #told: Streams = {}; // what the app has been told as added
  #should = false;

  constructor(context: SessionContext, local: LocalParticipant) {
    this.#context = context;
    this.#local = local;
    this.#link = new Link<SendingPeer>({
      requests: context.requests,
      url: context.address(context.claims.whipUrl),
      createPeer: () => this.#createPeer(),
      onstate: (state, refusal) =>
        context.batch(() => {
          this.#tell(state);
          if (state === 'errored' && refusal) context.emit('error', refusal.toStageError(StageErrorCategory.PUBLISH_ERROR));
        }),
    });
  }

  /** Asks the strategy and does what has to be done. */
  sync(): void {
    if (!this.#context.claims.mayPublish) return;
    this.#should = this.#context.ask('shouldPublishParticipant', (strategy) => strategy.shouldPublishParticipant(this.#local), this.#should) === true;
    const streams = this.#should ? this.#ask() : {};
    for (const kind of kinds) this.#replace(kind, streams[kind]);
    this.#declareMute();
    if (kinds.some((kind) => this.#streams[kind])) this.#link.start();
    else this.#link.stop();
    if (this.#link.state === 'connected') this.#tellStreams(this.#streams);
  }

  muteChanged(stream: LocalStageStream): void {
    this.#context.batch(() => {
      this.#declareMute();
      if (this.#told[stream.streamType] === stream) this.#context.emit('stageStreamMuteChanged', this.#local, stream);
    });
  }

  async stats(stream: LocalStageStream): Promise<RTCStatsReport | undefined> {
    return this.#link.peer?.stats(stream.streamType);
  }

  suspend(): void {
    this.#link.suspend();
  }

  resume(alive: readonly string[]): void {
    this.#link.resume(alive);
  }

  hurry(): void {
    this.#link.hurry();
  }

  close(endOnServer: boolean): void {
    for (const kind of kinds) this.#replace(kind, undefined);
    this.#link.stop(endOnServer);
  }

  #ask(): Streams {
    const last = kinds.flatMap((kind) => this.#streams[kind] ?? []);
    const list = this.#context.ask('stageStreamsToPublish', (strategy) => strategy.stageStreamsToPublish(), last);
    const streams: Streams = {};
    for (const stream of list ?? []) streams[stream.streamType] ??= stream;
    return streams;
  }

  /** Swaps what is sent of one kind, with no word to the server. */
  #replace(kind: StreamType, next: LocalStageStream | undefined): void {
    const last = this.#streams[kind];
    if (last === next) return;
    last?.owners.delete(this);
    next?.owners.add(this);
    if (next) this.#streams[kind] = next;
    else delete this.#streams[kind];
    const { peer } = this.#link;
    peer?.send(kind, next && sendingOf(next)).catch((error: unknown) => {
      if (this.#link.peer !== peer) return; // closed meanwhile, and with it what was not sent
      console.warn('StreamCat: the track cannot be swapped, publishing anew', error);
      this.#link.rebuild();
    });
  }

  #createPeer(): SendingPeer {
    const peer = this.#context.requests.platform.peers.sender();
    for (const kind of kinds) {
      const stream = this.#streams[kind];
      if (!stream) continue;
      peer.send(kind, sendingOf(stream)).catch((error: unknown) => {
        if (this.#link.peer === peer) console.error(`StreamCat: ${kind} cannot be sent`, error);
      });
    }
    return peer;
  }

  /** What others should see: a kind that is not sent (any more) is muted too. */
  #declareMute(): void {
    const { audio, video } = this.#streams;
    if (!audio && !video) return;
    this.#local.audioMuted = audio?.isMuted ?? true;
    this.#local.videoStopped = video?.isMuted ?? true;
    const { audioMuted, videoStopped } = this.#local;
    this.#context.declare({ type: 'MUTE', payload: { audioMuted, videoStopped } });
  }

  #tell(state: LinkState): void {
    if (state === 'idle') this.#tellStreams({});
    this.#local.isPublishing = state === 'connected';
    this.#context.emit('stageParticipantPublishStateChanged', this.#local, publishStates[state]);
    if (state === 'connected') this.#tellStreams(this.#streams);
  }

  #tellStreams(streams: Streams): void {
    const changed = kinds.filter((kind) => this.#told[kind]?.mediaStreamTrack !== streams[kind]?.mediaStreamTrack);
    const removed = changed.flatMap((kind) => this.#told[kind] ?? []);
    const added = changed.flatMap((kind) => streams[kind] ?? []);
    this.#told = { ...streams };
    if (removed.length > 0) this.#context.emit('stageParticipantStreamsRemoved', this.#local, removed);
    if (added.length > 0) this.#context.emit('stageParticipantStreamsAdded', this.#local, added);
  }
}

function sendingOf({ mediaStreamTrack, mediaConfig }: LocalStageStream): Sending {
  const { maxAudioBitrateKbps, maxVideoBitrateKbps, maxFramerate } = mediaConfig;
  return {
    track: mediaStreamTrack,
    maxBitrate: (maxAudioBitrateKbps ?? maxVideoBitrateKbps ?? 0) * 1000,
    ...(maxFramerate !== undefined && { maxFramerate }),
  };
}
