import { LocalStageStream, Stage, StageEvents, StreamCatEvents, SubscribeType } from '../src/index.js';
import type { StageParticipantInfo, StageStrategy } from '../src/index.js';
import { track } from './fake-peer.js';
import { World } from './world.js';

/** A token as the server would make it, with no signature that anybody checks here. */
export function token(claims: object = {}): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const usual = {
    jti: 'me', topic: 'stage', user_id: 'user-me', attributes: { name: 'Zoë' },
    whip_url: 'https://example.test/rtc/whip', events_url: 'wss://example.test/rtc/events',
    capabilities: { allow_publish: true, allow_subscribe: true },
  };
  return `${encode({ alg: 'ES384', typ: 'JWT' })}.${encode({ ...usual, ...claims })}.c2lnbmF0dXJl`;
}

/** A strategy whose answers a test can change. */
export class TestStrategy implements StageStrategy {
  publish = false;
  streams: LocalStageStream[] = [];
  /** By participant id; `default` for the others. */
  subscribe: Record<string, SubscribeType> = { default: SubscribeType.AUDIO_VIDEO };
  asked = 0;

  shouldSubscribeToParticipant(participant: StageParticipantInfo): SubscribeType {
    this.asked++;
    return this.subscribe[participant.id] ?? this.subscribe['default']!;
  }
  shouldPublishParticipant(): boolean {
    return this.publish;
  }
  stageStreamsToPublish(): LocalStageStream[] {
    return this.streams;
  }
}

/** A stage in a world of its own, with everything that it tells written down. */
export class Fixture {
  readonly world = new World();
  readonly strategy = new TestStrategy();
  readonly stage: Stage;
  /** One line an event, such as `joined a` or `added a audio video`. */
  log: string[] = [];
  readonly microphone = new LocalStageStream(track('audio'));
  readonly camera = new LocalStageStream(track('video'));

  constructor(claims: object = {}) {
    this.stage = new Stage(token(claims), this.strategy, { platform: this.world } as object);
    const { stage } = this;
    stage.on(StageEvents.STAGE_CONNECTION_STATE_CHANGED, (state) => this.log.push(state));
    stage.on(StageEvents.STAGE_LEFT, (reason, message) => this.log.push(`left ${reason}${message && `: ${message}`}`));
    stage.on(StageEvents.ERROR, ({ code, category }) => this.log.push(`error ${code} ${category}`));
    stage.on(StageEvents.STAGE_PARTICIPANT_JOINED, (p) => this.log.push(`joined ${p.id}`));
    stage.on(StageEvents.STAGE_PARTICIPANT_LEFT, (p) => this.log.push(`gone ${p.id}`));
    stage.on(StageEvents.STAGE_PARTICIPANT_METADATA_CHANGED, (p) => this.log.push(`metadata ${p.id}`));
    stage.on(StageEvents.STAGE_PARTICIPANT_PUBLISH_STATE_CHANGED, (p, state) => this.log.push(`publish ${p.id} ${state}`));
    stage.on(StageEvents.STAGE_PARTICIPANT_SUBSCRIBE_STATE_CHANGED, (p, state) => this.log.push(`subscribe ${p.id} ${state}`));
    stage.on(StageEvents.STAGE_PARTICIPANT_STREAMS_ADDED, (p, s) => this.log.push(`added ${p.id} ${s.map((x) => x.streamType).join(' ')}`));
    stage.on(StageEvents.STAGE_PARTICIPANT_STREAMS_REMOVED, (p, s) => this.log.push(`removed ${p.id} ${s.map((x) => x.streamType).join(' ')}`));
    stage.on(StageEvents.STAGE_STREAM_MUTE_CHANGED, (p, s) => this.log.push(`mute ${p.id} ${s.streamType} ${s.isMuted}`));
    stage.on(StreamCatEvents.ON_AIR_CHANGED, (p, onAir) => this.log.push(`on air ${p.id} ${onAir}`));
  }

  get server() {
    return this.world.server;
  }

  /** Joins with these on the stage already, and forgets what that told. */
  async join(participants: object[] = []): Promise<void> {
    this.server.participants = participants;
    const joined = this.stage.join();
    await this.world.settle();
    await joined;
    this.log = [];
  }

  /** The server lists these from now on. */
  async list(...participants: object[]): Promise<void> {
    this.server.participants = participants;
    this.server.tellState(this.world.socket);
    await this.world.settle();
  }

  /** What was told since the last time. */
  told(): string[] {
    const told = this.log;
    this.log = [];
    return told;
  }

  /** Publishes microphone and camera. */
  publish(): void {
    this.strategy.publish = true;
    this.strategy.streams = [this.microphone, this.camera];
    this.stage.refreshStrategy();
  }

  /** What the server heard of a type, newest last. */
  heard(type: string): any[] {
    return this.world.sockets.flatMap((socket) => socket.heard).filter((message) => message.type === type).map((message) => message.payload);
  }
}
