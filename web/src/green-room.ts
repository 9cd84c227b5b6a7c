// Before the stage: picture, level, devices, and a sentence when something is missing.
import { deviceChoice } from './device-choice.js';
import { devicesReachable } from './devices.js';
import { show } from './faces.js';
import type { Meter } from './level.js';
import type { LocalMedia } from './local-media.js';
import type { Quality } from './preferences.js';

export function greenRoom(media: LocalMedia, meter: Meter) {
  const choice = deviceChoice(media);
  const part = (id: string) => document.getElementById(id) as HTMLElement;
  return {
    ...choice,
    asking: false,
    hasCamera: false,
    hasMicrophone: false,
    missing: false,

    get noPicture(): boolean {
      return !this.asking && !this.hasCamera;
    },
    get canRetry(): boolean {
      return !this.asking && this.missing && devicesReachable();
    },

    init(): void {
      choice.init.call(this);
      (part('quality') as HTMLSelectElement).value = media.quality;
      media.onChange(() => this.draw());
      const level = part('level');
      const bar = level.firstElementChild as HTMLElement;
      setInterval(() => {
        if (level.offsetParent === null) return; // not in the green room
        const now = meter.level('preview');
        level.setAttribute('aria-valuenow', String(now));
        bar.style.clipPath = `inset(0 ${100 - now}% 0 0)`;
      }, 100);
      void this.askAgain();
    },

    /** Opens the devices; the explanation stands on the page while the browser asks. */
    async askAgain(): Promise<void> {
      this.asking = true;
      this.say('Your browser asks for camera and microphone. Choose “Allow”; nobody sees or hears you before you enter.', 'quiet');
      const problem = await media.open();
      this.asking = false;
      if (problem) this.say(problem, 'bad');
      else this.say(this.summary(), 'good');
    },

    summary(): string {
      if (this.hasCamera && this.hasMicrophone) return 'Camera and microphone work. Say something: the bar should move.';
      if (this.hasCamera) return 'You will be seen and not heard: no microphone is chosen.';
      if (this.hasMicrophone) return 'You will be heard and not seen: no camera is chosen.';
      return 'You will be neither seen nor heard, and see and hear the others.';
    },

    draw(): void {
      this.hasCamera = media.track('camera') !== null;
      this.hasMicrophone = media.track('microphone') !== null;
      this.missing = media.missing;
      show(part('preview') as HTMLVideoElement, media.track('camera'));
      meter.set('preview', media.track('microphone'));
      if (this.messageKind !== 'bad' && !this.asking) this.say(this.summary(), 'good');
    },

    async chooseQuality(event: Event): Promise<void> {
      const problem = await media.setQuality((event.target as HTMLSelectElement).value as Quality);
      if (problem) this.say(problem, 'bad');
    },
  };
}
