/** The progress of preparing a large text. */
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

/** The plain log prints a line after each of these steps, as a fraction. */
const PLAIN_STEP = 0.1;

export class PreparingLine {
  #stage = '';
  #since = 0;
  /** The fraction that was done at the first event of the stage, or, in the plain log, at the last line. */
  #from = 0;

  /** The line for a terminal, with a bar and the time that the stage still takes. */
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

  /** The line for a log; undefined if there is little progress since the last line. */
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
