import { recall, remember } from './preferences.js';

/** Makes the button switch between light and dark; without a choice the page follows the system. */
export function bindTheme(button: HTMLElement | null): void {
  const root = document.documentElement;
  // All at once: a hundred colours fading at their own pace look broken.
  const paint = (theme: string) => {
    root.classList.add('switching');
    root.dataset['theme'] = theme;
    requestAnimationFrame(() => requestAnimationFrame(() => root.classList.remove('switching')));
  };
  button?.addEventListener('click', () => {
    const theme = root.dataset['theme'] === 'dark' ? 'light' : 'dark';
    paint(theme);
    remember('theme', theme);
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', (event) => {
    if (recall('theme') === null) paint(event.matches ? 'dark' : 'light');
  });
}
