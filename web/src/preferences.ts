// What the browser remembers for the next visit. Storage may be forbidden or full; then nothing is remembered and nothing breaks.

export type Quality = '720' | '540' | '360';

const prefix = 'streamcat.';

export function recall(key: string): string | null {
  try {
    return localStorage.getItem(prefix + key);
  } catch {
    return null;
  }
}

export function remember(key: string, value: string): void {
  try {
    localStorage.setItem(prefix + key, value);
  } catch {
    // nothing is remembered
  }
}

export function recallQuality(): Quality {
  const value = recall('quality');
  return value === '540' || value === '360' ? value : '720';
}
