// The list beside the picture: who is on stage and how.
import type { Member } from './roster.js';

export interface Person {
  id: string;
  name: string;
  picture: string;
  status: string;
  audioMuted: boolean;
  videoStopped: boolean;
  speaking: boolean;
  isLocal: boolean;
  onAir: boolean;
  sends: boolean; // a picture or sound, even if muted
}

/** Makes the list from the members; who was speaking still is. */
export function people(members: readonly Member[], before: readonly Person[]): Person[] {
  return members.map((member) => ({
    id: member.id,
    name: member.isScreen ? `${member.name}’s screen` : member.name,
    picture: `/@${encodeURIComponent(member.name)}/picture`,
    status: status(member),
    audioMuted: !member.isScreen && (member.audioMuted || member.audio === null),
    videoStopped: !member.isScreen && (member.videoStopped || member.video === null),
    speaking: before.find(({ id }) => id === member.id)?.speaking ?? false,
    isLocal: member.isLocal,
    onAir: member.onAir,
    sends: member.audio !== null || member.video !== null,
  }));
}

function status(member: Member): string {
  const role = member.isScreen ? 'Screen' : member.isHost ? 'Host' : 'Guest';
  return [member.isLocal ? `${role} (you)` : role, ...(member.onAir ? [] : ['backstage'])].join(' · ');
}

type Heard = Pick<Person, 'id' | 'name' | 'isLocal' | 'onAir' | 'sends'>;

/** What changed from one list to the next, in words to be read out. */
export function changesInWords(before: readonly Heard[], after: readonly Heard[]): string {
  const was = new Map(before.map((person) => [person.id, person]));
  const came = after.filter(({ id }) => !was.has(id));
  const went = before.filter(({ id }) => !after.some((person) => person.id === id));
  // Who does not send yet is on the way in: that place is not a change.
  const moved = after.filter(({ id, onAir }) => was.get(id)?.sends && was.get(id)?.onAir !== onAir);
  return [
    ...came.map(({ name }) => `${name} is on stage.`),
    ...moved.map(place),
    ...went.map(({ name }) => `${name} has left the stage.`),
  ].join(' ');
}

function place({ name, isLocal, onAir }: Heard): string {
  if (isLocal) return onAir ? 'You are back in the picture.' : 'You are backstage: the audience neither sees nor hears you.';
  return onAir ? `${name} is back in the picture.` : `${name} is backstage.`;
}
