// Sharing a screen: a second participant on the same stage, with a token of its own, that publishes and receives nothing.
import { LocalStageStream, Stage, StageEvents, SubscribeType, type StageError } from '/sdk/streamcat.js';
import { api, sentence } from './api.js';
import { stageSentence } from './conference.js';

export class ScreenShare {
  /** Called when sharing begins and ends, whoever ends it. */
  changed: () => void = () => undefined;
  /** Called with a sentence when it ended and nobody here wanted that. */
  failed: (sentence: string) => void = () => undefined;

  #stage: Stage | undefined;
  #tracks: MediaStreamTrack[] = [];

  get active(): boolean {
    return this.#tracks.length > 0;
  }

  /** Asks which screen and shows it; returns a sentence when that does not work, and nothing when the person changed their mind. */
  async start(channel: string): Promise<string> {
    if (typeof navigator.mediaDevices?.getDisplayMedia !== 'function') return 'This browser cannot share a screen. Use one on a desktop computer.';
    try {
      const shown = await navigator.mediaDevices.getDisplayMedia(wanted);
      this.#tracks = shown.getTracks();
    } catch (error) {
      const changedMind = error instanceof DOMException && error.name === 'NotAllowedError';
      return changedMind ? '' : 'The screen could not be captured. Allow it in your system’s privacy settings, then try again.';
    }
    this.changed();
    try {
      await this.#publish(channel);
      return '';
    } catch (error) {
      this.stop();
      return (error as StageError)?.name === 'StageError' ? stageSentence(error) : sentence(error);
    }
  }

  stop(): void {
    if (!this.active) return;
    for (const track of this.#tracks) track.stop();
    this.#tracks = [];
    const stage = this.#stage;
    this.#stage = undefined; // first: leaving is told too, and here it is what was wanted
    stage?.leave();
    stage?.removeAllListeners();
    this.changed();
  }

  async #publish(channel: string): Promise<void> {
    const tracks = this.#tracks;
    // "Stop sharing" in the browser's own bar ends the track.
    for (const track of tracks) {
      if (track.kind === 'video') {
        track.contentHint = 'detail';
        track.addEventListener('ended', () => this.#ended(tracks), { once: true });
      }
    }
    const { token } = await api.screen(channel);
    if (this.#tracks !== tracks) return;
    const streams = tracks.map((track) => new LocalStageStream(track));
    const stage = new Stage(token, {
      shouldSubscribeToParticipant: () => SubscribeType.NONE,
      shouldPublishParticipant: () => true,
      stageStreamsToPublish: () => streams,
    });
    this.#stage = stage;
    stage.on(StageEvents.STAGE_LEFT, (_reason, message) => {
      if (this.#stage !== stage) return;
      this.stop();
      this.failed(message || 'Your screen is not shared any more.');
    });
    stage.on(StageEvents.ERROR, (error) => {
      if (this.#stage !== stage) return;
      this.stop();
      this.failed(`Your screen is not shared any more. ${stageSentence(error)}`);
    });
    await stage.join();
    if (this.#tracks !== tracks) stage.leave();
  }

  #ended(tracks: MediaStreamTrack[]): void {
    if (this.#tracks === tracks) this.stop();
  }
}

// Without this tab, whose sound would come back as an echo. Newer members are missing in TypeScript's library.
const wanted: DisplayMediaStreamOptions & { selfBrowserSurface: string; surfaceSwitching: string } = {
  video: { frameRate: { ideal: 15, max: 30 }, width: { max: 1920 }, height: { max: 1080 } },
  audio: true,
  selfBrowserSurface: 'exclude',
  surfaceSwitching: 'include',
};
