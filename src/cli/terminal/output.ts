/** Standard output as a program has to expect it: its reader may go away, its disk may become full. */
import { describeSystemError } from '../../util/system-error.ts';
import { EXIT_FAILURE } from '../exit-codes.ts';

/**
 * Reports once that standard output cannot be written any more.
 *
 * @param onEnd Called with the exit code: 0 where the reader or the terminal has gone, else 1, after the reason was printed.
 * @param outlivesTerminal Whether the work goes on without output when its terminal has gone: what matters is written elsewhere.
 */
export function watchOutput(
  onEnd: (exitCode: number) => void,
  { outlivesTerminal = false }: { readonly outlivesTerminal?: boolean } = {},
): void {
  let ended = false;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (ended) return;
    ended = true;
    // A terminal that is gone gives EIO; for a file it means that the disk failed.
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

/** Standard output at its reader's pace. */
export class TextOutput {
  #closed = false;

  /** @param onClosed Called when nothing can be written any more, with the exit code. */
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
