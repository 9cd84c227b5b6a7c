// The composite: tiles on the grid that the stage lays out, the same for everybody.
import type { StageLayout } from '/sdk/streamcat.js';
import { arrange, face, fromTemplate, setData } from './faces.js';
import type { Member } from './roster.js';

export class Composite {
  readonly #parent: HTMLElement;
  readonly #tiles = new Map<string, HTMLElement>();

  constructor(parent: HTMLElement) {
    this.#parent = parent;
  }

  /** Shows the layout's tiles of those members that are known; a tile without its member yet keeps its place empty. */
  render(layout: StageLayout | undefined, members: readonly Member[]): void {
    const placed = layout?.tiles ?? [];
    const ids = new Set(placed.map((tile) => tile.participantId));
    for (const id of this.#tiles.keys()) {
      if (!ids.has(id)) this.#tiles.delete(id);
    }
    const elements: HTMLElement[] = [];
    for (const place of placed) {
      const member = members.find(({ id }) => id === place.participantId);
      if (!member) {
        this.#tiles.delete(place.participantId);
        continue;
      }
      const tile = this.#tile(place.participantId);
      face(tile, member);
      setData(tile, 'featured', place.featured);
      tile.style.gridArea = `${place.row} / ${place.column} / span ${place.rowSpan} / span ${place.columnSpan}`;
      elements.push(tile);
    }
    arrange(this.#parent, elements);
    setData(this.#parent, 'count', String(elements.length));
  }

  #tile(id: string): HTMLElement {
    let tile = this.#tiles.get(id);
    if (!tile) {
      tile = fromTemplate('composite-tile');
      setData(tile, 'compositeTile', id);
      this.#tiles.set(id, tile);
    }
    return tile;
  }
}
