// Who is on the stage and what is received of each: a map by participant id, so that whatever order events come in there is one
// entry for one participant, and losing one stream loses only that stream. The attributes are those that site gives its tokens.
import type { StageParticipantInfo, StageStream } from '/sdk/streamcat.js';

export interface Member {
  readonly id: string;
  readonly userId: string;
  readonly name: string;
  readonly isLocal: boolean;
  readonly isScreen: boolean;
  readonly isHost: boolean;
  readonly of: string; // of a screen: the participant that shares it
  audioMuted: boolean;
  videoStopped: boolean;
  onAir: boolean;
  audio: MediaStreamTrack | null;
  video: MediaStreamTrack | null;
}

type Participant = Pick<StageParticipantInfo, 'id' | 'userId' | 'isLocal' | 'attributes' | 'audioMuted' | 'videoStopped' | 'onAir'>;
type Stream = Pick<StageStream, 'streamType' | 'mediaStreamTrack' | 'isMuted'>;

export class Roster {
  readonly #members = new Map<string, Member>();

  get members(): Member[] {
    return [...this.#members.values()];
  }

  get(id: string): Member | undefined {
    return this.#members.get(id);
  }

  /** Takes over what a participant says of itself; makes an entry when there is none. */
  update(participant: Participant): Member {
    let member = this.#members.get(participant.id);
    if (!member) {
      member = {
        id: participant.id,
        userId: participant.userId,
        name: nameOf(participant),
        isLocal: participant.isLocal,
        isScreen: participant.attributes['featured'] === 'true',
        isHost: participant.attributes['role'] === 'host',
        of: participant.attributes['of'] ?? '',
        audioMuted: false,
        videoStopped: false,
        onAir: false,
        audio: null,
        video: null,
      };
      this.#members.set(member.id, member);
    }
    member.audioMuted = participant.audioMuted;
    member.videoStopped = participant.videoStopped;
    member.onAir = participant.onAir;
    return member;
  }

  /** A newer stream of the same type replaces the older one. */
  add(participant: Participant, streams: readonly Stream[]): void {
    const member = this.update(participant);
    for (const stream of streams) member[stream.streamType] = stream.mediaStreamTrack;
  }

  /** Drops exactly these streams; one that was replaced meanwhile stays replaced. */
  remove(participant: Participant, streams: readonly Stream[]): void {
    const member = this.#members.get(participant.id);
    if (!member) return;
    for (const { streamType, mediaStreamTrack } of streams) {
      if (member[streamType] === mediaStreamTrack) member[streamType] = null;
    }
  }

  /** A local participant hears of its own muting from the stream, before the server says so. */
  mute(participant: Participant, stream: Stream): void {
    const member = this.update(participant);
    if (stream.streamType === 'audio') member.audioMuted = stream.isMuted;
    else member.videoStopped = stream.isMuted;
  }

  leave(participant: { readonly id: string }): void {
    this.#members.delete(participant.id);
  }

  clear(): void {
    this.#members.clear();
  }
}

/** What to call a participant. */
export function nameOf({ attributes, userId, id }: Pick<StageParticipantInfo, 'attributes' | 'userId' | 'id'>): string {
  return attributes['name'] || userId || id.slice(0, 6);
}
