/** How the program was started, and how to quote words for a shell. */
import { basename, isAbsolute, relative } from 'node:path';

/** The names under which package.json installs the program. */
export const INSTALLED_NAMES = ['char-rnn', 'char-rnn-ts'];

export interface ProgramStart {
  /** `process.argv[1]`. */
  readonly script: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

/** The words that start the program again: `char-rnn`, `npx char-rnn-ts` or `node dist/cli/main.js`. */
export function programName(start: ProgramStart = ownStart()): string {
  const { script, env, cwd } = start;
  const name = basename(script);
  const isNpx = env.npm_command === 'exec';
  if (INSTALLED_NAMES.includes(name)) return isNpx ? `npx ${name}` : name;
  // On Windows npm runs the script itself with node.
  if (isNpx) return 'npx char-rnn-ts';
  const near = relative(cwd, script);
  return `node ${shellWord(near.startsWith('..') || isAbsolute(near) ? script : near)}`;
}

function ownStart(): ProgramStart {
  return { script: process.argv[1] ?? 'char-rnn', env: process.env, cwd: process.cwd() };
}

/** Quotes a word if a shell would not take it literally. */
export function shellWord(word: string, platform: NodeJS.Platform = process.platform): string {
  if (/^[\w./+=:@%,-]+$/.test(word)) return word;
  if (platform === 'win32') return `"${word.replaceAll('"', '\\"')}"`;
  return `'${word.replaceAll("'", "'\\''")}'`;
}
