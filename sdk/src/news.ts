import type { StageLive } from './events.js';
import type { ServerMessage, StageLayout } from './protocol.js';
import type { Emit } from './session.js';

/** What the stage tells everybody alike: whether it is live, the layout of the composite, how many watch. */
export class News {
  readonly #emit: Emit;
  readonly #last = new Map<string, string>();
  live: StageLive = { live: false };
  layout: StageLayout = { columns: 24, rows: 24, tiles: [] };
  viewerCount = 0;

  constructor(emit: Emit) {
    this.#emit = emit;
  }

  /** Tells the first of each kind and then what differs; a reconnection repeats them all. */
  receive(message: ServerMessage): void {
    const text = JSON.stringify(message);
    if (this.#last.get(message.type) === text) return;
    this.#last.set(message.type, text);
    switch (message.type) {
      case 'LIVE':
        this.live = { live: message.live, ...(message.since && { since: message.since }) };
        this.#emit('streamcatLiveChanged', this.live);
        break;
      case 'LAYOUT':
        this.layout = message.layout;
        this.#emit('streamcatLayoutChanged', this.layout);
        break;
      case 'VIEWER_COUNT':
        this.viewerCount = message.count;
        this.#emit('streamcatViewerCountChanged', this.viewerCount);
    }
  }
}
