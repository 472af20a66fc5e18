/**
 * The progress of `eval`, `compare` and `sample` on standard error, after the first second: on a terminal a line that is redrawn, elsewhere a
 * new line every ten seconds. Training has `live-view.ts` and `preparing-line.ts`.
 */
import { timeLeft } from './duration-text.ts';
import { LiveLines } from './live-lines.ts';
import { progressBar } from './live-parts.ts';

/** Milliseconds before the first line. */
const DELAY = 1_000;
/** Milliseconds between two drawings of the line on a terminal. */
const REDRAW_INTERVAL = 100;
/** Milliseconds between lines elsewhere. */
const LOG_INTERVAL = 10_000;
const BAR_WIDTH = 30;

export interface ProgressOptions {
  /** Whether to print lines if standard error is not a terminal. Default: true. */
  readonly inLogs?: boolean;
  /** Whether to show nothing at all. Default: false. */
  readonly isHidden?: boolean;
}

/** Shows a line of progress during some work. */
export async function withProgress<T>(
  label: string,
  work: (onProgress: (done: number, all: number) => void) => Promise<T>,
): Promise<T> {
  const progress = new ProgressLine(label);
  try {
    return await work((done, all) => progress.show(done / all));
  } finally {
    progress.close();
  }
}

export class ProgressLine {
  readonly #label: string;
  readonly #isOnTerminal = process.stderr.isTTY === true && !process.env.CI;
  readonly #isShown: boolean;
  readonly #start = performance.now();
  #lines: LiveLines | undefined;
  #last = 0;

  constructor(label: string, { inLogs = true, isHidden = false }: ProgressOptions = {}) {
    this.#label = label;
    this.#isShown = !isHidden && (this.#isOnTerminal || inLogs);
  }

  /**
   * @param fraction From 0 to 1.
   * @param label Called only when the line is drawn. Default: the label of the constructor.
   */
  show(fraction: number, label: () => string = () => this.#label): void {
    if (!this.#isShown) return;
    const now = performance.now();
    const elapsed = now - this.#start;
    const since = now - Math.max(this.#last, this.#start);
    if (this.#isOnTerminal ? elapsed < DELAY || now - this.#last < REDRAW_INTERVAL : since < LOG_INTERVAL)
      return;
    this.#last = now;
    const done = Math.min(1, Math.max(fraction, 1e-6));
    const percent = `${Math.floor(done * 100)}%`;
    if (!this.#isOnTerminal) {
      process.stderr.write(`${label()}: ${percent}\n`);
      return;
    }
    this.#lines ??= new LiveLines(process.stderr);
    const left = timeLeft((elapsed * (1 - done)) / done);
    this.#lines.draw([`${label()}  ${progressBar(done, BAR_WIDTH)} ${percent}  ${left}`]);
  }

  /** Erases the line, so that something else can be printed. */
  clear(): void {
    this.#lines?.draw([]);
  }

  /** Erases the line for good. */
  close(): void {
    this.clear();
    this.#lines?.close();
    this.#lines = undefined;
  }
}
