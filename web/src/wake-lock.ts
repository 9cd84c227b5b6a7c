/** Keeps the screen on while held; browsers let go of the lock whenever the page is hidden, so it is taken again. */
export class WakeLock {
  #wanted = false;
  #held: WakeLockSentinel | undefined;

  constructor() {
    document.addEventListener('visibilitychange', () => {
      if (this.#wanted && !document.hidden) void this.#take();
    });
  }

  hold(wanted: boolean): void {
    this.#wanted = wanted;
    if (wanted) {
      void this.#take();
      return;
    }
    void this.#held?.release().catch(() => undefined);
    this.#held = undefined;
  }

  async #take(): Promise<void> {
    try {
      const lock = await navigator.wakeLock?.request('screen');
      if (this.#wanted) this.#held = lock;
      else await lock?.release();
    } catch {
      // Low battery or an old browser: the screen may go dark, nothing else happens.
    }
  }
}
