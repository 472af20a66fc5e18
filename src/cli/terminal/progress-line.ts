/**
 * Progress on standard error: one line that is redrawn, once the work has taken a second; without a terminal a line every ten seconds.
 */
import { progressBar } from './live-parts.ts';

const QUIET = 1_000;
const BETWEEN = 100;
const WIDTH = 30;
/** Milliseconds between lines where nothing can be redrawn. */
const BETWEEN_LINES = 10_000;

export class ProgressLine {
  readonly #label: string;
  readonly #start = performance.now();
  readonly #shows = process.stderr.isTTY === true && !process.env.CI;
  #last = 0;
  #drawn = false;

  constructor(label: string) {
    this.#label = label;
  }

  /** @param fraction From 0 to 1. */
  show(fraction: number): void {
    const now = performance.now();
    if (!this.#shows) {
      this.#line(fraction, now);
      return;
    }
    if (now - this.#start < QUIET || now - this.#last < BETWEEN) return;
    this.#last = now;
    this.#drawn = true;
    const percent = `${Math.floor(fraction * 100)}%`.padStart(4);
    process.stderr.write(`\r${this.#label}  ${progressBar(fraction, WIDTH)} ${percent}\x1b[K`);
  }

  #line(fraction: number, now: number): void {
    if (now - Math.max(this.#last, this.#start) < BETWEEN_LINES) return;
    this.#last = now;
    process.stderr.write(`${this.#label}: ${Math.floor(fraction * 100)}%\n`);
  }

  /** Takes the line away. */
  clear(): void {
    if (this.#drawn) process.stderr.write('\r\x1b[K');
    this.#drawn = false;
  }
}
