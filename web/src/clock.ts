/** Writes how long something has lasted: mm:ss, and h:mm:ss from an hour on. */
export function elapsed(since: number, now: number): string {
  const seconds = Math.max(0, Math.floor((now - since) / 1000));
  const two = (n: number) => String(n).padStart(2, '0');
  const hours = Math.floor(seconds / 3600);
  const rest = `${two(Math.floor((seconds % 3600) / 60))}:${two(seconds % 60)}`;
  return hours > 0 ? `${hours}:${rest}` : rest;
}

/** Writes how much time is left, as people say it. */
export function timeLeft(until: number, now: number): string {
  const minutes = Math.ceil((until - now) / 60_000);
  if (minutes <= 0) return 'expired';
  if (minutes < 60) return minutes === 1 ? 'one more minute' : `${minutes} more minutes`;
  const hours = Math.round(minutes / 60);
  if (hours < 48) return hours === 1 ? 'one more hour' : `${hours} more hours`;
  return `${Math.round(hours / 24)} more days`;
}
