// The host's invitation links.
import { api, sentence, type Invitation } from './api.js';
import { timeLeft } from './clock.js';

interface Row {
  id: string;
  link: string;
  whom: string;
  facts: string;
}

export function invitations() {
  const dialog = document.getElementById('invitations') as HTMLDialogElement;
  return {
    list: [] as Row[],
    loaded: false,
    busy: false,
    problem: '',
    announcement: '',

    get empty(): boolean {
      return this.loaded && this.list.length === 0;
    },

    init(): void {
      dialog.addEventListener('open-invitations', () => {
        if (!dialog.open) dialog.showModal();
        void this.load();
      });
    },

    close(): void {
      dialog.close();
    },

    select(event: Event): void {
      (event.target as HTMLInputElement).select();
    },

    load(): Promise<void> {
      return this.attempt(async () => {
        const { invitations } = await api.invitations();
        this.list = invitations.map(row);
        this.loaded = true;
      });
    },

    create(event: Event): Promise<void> {
      const form = event.target as HTMLFormElement;
      const fields = new FormData(form);
      return this.attempt(async () => {
        const made = await api.invite(String(fields.get('for') ?? '').trim(), Number(fields.get('lifetime')));
        this.list = [row(made), ...this.list];
        this.announcement = 'The link is ready.';
        form.reset();
      });
    },

    revoke(id: string): Promise<void> {
      return this.attempt(async () => {
        await api.revoke(id);
        this.list = this.list.filter((entry) => entry.id !== id);
        this.announcement = 'The invitation was withdrawn.';
      });
    },

    async attempt(action: () => Promise<void>): Promise<void> {
      this.busy = true;
      this.problem = '';
      try {
        await action();
      } catch (error) {
        this.problem = sentence(error);
      } finally {
        this.busy = false;
      }
    },
  };
}

function row(invitation: Invitation): Row {
  const accepted = invitation.accepted.length > 0 ? `accepted by ${invitation.accepted.join(', ')}` : 'not used yet';
  return {
    id: invitation.id,
    link: invitation.link,
    whom: invitation.for === '' ? 'Whoever has the link' : `For ${invitation.for}`,
    facts: `${timeLeft(Date.parse(invitation.expires), Date.now())} · ${accepted}`,
  };
}
