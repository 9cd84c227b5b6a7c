// The home page looks again by itself while somebody looks at it.
import Alpine from '@alpinejs/csp';
import { api, sentence, type LiveChannel } from './api.js';

const pause = 5000; // milliseconds between two looks

interface Card {
  name: string;
  link: string;
  picture: string;
  heading: string;
  who: string;
  viewers: number;
}

Alpine.data('home', () => ({
  channels: [] as Card[],
  known: document.querySelectorAll('[data-first]').length,
  problem: '',

  get some(): boolean {
    return this.known > 0;
  },
  get none(): boolean {
    return this.known === 0;
  },
  get summary(): string {
    return this.known === 0 ? '' : `${this.known} on air`;
  },

  init(): void {
    const look = async () => {
      if (!document.hidden) await this.look();
      setTimeout(look, pause);
    };
    void look();
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) void this.look();
    });
  },

  async look(): Promise<void> {
    try {
      const { channels } = await api.live();
      this.channels = channels.map(card);
      this.known = channels.length;
      this.problem = '';
      for (const first of document.querySelectorAll('[data-first]')) first.remove();
    } catch (error) {
      this.problem = sentence(error);
    }
  },
}));

function card(channel: LiveChannel): Card {
  return {
    name: channel.name,
    link: `/@${channel.name}`,
    picture: channel.picture,
    heading: channel.title || `${channel.name} is live`,
    who: channel.hosts.length > 0 ? channel.hosts.join(', ') : channel.name,
    viewers: channel.viewers,
  };
}

Alpine.start();
