/** Standard output, with the failures that a program has to expect: a closed pipe, a full disk. */
import { describeSystemError } from '../../util/system-error.ts';
import { EXIT_FAILURE } from '../exit-codes.ts';

/**
 * Handles the first failure to write to standard output.
 *
 * @param onEnd Called with the exit code: 0 for a closed pipe or terminal; 1 for other errors, after the reason is printed.
 * @param outlivesTerminal Whether work continues without output after the terminal is closed, because its results go to files.
 */
export function watchOutput(
  onEnd: (exitCode: number) => void,
  { outlivesTerminal = false }: { readonly outlivesTerminal?: boolean } = {},
): void {
  let ended = false;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (ended) return;
    ended = true;
    // A closed terminal gives EIO; for a file EIO means that the disk failed.
    const isTerminalGone = process.stdout.isTTY && error.code === 'EIO';
    if (isTerminalGone && outlivesTerminal) return;
    if (isTerminalGone || error.code === 'EPIPE') {
      onEnd(0);
      return;
    }
    process.stderr.write(`standard output cannot be written: ${describeSystemError(error)}.\n`);
    onEnd(EXIT_FAILURE);
  });
}

/** Columns of standard output, if it is a terminal. */
export function outputWidth(): number | undefined {
  return process.stdout.isTTY ? process.stdout.columns : undefined;
}

/** Standard output with back-pressure: `write` waits until the reader has caught up. */
export class TextOutput {
  #closed = false;

  /** @param onClosed Called with the exit code after the first failure. */
  constructor(onClosed: (exitCode: number) => void) {
    watchOutput((code) => {
      this.#closed = true;
      onClosed(code);
    });
  }

  async write(content: string | Uint8Array): Promise<void> {
    if (this.#closed || process.stdout.write(content)) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        process.stdout.off('drain', done);
        process.stdout.off('error', done);
        resolve();
      };
      process.stdout.once('drain', done);
      process.stdout.once('error', done);
    });
  }
}
