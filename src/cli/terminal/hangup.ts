/**
 * Decides whether closing the terminal (SIGHUP) ends the program.
 *
 * `nohup` and `trap '' HUP` start a program with SIGHUP ignored. Node resets every signal when it starts, so the program cannot see
 * the setting that it inherited, and has to infer it.
 */
import { closeSync, openSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { isatty } from 'node:tty';

export interface ProcessSurroundings {
  /** Whether standard input, output and error are terminals. */
  readonly terminals: readonly [boolean, boolean, boolean];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `/proc/PID/status` of the parent process, on systems that have it. */
  readonly parentStatus: string | undefined;
}

/** The answer for this process. It is computed once, because the parent process may end. */
let ownAnswer: boolean | undefined;

/** Whether SIGHUP ends the program: it has a terminal, and nothing suggests that it inherited SIGHUP as ignored. */
export function endsWithTerminal(surroundings?: ProcessSurroundings): boolean {
  if (surroundings) return inferFrom(surroundings);
  ownAnswer ??= inferFrom(ownSurroundings());
  return ownAnswer;
}

function inferFrom(surroundings: ProcessSurroundings): boolean {
  const { terminals, env, parentStatus } = surroundings;
  const [input, output, error] = terminals;
  if (!input && !output && !error) return false;
  // Shells put the name of the started program into `_`. On macOS nohup does not redirect standard input.
  if (!output && !error && basename(env._ ?? '') === 'nohup') return false;
  return !ignoresHangup(parentStatus);
}

/** Whether a process ignores SIGHUP, signal 1. Its children inherit this. */
function ignoresHangup(status: string | undefined): boolean {
  const [, mask] = /^SigIgn:\s*([0-9a-f]+)$/m.exec(status ?? '') ?? [];
  return mask !== undefined && (BigInt(`0x${mask}`) & 1n) === 1n;
}

/** Prepares the program for a closed terminal: SIGHUP either ends it with the right exit code, or is ignored. */
export function prepareForHangup(): void {
  if (process.platform === 'win32') return;
  const terminals = [0, 1, 2].filter((descriptor) => isatty(descriptor));
  if (terminals.length > 0) process.on('exit', () => replaceClosed(terminals));
  if (!endsWithTerminal()) ignoreHangup();
}

/** Ignores SIGHUP. The first time, a line tells how to stop the program. */
function ignoreHangup(): void {
  let isFirst = true;
  process.on('SIGHUP', () => {
    if (isFirst) {
      process.stderr.write(`SIGHUP was ignored: there is no terminal here. To stop: kill ${process.pid}\n`);
    }
    isFirst = false;
  });
}

/**
 * Replaces closed terminals by /dev/null. When Node exits, it resets the modes of terminals and aborts if that fails; it skips
 * descriptors that are now another file.
 */
function replaceClosed(terminals: readonly number[]): void {
  for (const descriptor of terminals.filter((one) => !isatty(one))) {
    try {
      closeSync(descriptor);
      // Gets the lowest free descriptor, which is the one just closed.
      openSync('/dev/null', 'r+');
    } catch {
      // Only the exit code is lost.
    }
  }
}

function ownSurroundings(): ProcessSurroundings {
  return { terminals: [isatty(0), isatty(1), isatty(2)], env: process.env, parentStatus: parentStatus() };
}

function parentStatus(): string | undefined {
  try {
    return readFileSync(`/proc/${process.ppid}/status`, 'utf8');
  } catch {
    return undefined;
  }
}
