// What tiles and the composite have in common: a video element that shows a member's track, a placeholder when there is none, a name.
import type { Member } from './roster.js';

/** Makes an element from a <template> of the page. */
export function fromTemplate(id: string): HTMLElement {
  const template = document.getElementById(id) as HTMLTemplateElement;
  return (template.content.firstElementChild as HTMLElement).cloneNode(true) as HTMLElement;
}

/** Sets an attribute only when it changes, so that observers and assistive technology hear of changes alone. */
export function setData(element: HTMLElement, name: string, value: string | boolean): void {
  const text = String(value);
  if (element.dataset[name] !== text) element.dataset[name] = text;
}

/** Shows a track in a media element, null for nothing. */
export function show(media: HTMLMediaElement, track: MediaStreamTrack | null): void {
  const shown = media.srcObject instanceof MediaStream ? (media.srcObject.getTracks()[0] ?? null) : null;
  if (shown === track) return;
  media.srcObject = track ? new MediaStream([track]) : null;
  if (track) void media.play().catch(() => undefined); // blocked sound is the page's to ask for; muted video plays
}

/** Brings a tile in line with its member. */
export function face(element: HTMLElement, member: Member): void {
  const video = element.querySelector('video');
  if (video) show(video, member.video);
  setData(element, 'name', member.name);
  setData(element, 'local', member.isLocal);
  setData(element, 'screen', member.isScreen);
  // Who has no microphone is as silent as who has switched it off; a screen without sound is nothing to remark on.
  setData(element, 'audioMuted', member.audioMuted || (member.audio === null && !member.isScreen));
  setData(element, 'videoStopped', member.videoStopped || member.video === null);
  const label = element.querySelector('[data-label]');
  const words = member.isScreen ? `${member.name}’s screen` : member.name;
  for (const part of [element, video]) {
    if (part && part.getAttribute('aria-label') !== words) part.setAttribute('aria-label', words);
  }
  if (label && label.textContent !== words) label.textContent = words;
  const initial = element.querySelector('[data-initial]');
  const letter = (member.name.match(/[\p{L}\p{N}]/u)?.[0] ?? '?').toUpperCase();
  if (initial && initial.textContent !== letter) initial.textContent = letter;
}

/** Puts the children of a parent into this order, moving none that is in its place: browsers pause a video that is moved. */
export function arrange(parent: HTMLElement, wanted: readonly HTMLElement[]): void {
  for (const child of [...parent.children]) {
    if (!wanted.includes(child as HTMLElement)) child.remove();
  }
  wanted.forEach((element, i) => {
    if (parent.children[i] === element) return;
    parent.insertBefore(element, parent.children[i] ?? null);
    void element.querySelector('video')?.play().catch(() => undefined);
  });
}
