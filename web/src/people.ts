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
  }));
}

function status(member: Member): string {
  const role = member.isScreen ? 'Screen' : member.isHost ? 'Host' : 'Guest';
  return [member.isLocal ? `${role} (you)` : role, ...(member.onAir ? [] : ['backstage'])].join(' · ');
}

/** What changed from one list to the next, in words to be read out. */
export function changesInWords(before: readonly Pick<Person, 'id' | 'name'>[], after: readonly Pick<Person, 'id' | 'name'>[]): string {
  const came = after.filter(({ id }) => !before.some((person) => person.id === id));
  const went = before.filter(({ id }) => !after.some((person) => person.id === id));
  return [...came.map(({ name }) => `${name} is on stage.`), ...went.map(({ name }) => `${name} has left the stage.`)].join(' ');
}
