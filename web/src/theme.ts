import { recall, remember } from './preferences.js';

/** Makes the button switch between light and dark; without a choice the page follows the system. */
export function bindTheme(button: HTMLElement | null): void {
  const root = document.documentElement;
  button?.addEventListener('click', () => {
    const theme = root.dataset['theme'] === 'dark' ? 'light' : 'dark';
    root.dataset['theme'] = theme;
    remember('theme', theme);
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', (event) => {
    if (recall('theme') === null) root.dataset['theme'] = event.matches ? 'dark' : 'light';
  });
}
