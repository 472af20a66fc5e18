/** How far sampling is, in one line on a terminal: where standard output is one too, what is written shows it. */
import { LiveLines } from './live-lines.ts';
import { progressBar, timeLeft } from './live-parts.ts';

/** Milliseconds before the first line, and between two. */
const PATIENCE = 1000;
const REDRAW = 100;
const BAR = 30;

export class ProgressLine {
  readonly #lines: LiveLines | undefined;
  readonly #start = performance.now();
  #drawn = 0;

  /** @param hidden Never shows anything, as without a terminal. */
  constructor(hidden: boolean) {
    this.#lines = process.stderr.isTTY && !hidden ? new LiveLines(process.stderr) : undefined;
  }

  /**
   * @param fraction How far it is, from 0 to 1.
   * @param text What is told beside the bar, made only when it is shown.
   */
  show(fraction: number, text: (seconds: number) => string): void {
    const now = performance.now();
    const elapsed = now - this.#start;
    if (!this.#lines || elapsed < PATIENCE || now - this.#drawn < REDRAW) return;
    this.#drawn = now;
    const share = Math.min(1, Math.max(fraction, 1e-6));
    const bar = `${progressBar(share, BAR)} ${Math.floor(share * 100)}%`;
    this.#lines.draw([`${text(elapsed / 1000)}  ${bar}  ${timeLeft((elapsed * (1 - share)) / share)}`]);
  }

  /** Takes the line away, so that something else can be printed. */
  clear(): void {
    this.#lines?.draw([]);
  }

  close(): void {
    this.clear();
    this.#lines?.close();
  }
}
