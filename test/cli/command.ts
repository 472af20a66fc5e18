/** Runs the built program as a person does, in a process of its own. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { resolve as resolvePath } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));
/** The program in the package. */
export const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** For the `skip` of a test that sends signals. */
export const skipWithoutSignals = process.platform === 'win32' ? 'no signals on Windows' : false;

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunSettings {
  /** Default: `program`. */
  readonly program?: string;
  readonly cwd?: string;
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  /** A module, as text, that Node loads before the program. */
  readonly preload?: string;
  /** Called with standard output so far whenever there is more. */
  readonly onOutput?: (soFar: string, child: ChildProcess) => void;
  /** The same for standard error. */
  readonly onErrors?: (soFar: string, child: ChildProcess) => void;
}

/** Runs `char-rnn` with the given words until it ends. */
export function charRnn(words: readonly string[], settings: RunSettings = {}): Promise<Outcome> {
  const { cwd = root, input, env = {}, onOutput, onErrors } = settings;
  const preload = settings.preload
    ? ['--import', `data:text/javascript,${encodeURIComponent(settings.preload)}`]
    : [];
  const child = spawn(process.execPath, [...preload, settings.program ?? program, ...words], {
    cwd,
    env: { ...process.env, ...env },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
    onOutput?.(stdout, child);
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
    onErrors?.(stderr, child);
  });
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
}

/**
 * The words after the program in a command that it printed, as a shell splits them.
 *
 * @param cwd The folder in which the program printed it.
 */
export function printedWords(command: string, cwd = root): string[] {
  const { stdout } = spawnSync('sh', ['-c', `printf '%s\\0' ${command}`], { encoding: 'utf8' });
  const [node, path = '', ...words] = stdout.split('\0').slice(0, -1);
  assert.deepEqual([node, resolvePath(cwd, path)], ['node', program], command);
  return words;
}
