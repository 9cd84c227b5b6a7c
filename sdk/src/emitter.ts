interface Listener {
  callback: (...args: any[]) => void; // on() has checked the types
  context: unknown;
}

/**
 * A typed emitter with two guarantees: a listener that throws breaks nobody but itself, and events arrive in the order in which
 * things happened even when a listener calls back into the SDK: what that causes is told after what was already known.
 */
export class Emitter<M extends { [E in keyof M]: unknown[] }> {
  readonly #listeners = new Map<keyof M, Listener[]>();
  readonly #queue: { event: keyof M; args: unknown[] }[] = [];
  #held = 0;
  #draining = false;

  on<E extends keyof M>(event: E, callback: (...args: M[E]) => void, context?: unknown): void {
    if (typeof callback !== 'function') throw new TypeError(`The listener of ${String(event)} must be a function.`);
    const list = this.#listeners.get(event) ?? [];
    this.#listeners.set(event, [...list, { callback, context }]);
  }

  off<E extends keyof M>(event: E, callback: (...args: M[E]) => void, context?: unknown): void {
    const list = this.#listeners.get(event) ?? [];
    const rest = list.filter((l) => l.callback !== callback || (context !== undefined && l.context !== context));
    if (rest.length > 0) this.#listeners.set(event, rest);
    else this.#listeners.delete(event);
  }

  removeAllListeners(): void {
    this.#listeners.clear();
  }

  hasListenersFor(event: keyof M): boolean {
    return this.#listeners.has(event);
  }

  emit<E extends keyof M>(event: E, ...args: M[E]): void {
    this.#queue.push({ event, args });
    this.#drain();
  }

  /** Runs a change of state; the events of it are told when it is complete. */
  batch<T>(change: () => T): T {
    this.#held++;
    try {
      return change();
    } finally {
      this.#held--;
      this.#drain();
    }
  }

  #drain(): void {
    if (this.#draining || this.#held > 0) return;
    this.#draining = true;
    for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
      for (const { callback, context } of this.#listeners.get(next.event) ?? []) {
        try {
          callback.apply(context, next.args);
        } catch (error) {
          console.error(`StreamCat: a listener of ${String(next.event)} threw`, error);
        }
      }
    }
    this.#draining = false;
  }
}
