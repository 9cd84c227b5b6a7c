// The lists of cameras and microphones, in the green room and in the dialog on stage.
import type { Device, Kind } from './devices.js';
import type { LocalMedia } from './local-media.js';

export function deviceChoice(media: LocalMedia) {
  return {
    cameras: [] as Device[],
    microphones: [] as Device[],
    deviceMessage: '',
    messageKind: 'quiet',

    init(): void {
      media.onChange(() => void this.list());
      media.onFailure((words) => this.say(words, 'bad'));
      void this.list();
    },

    async list(): Promise<void> {
      [this.cameras, this.microphones] = await Promise.all([media.devices('camera'), media.devices('microphone')]);
    },

    say(words: string, kind: string): void {
      this.deviceMessage = words;
      this.messageKind = words === '' ? 'quiet' : kind;
    },

    async choose(kind: Kind, event: Event): Promise<void> {
      this.say(await media.choose(kind, (event.target as HTMLSelectElement).value), 'bad');
    },
    chooseCamera(event: Event): Promise<void> {
      return this.choose('camera', event);
    },
    chooseMicrophone(event: Event): Promise<void> {
      return this.choose('microphone', event);
    },
  };
}
