/**
 * Trains with different settings for the same time, text by text, and compares the losses on the last tenth of each text.
 *
 *     node --import tsx bench/equal-time.ts SECONDS SEEDS ARM[,ARM …] TEXT …
 *
 * ARM: default (the original's settings), fit (--fit), small or balanced (the preset, with --time). Runs go to
 * results/equal-time/SECONDS/TEXT/ARM/seed-N; finished ones are not repeated, so the program may be stopped at any time.
 * Nothing else should run on the machine meanwhile.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ARMS: Readonly<Record<string, (seconds: number) => readonly string[]>> = {
  default: () => [],
  fit: () => ['--fit'],
  small: (seconds) => ['--preset', 'small', '--time', `${seconds}s`],
  balanced: (seconds) => ['--preset', 'balanced', '--time', `${seconds}s`],
};
/** A preset run that takes longer than planned is stopped after this share of its time. */
const OVERRUN = 1.05;

/** Characters that only the held-out text has are left out of it. */
const UNKNOWN = ['--unknown', 'skip'];
/** The share of a text that is held out, at its end. */
const HELD_OUT = 0.1;

interface Result {
  /** In nats per symbol, on the whole of the held-out text: of the last checkpoint, and of the best. */
  readonly last: number;
  readonly best: number;
  /** How far the best checkpoint is above the count model, on the batches that the run evaluates. */
  readonly aboveCounts: number;
  readonly seconds: number;
}

const program = join(fileURLToPath(new URL('..', import.meta.url)), 'dist', 'cli', 'main.js');
const [seconds, seeds] = process.argv.slice(2, 4).map(Number) as [number, number];
const [arms = [], ...texts] = [process.argv[4]?.split(','), ...process.argv.slice(5)] as [
  string[],
  ...string[],
];
if (!(seconds > 0) || !(seeds > 0) || texts.length === 0 || arms.some((arm) => !ARMS[arm])) {
  console.error(
    `node --import tsx bench/equal-time.ts SECONDS SEEDS ARM[,ARM …] TEXT …\narms: ${Object.keys(ARMS).join(', ')}`,
  );
  process.exit(2);
}

console.log(`${cpus()[0]?.model}, ${cpus().length} processors, ${seconds} s, ${seeds} seeds`);
for (const text of texts) {
  const results = new Map<string, Result[]>(arms.map((arm) => [arm, []]));
  // The settings take turns, so that a slow quarter of an hour does not fall on one of them.
  for (let seed = 1; seed <= seeds; seed++)
    for (const arm of arms) results.get(arm)?.push(await resultOf(text, arm, seed));
  for (const [arm, list] of results) {
    const mean = (key: keyof Result) => list.reduce((sum, one) => sum + one[key], 0) / list.length;
    console.log(
      `${basename(text)} ${arm}: last ${mean('last').toFixed(4)}, best ${mean('best').toFixed(4)}, ` +
        `${mean('aboveCounts').toFixed(4)} above the count model, ${mean('seconds').toFixed(0)} s`,
    );
  }
}

async function resultOf(text: string, arm: string, seed: number): Promise<Result> {
  const folder = join('results', 'equal-time', String(seconds), basename(text), arm, `seed-${seed}`);
  const file = join(folder, 'result.json');
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8'));
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const checkpoints = join(folder, 'cv');
  const flags = ARMS[arm]?.(seconds) ?? [];
  const [training, heldOut] = splitFiles(text);
  const begun = performance.now();
  await train([
    training,
    '--valid',
    heldOut,
    ...flags,
    '--seed',
    String(seed),
    '--checkpoint-dir',
    checkpoints,
  ]);
  const took = (performance.now() - begun) / 1000;
  const result = { ...lossesOf(checkpoints, heldOut), seconds: took };
  writeFileSync(file, JSON.stringify(result));
  return result;
}

/** Trains until the run ends or its time is up. */
function train(words: readonly string[]): Promise<void> {
  const isPreset = words.includes('--time');
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, 'train', ...words, '--print-every', '1000000'], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const timer = setTimeout(() => child.kill('SIGINT'), 1000 * seconds * (isPreset ? OVERRUN : 1));
    child.on('error', reject);
    child.on('close', (status, signal) => {
      clearTimeout(timer);
      // An interrupted training ends with 130.
      if (status === 0 || status === 130) resolve();
      else reject(new Error(`train ended with ${status ?? signal}`));
    });
  });
}

/** The two parts of a text, as files next to its results. */
function splitFiles(text: string): [training: string, heldOut: string] {
  const folder = join('results', 'equal-time', String(seconds), basename(text));
  const files = [
    join(folder, `train-${basename(text)}`),
    join(folder, `held-out-${basename(text)}`),
  ] as const;
  const symbols = [...readFileSync(text, 'utf8')];
  const cut = Math.round(symbols.length * (1 - HELD_OUT));
  writeFileSync(files[0], symbols.slice(0, cut).join(''));
  writeFileSync(files[1], symbols.slice(cut).join(''));
  return [...files];
}

function lossesOf(checkpoints: string, heldOut: string): Omit<Result, 'seconds'> {
  const last = scoreOf(join(checkpoints, 'last.safetensors'), heldOut, ...UNKNOWN).natsPerCharacter;
  const bestFile = join(checkpoints, 'best.safetensors');
  // A run that was stopped before its first evaluation has none.
  if (!existsSync(bestFile)) return { last, best: last, aboveCounts: Number.NaN };
  const { natsPerCharacter, baseline } = scoreOf(bestFile, '--part', 'val', '--baseline');
  return {
    last,
    best: Math.min(last, scoreOf(bestFile, heldOut, ...UNKNOWN).natsPerCharacter),
    aboveCounts: natsPerCharacter - (baseline?.natsPerCharacter ?? Number.NaN),
  };
}

interface Score {
  readonly natsPerCharacter: number;
  readonly baseline?: { readonly natsPerCharacter: number };
}

function scoreOf(checkpoint: string, ...words: string[]): Score {
  const { status, stdout } = spawnSync(process.execPath, [program, 'eval', checkpoint, ...words, '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new Error(`eval ended with ${status}`);
  return JSON.parse(stdout.toString());
}
