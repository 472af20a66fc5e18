/** Standard output as a program has to expect it: its reader may go away, its disk may become full. */
import { describeSystemError } from '../util/system-error.ts';
import { EXIT_FAILURE } from './report-error.ts';

/**
 * Tells when standard output can't be written any more, once.
 *
 * @param onEnd Given the exit code: 0 where the reader has gone, else 1; the reason was printed then.
 */
export function watchOutput(onEnd: (exitCode: number) => void): void {
  let ended = false;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (ended) return;
    ended = true;
    // EIO: the terminal is gone.
    if (error.code === 'EPIPE' || error.code === 'EIO') {
      onEnd(0);
      return;
    }
    process.stderr.write(`standard output can't be written: ${describeSystemError(error)}.\n`);
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
