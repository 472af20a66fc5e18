/**
 * Whether the end of a terminal (SIGHUP) ends the program.
 *
 * `nohup` and `trap '' HUP` start a program with SIGHUP ignored. Node gives every signal its default meaning when it starts, so the
 * program cannot see what it inherited and has to infer it.
 */
import { closeSync, openSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { isatty } from 'node:tty';

export interface ProcessSurroundings {
  /** Whether standard input, output and error are terminals. */
  readonly terminals: readonly [boolean, boolean, boolean];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `/proc/PID/status` of the parent process, where there is one. */
  readonly parentStatus: string | undefined;
}

/** The answer for this process, found once: its parent may end meanwhile, and tell nothing then. */
let ownAnswer: boolean | undefined;

/** Whether SIGHUP ends the program: it has a terminal, and nothing shows that it was to ignore the signal. */
export function endsWithTerminal(surroundings?: ProcessSurroundings): boolean {
  if (surroundings) return endsIn(surroundings);
  ownAnswer ??= endsIn(ownSurroundings());
  return ownAnswer;
}

function endsIn(surroundings: ProcessSurroundings): boolean {
  const { terminals, env, parentStatus } = surroundings;
  const [input, output, error] = terminals;
  if (!input && !output && !error) return false;
  // Shells name the program that they started in `_`. The nohup of macOS leaves standard input at the terminal.
  if (!output && !error && basename(env._ ?? '') === 'nohup') return false;
  return !ignoresHangup(parentStatus);
}

/** Whether a process ignores SIGHUP, signal 1; what it starts then inherits this. */
function ignoresHangup(status: string | undefined): boolean {
  const [, mask] = /^SigIgn:\s*([0-9a-f]+)$/m.exec(status ?? '') ?? [];
  return mask !== undefined && (BigInt(`0x${mask}`) & 1n) === 1n;
}

/** Prepares the program for the end of its terminal: to end by SIGHUP with an exit code, or to ignore the signal. */
export function prepareForHangup(): void {
  if (process.platform === 'win32') return;
  const terminals = [0, 1, 2].filter((descriptor) => isatty(descriptor));
  if (terminals.length > 0) process.on('exit', () => replaceClosed(terminals));
  if (!endsWithTerminal()) ignoreHangup();
}

/** Keeps the program running. The first time, a line says how to end it. */
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
 * Puts /dev/null in place of terminals that have gone. When Node exits it sets a terminal's modes back, and aborts where that fails;
 * it leaves a descriptor alone that is another file by then.
 */
function replaceClosed(terminals: readonly number[]): void {
  for (const descriptor of terminals.filter((one) => !isatty(one))) {
    try {
      closeSync(descriptor);
      // Takes the lowest number, which is the one that was closed.
      openSync('/dev/null', 'r+');
    } catch {
      // The exit code is lost, nothing else.
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
