/** How the program was started, and words as a shell reads them. */
import { basename, isAbsolute, relative } from 'node:path';

/** The names under which package.json installs the program. */
export const INSTALLED_NAMES = ['char-rnn', 'char-rnn-ts'];

export interface ProgramStart {
  /** The script as Node names it: `process.argv[1]`. */
  readonly script: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

/** How the program was started, as words that start it again: `char-rnn`, `npx char-rnn-ts` or `node dist/cli/main.js`. */
export function programName(start: ProgramStart = ownStart()): string {
  const { script, env, cwd } = start;
  const name = basename(script);
  const isNpx = env.npm_command === 'exec';
  if (INSTALLED_NAMES.includes(name)) return isNpx ? `npx ${name}` : name;
  // On Windows npm's starter hands the script itself to node.
  if (isNpx) return 'npx char-rnn-ts';
  const near = relative(cwd, script);
  return `node ${shellWord(near.startsWith('..') || isAbsolute(near) ? script : near)}`;
}

function ownStart(): ProgramStart {
  return { script: process.argv[1] ?? 'char-rnn', env: process.env, cwd: process.cwd() };
}

/** A word as it can be typed into a shell: quoted where the shell would read it differently. */
export function shellWord(word: string, platform: NodeJS.Platform = process.platform): string {
  if (/^[\w./+=:@%,-]+$/.test(word)) return word;
  if (platform === 'win32') return `"${word.replaceAll('"', '\\"')}"`;
  return `'${word.replaceAll("'", "'\\''")}'`;
}
