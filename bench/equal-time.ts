/**
 * Trains with different settings for the same time, text by text, and compares the losses on the last tenth of each text.
 *
 *     node --import tsx bench/equal-time.ts SECONDS SEEDS ARM[,ARM …] TEXT …
 *
 * ARM: default (the original's settings), fit (--fit), small or balanced (the preset, with --time). A run that has not ended by itself is
 * stopped when its time is up. Runs go to results/equal-time/SECONDS/TEXT/ARM/seed-N; finished ones are not repeated, so the program may be
 * stopped at any time. A run that was made with another text of that name, other flags or another commit is an error.
 * Nothing else should run on the machine meanwhile.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { claimFolder, provenanceOf } from './provenance.ts';

const ARMS: Readonly<Record<string, (seconds: number) => readonly string[]>> = {
  default: () => [],
  fit: () => ['--fit'],
  small: (seconds) => ['--preset', 'small', '--time', `${seconds}s`],
  balanced: (seconds) => ['--preset', 'balanced', '--time', `${seconds}s`],
};
/** Characters that only the held-out text has are left out of it. */
const UNKNOWN = ['--unknown', 'skip'];
/** The share of a text that is held out, at its end. */
const HELD_OUT = 0.1;

interface Result {
  /**
   * In nats per symbol, on the whole of the held-out text: of the last checkpoint, and of the one with the lowest validation loss. That one is
   * chosen by the same text, which favours it a little, the more so the more often the run evaluates.
   */
  readonly last: number;
  readonly best: number;
  /** How far the checkpoint of `best` is above the count model, on the batches that the run evaluates. */
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
  const flags = ARMS[arm]?.(seconds) ?? [];
  claimFolder(folder, provenanceOf(text, flags));
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8'));
  const checkpoints = join(folder, 'cv');
  rmSync(checkpoints, { recursive: true, force: true });
  const [training, heldOut] = splitFiles(text);
  const begun = performance.now();
  await train([
    ...[training, '--valid', heldOut, ...UNKNOWN, ...flags],
    ...['--seed', String(seed), '--checkpoint-dir', checkpoints],
  ]);
  const took = (performance.now() - begun) / 1000;
  const result = { ...lossesOf(checkpoints, heldOut), seconds: took };
  writeFileSync(file, JSON.stringify(result));
  return result;
}

/** Trains until the run ends or its time is up. */
function train(words: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, 'train', ...words, '--print-every', '1000000'], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const timer = setTimeout(() => child.kill('SIGINT'), 1000 * seconds);
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
  const [last, best] = [join(checkpoints, 'last.safetensors'), join(checkpoints, 'best.safetensors')];
  // A run that was stopped before its first evaluation has only the last.
  const chosen = existsSync(best) ? best : last;
  const { natsPerCharacter, baseline } = scoreOf(chosen, '--part', 'val', '--baseline');
  if (!baseline) throw new Error('eval --baseline gave no loss of a count model');
  return {
    last: scoreOf(last, heldOut, ...UNKNOWN).natsPerCharacter,
    best: scoreOf(chosen, heldOut, ...UNKNOWN).natsPerCharacter,
    aboveCounts: natsPerCharacter - baseline.natsPerCharacter,
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
