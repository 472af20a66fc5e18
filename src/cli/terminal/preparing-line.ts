/** The preparation of a large text as a line of text. */
import type { PreparingEvent } from '../../train/events.ts';
import { timeLeft } from './duration-text.ts';
import { progressBar } from './live-parts.ts';
import { clip } from './text-width.ts';

const DOING: Readonly<Record<PreparingEvent['stage'], string>> = {
  reading: 'reading',
  counting: 'counting symbols in',
  encoding: 'making tokens of',
  checking: 'checking the tokens of',
};

/** Steps in which the plain log tells. */
const PLAIN_STEP = 0.1;

export class PreparingLine {
  #stage = '';
  #since = 0;
  /** The fraction that was done when the stage was first seen, or when it was told last. */
  #from = 0;

  /** The line for a terminal of a width: with a bar, and the time that the stage will take. */
  live(event: PreparingEvent, width: number): string {
    const now = performance.now();
    const done = fractionOf(event);
    if (this.#isNew(event)) {
      this.#since = now;
      this.#from = done;
    }
    const left = `${DOING[event.stage]} ${event.name}`;
    const rest = ((now - this.#since) * (1 - done)) / (done - this.#from);
    const right = `${Math.floor(done * 100)}%  ${timeLeft(rest)}`.trimEnd();
    const bar = width - left.length - right.length - 4;
    return bar >= 8 ? `${left}  ${progressBar(done, bar)}  ${right}` : clip(`${left}  ${right}`, width);
  }

  /** The line for a log; undefined where there is little to tell since the last one. */
  plain(event: PreparingEvent): string | undefined {
    const done = fractionOf(event);
    if (!this.#isNew(event) && done - this.#from < PLAIN_STEP) return undefined;
    this.#from = done;
    return `${DOING[event.stage]} ${event.name}: ${Math.floor(done * 100)}%`;
  }

  #isNew({ stage, name }: PreparingEvent): boolean {
    const key = `${stage} ${name}`;
    const isNew = key !== this.#stage;
    this.#stage = key;
    return isNew;
  }
}

function fractionOf({ bytes, total }: PreparingEvent): number {
  return total === 0 ? 1 : bytes / total;
}
