import type { StageStrategy } from './strategy.js';

/** The strategy of the app, asked with the care that foreign code needs. */
export class Advice {
  strategy: StageStrategy;
  #asking = false;
  #again = false;

  constructor(strategy: StageStrategy) {
    this.strategy = checked(strategy);
  }

  /** Asks one question. A strategy that throws has not changed its mind: the answer is the `last` one. */
  ask<T>(name: string, question: (strategy: StageStrategy) => T, last: T): T {
    this.#asking = true;
    try {
      return question(this.strategy);
    } catch (error) {
      console.error(`StreamCat: ${name} of the strategy threw`, error);
      return last;
    } finally {
      this.#asking = false;
    }
  }

  /** Runs a round of questions. When the strategy itself asks for one, it is run once more afterwards and not within. */
  round(questions: () => void): void {
    if (this.#asking) {
      this.#again = true;
      return;
    }
    questions();
    if (!this.#again) return;
    questions();
    this.#again = false;
  }
}

/** Refuses what is not a strategy, where the app can see it and not in the middle of a show. */
export function checked(strategy: StageStrategy): StageStrategy {
  for (const name of ['shouldSubscribeToParticipant', 'shouldPublishParticipant', 'stageStreamsToPublish'] as const) {
    if (typeof strategy?.[name] !== 'function') throw new TypeError(`The strategy needs the function ${name}.`);
  }
  return strategy;
}
