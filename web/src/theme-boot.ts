// Runs before the first paint, so that a dark page never flashes white.
import { recall } from './preferences.js';

const remembered = recall('theme');
const dark = remembered === 'dark' || (remembered !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
document.documentElement.dataset['theme'] = dark ? 'dark' : 'light';
