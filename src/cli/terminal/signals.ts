/** Turns the signals that end a program into an AbortSignal. */
import { endsWithTerminal } from './hangup.ts';

/** Exit codes by convention: 128 and the signal's number. */
const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

export interface Interruption {
  readonly signal: AbortSignal;
  /** The exit code for the received signal; undefined if there was none. */
  exitCode(): number | undefined;
  /** Aborts without a signal, for a closed pipe. */
  stop(exitCode: number): void;
  /** Restores the default handling of signals. */
  release(): void;
}

/**
 * Signals that follow the first within this time are the same signal: `timeout` sends one to the program and one to its process group, and
 * batch systems signal every process of a job. In milliseconds, less than between two presses of a key.
 */
const SAME_SIGNAL = 200;

/**
 * The first signal aborts the work; a second one ends the program immediately. A closing terminal sends SIGHUP several times, from the
 * system and from the shell: only the first counts. Without a terminal SIGHUP is ignored (`hangup.ts`).
 *
 * @param onSignal Called with the exit code when the first signal arrives.
 */
export function catchSignals(onSignal: (exitCode: number) => void = () => {}): Interruption {
  const controller = new AbortController();
  let exitCode: number | undefined;
  // Separate from `signal.aborted`, because after a closed pipe the next signal is still the first.
  let signalled: number | undefined;
  const handled = Object.entries(SIGNALS).filter(([name]) => name !== 'SIGHUP' || endsWithTerminal());
  const handlers = handled.map(([name, code]) => {
    const handler = () => {
      if (signalled !== undefined) {
        if (name === 'SIGHUP' || performance.now() - signalled < SAME_SIGNAL) return;
        process.exit(code);
      }
      signalled = performance.now();
      exitCode = code;
      onSignal(code);
      controller.abort();
    };
    process.on(name, handler);
    return { name, handler };
  });
  return {
    signal: controller.signal,
    exitCode: () => exitCode,
    stop(code) {
      if (controller.signal.aborted) return;
      exitCode = code;
      controller.abort();
    },
    release() {
      for (const { name, handler } of handlers) process.off(name, handler);
    },
  };
}
