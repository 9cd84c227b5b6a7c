// The strip of tiles in the studio: one for each participant, in the order they came.
import { arrange, face, fromTemplate, setData } from './faces.js';
import type { Member } from './roster.js';

/** What the host does on a tile. */
export interface TileActions {
  remove(member: Member): void;
  setOnAir(member: Member, onAir: boolean): void;
}

export class Tiles {
  readonly #parent: HTMLElement;
  readonly #actions: TileActions;
  readonly #tiles = new Map<string, HTMLElement>();
  readonly #members = new Map<string, Member>();

  constructor(parent: HTMLElement, actions: TileActions) {
    this.#parent = parent;
    this.#actions = actions;
  }

  render(members: readonly Member[]): void {
    this.#members.clear();
    for (const member of members) this.#members.set(member.id, member);
    for (const id of this.#tiles.keys()) {
      if (!this.#members.has(id)) this.#tiles.delete(id);
    }
    arrange(this.#parent, members.map((member) => this.#tile(member)));
    setData(this.#parent, 'many', members.length > 6);
  }

  setSpeaking(id: string, speaking: boolean): void {
    const tile = this.#tiles.get(id);
    if (tile) setData(tile, 'speaking', speaking);
  }

  #tile(member: Member): HTMLElement {
    let tile = this.#tiles.get(member.id);
    if (!tile) {
      tile = this.#make(member);
      this.#tiles.set(member.id, tile);
    }
    face(tile, member);
    setData(tile, 'onAir', member.onAir);
    const name = member.isScreen ? `${member.name}’s screen` : member.name;
    const onAir = tile.querySelector('[data-action=on-air]');
    onAir?.setAttribute('aria-pressed', String(member.onAir));
    onAir?.setAttribute('aria-label', `${name} on air`);
    tile.querySelector('[data-action=remove]')?.setAttribute('aria-label', `Remove ${name} from the stage`);
    return tile;
  }

  #make({ id, isLocal, isScreen }: Member): HTMLElement {
    const tile = fromTemplate('tile');
    setData(tile, 'tile', id);
    setData(tile, 'speaking', false);
    tile.querySelector('video')?.classList.toggle('mirrored', isLocal && !isScreen);
    if (isLocal) tile.querySelector('[data-action=remove]')?.remove();
    tile.addEventListener('click', (event) => {
      const action = (event.target as Element).closest<HTMLElement>('[data-action]')?.dataset['action'];
      const member = this.#members.get(id);
      if (!member) return;
      if (action === 'remove') this.#actions.remove(member);
      if (action === 'on-air') this.#actions.setOnAir(member, !member.onAir);
    });
    return tile;
  }
}
