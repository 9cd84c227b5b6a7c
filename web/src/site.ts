// What every page does: theme, account menu, copy buttons, times in the reader's own clock.
import { bindTheme } from './theme.js';

bindTheme(document.getElementById('theme'));

for (const time of document.querySelectorAll<HTMLTimeElement>('time[data-local-time]')) {
  const date = new Date(time.dateTime);
  if (!Number.isNaN(date.getTime())) time.textContent = date.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
}

const menu = document.querySelector<HTMLDetailsElement>('details[data-menu]');
document.addEventListener('click', (event) => {
  const target = event.target as Element;
  if (menu?.open && !menu.contains(target)) menu.open = false;
  const button = target.closest<HTMLElement>('[data-copy], [data-copy-text]');
  if (button) void copy(button);
});
document.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape' || !menu?.open) return;
  menu.open = false;
  menu.querySelector('summary')?.focus();
});

async function copy(button: HTMLElement): Promise<void> {
  const field = document.getElementById(button.dataset['copy'] ?? '') as HTMLInputElement | null;
  const words = button.querySelector('span');
  if (!words) return;
  const before = button.dataset['words'] ?? words.textContent ?? '';
  button.dataset['words'] = before;
  try {
    await navigator.clipboard.writeText(field?.value ?? button.dataset['copyText'] ?? '');
    words.textContent = 'Copied';
  } catch {
    // Without HTTPS there is no clipboard: mark the text, so that the person can copy it.
    const text = field ?? button.parentElement?.querySelector<HTMLInputElement>('input[readonly]');
    text?.select();
    words.textContent = text ? 'Press Ctrl+C' : 'Copy failed';
  }
  setTimeout(() => (words.textContent = before), 2000);
}
