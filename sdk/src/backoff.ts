const first = 250; // ms
const capEarly = 4_000; // ms, so that a restarted server has everybody back within fifteen seconds
const capLate = 15_000; // ms, once it is plainly not a restart
const early = 60_000; // ms

/** The pause before try number `attempt` (0 = the first repetition), between half and all of an exponentially growing value. */
export function backoff(attempt: number, elapsed: number, random: number): number {
  const cap = elapsed < early ? capEarly : capLate;
  const full = Math.min(cap, first * 2 ** Math.min(attempt, 16));
  return Math.round(full * (0.5 + random / 2));
}
