/** The signals that end a program, as an AbortSignal. */
import { endsWithTerminal } from './hangup.ts';

/** Exit codes by convention: 128 and the signal's number. */
const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

export interface Interruption {
  readonly signal: AbortSignal;
  /** The exit code of the signal that came, if one did. */
  exitCode(): number | undefined;
  /** Ends the work without a signal, for a pipe that was closed. */
  stop(exitCode: number): void;
  /** Gives the signals their usual meaning back. */
  release(): void;
}

/**
 * Turns the first signal into an abort; a second one ends the program at once. A terminal that closes sends SIGHUP several times, from
 * the system and from the shell: only the first counts. Without a terminal SIGHUP is ignored (`hangup.ts`).
 *
 * @param onSignal Called when the first signal comes, with the exit code that goes with it.
 */
export function interruption(onSignal: (exitCode: number) => void = () => {}): Interruption {
  const controller = new AbortController();
  let exitCode: number | undefined;
  // A pipe that was closed first does not make a signal the second one.
  let signalled = false;
  const heeded = Object.entries(SIGNALS).filter(([name]) => name !== 'SIGHUP' || endsWithTerminal());
  const handlers = heeded.map(([name, code]) => {
    const handler = () => {
      if (signalled && name === 'SIGHUP') return;
      if (signalled) process.exit(code);
      signalled = true;
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
