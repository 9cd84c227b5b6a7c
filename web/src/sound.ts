// What is heard: one hidden audio element for each participant, so that losing one touches no other.
import { show } from './faces.js';
import type { Member } from './roster.js';

export class Sound {
  /** Called when the browser first blocks, and when sound is free again. */
  blockedChanged: (blocked: boolean) => void = () => undefined;

  readonly #parent: HTMLElement;
  readonly #elements = new Map<string, HTMLAudioElement>();
  #volume = 1;
  #muted = false;
  #blocked = false;

  constructor(parent: HTMLElement) {
    this.#parent = parent;
  }

  /** Plays these members and nobody else. */
  render(members: readonly Member[]): void {
    const heard = new Set(members.filter((member) => member.audio).map(({ id }) => id));
    for (const [id, element] of this.#elements) {
      if (heard.has(id)) continue;
      show(element, null);
      element.remove();
      this.#elements.delete(id);
    }
    for (const { id, audio } of members) {
      if (audio) this.#play(id, audio);
    }
  }

  /** Plays everything; has to be called while the person's tap is being handled. */
  async unblock(): Promise<void> {
    const results = await Promise.all([...this.#elements.values()].map((element) => attempt(element)));
    this.#setBlocked(results.includes(false));
  }

  setVolume(volume: number, muted: boolean): void {
    this.#volume = volume;
    this.#muted = muted;
    for (const element of this.#elements.values()) this.#adjust(element);
  }

  #play(id: string, audio: MediaStreamTrack): void {
    let element = this.#elements.get(id);
    if (!element) {
      element = document.createElement('audio');
      element.autoplay = true;
      element.dataset['audio'] = id;
      this.#adjust(element);
      this.#elements.set(id, element);
      this.#parent.append(element);
    }
    const shown = element.srcObject instanceof MediaStream ? element.srcObject.getTracks()[0] : undefined;
    if (shown === audio) return;
    element.srcObject = new MediaStream([audio]);
    void attempt(element).then((played) => {
      if (!played) this.#setBlocked(true);
    });
  }

  #adjust(element: HTMLAudioElement): void {
    element.volume = this.#volume;
    element.muted = this.#muted;
  }

  #setBlocked(blocked: boolean): void {
    if (this.#blocked === blocked) return;
    this.#blocked = blocked;
    this.blockedChanged(blocked);
  }
}

/** Says false only when the browser wants a tap first; a play that was overtaken by another is none of that. */
async function attempt(element: HTMLAudioElement): Promise<boolean> {
  try {
    await element.play();
    return true;
  } catch (error) {
    return !(error instanceof DOMException && error.name === 'NotAllowedError');
  }
}
