/**
 * Kills a training run at random moments and resumes it, until it has reached its end.
 *
 *     npm run build && node --import tsx test/soak/kills.ts [kills] [seed] [iterations of a run]
 *
 * After every kill, each checkpoint on disk, `best` and `last` must load, and all lines of the log but the last must be complete. At the end,
 * the run must have the same bits as an uninterrupted one. Runs are tiny and save at every iteration, so most kills hit a save.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts';
import { readCheckpointFile } from '../../src/formats/read.node.ts';
import { LoggedRun } from '../../src/train/log/logged-run.ts';
import { readEventLog } from '../../src/train/log/read-event-log.node.ts';
import { MersenneTwister } from '../../src/util/mersenne-twister.ts';
import { program } from '../cli/command.ts';

const text = 'the harbour wall stood in the rain, and the keeper walked along it.\n'.repeat(40);
const SHAPE =
  '-rnn_size 8 -batch_size 3 -seq_length 7 -eval_val_every 9 --checkpoint_every 1 -print_every 1 --baseline false';

/** The kinds of runs, one after the other. A run that has reached its end starts again. */
const KINDS = [
  '-model lstm -num_layers 2 -dropout 0.2 --keep 3',
  '-model gru -num_layers 1 --optimizer adam -learning_rate_decay_after 0',
  '-model rnn -num_layers 2 -dropout 0.5 --keep 1 -savefile other',
  '-model lstm -num_layers 1 --optimizer adam --engine reference --precision float64 --keep 2',
];
const READY = /^\d+\/\d+ \(epoch/m;

export interface KillFigures {
  kills: number;
  /** Kills that left an incomplete file. */
  withinSaves: number;
  /** Kills before the first iteration after a start. */
  beforeTraining: number;
  checkpointsRead: number;
  runs: number;
}

interface Settings {
  readonly kills: number;
  /** Iterations of a run. */
  readonly iterations: number;
  readonly seed?: number;
  readonly onProgress?: (figures: KillFigures) => void;
}

/** @throws {AssertionError} if a check fails */
export async function killTrainings({
  kills,
  iterations,
  seed = 1,
  onProgress,
}: Settings): Promise<KillFigures> {
  const random = new MersenneTwister(seed);
  const figures: KillFigures = { kills: 0, withinSaves: 0, beforeTraining: 0, checkpointsRead: 0, runs: 0 };
  for (let kind = 0; figures.kills < kills; kind = (kind + 1) % KINDS.length) {
    const folder = mkdtempSync(join(tmpdir(), 'char-rnn-kills-'));
    try {
      writeFileSync(join(folder, 'book.txt'), text);
      const words = `${SHAPE} ${KINDS[kind]} --max_iterations ${iterations}`.split(' ');
      const start = ['book.txt', ...words];
      const whole = await runTraining(folder, [...start, '-checkpoint_dir', 'whole']);
      assert.equal(whole.code, 0, whole.stderr);
      await untilItsEnd(folder, start, random, figures, kills, onProgress);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  return figures;
}

/** Runs and kills one kind of run repeatedly. After enough kills, the last start runs to its end. */
async function untilItsEnd(
  folder: string,
  start: readonly string[],
  random: MersenneTwister,
  figures: KillFigures,
  most: number,
  onProgress: Settings['onProgress'],
): Promise<void> {
  const cv = join(folder, 'cv');
  for (;;) {
    const isBegun = existsSync(cv) && readdirSync(cv).some((name) => name.startsWith('lm_'));
    const words = isBegun ? ['--resume'] : start;
    const kill = figures.kills < most ? killTime(random) : undefined;
    const { code, signal, stderr, wasReady } = await runTraining(folder, words, kill);
    if (signal === null) assert.equal(code, 0, stderr);
    else {
      figures.kills++;
      if (!wasReady) figures.beforeTraining++;
      await checkFolder(cv, figures);
      onProgress?.(figures);
      continue;
    }
    figures.runs++;
    await checkFolder(cv, figures);
    assert.deepEqual(
      readdirSync(cv).filter((name) => name.startsWith('.')),
      [],
      'locks and leftovers are gone',
    );
    assert.deepEqual(
      await endOf(cv),
      await endOf(join(folder, 'whole')),
      'the bits of the uninterrupted run',
    );
    await checkLosses(cv);
    return;
  }
}

interface KillTime {
  /** The delay counts from the first iteration, or from the start of the process. */
  readonly from: 'iteration' | 'start';
  readonly milliseconds: number;
}

function killTime(random: MersenneTwister): KillTime {
  return random.nextUniform() < 0.85
    ? { from: 'iteration', milliseconds: 150 * random.nextUniform() }
    : { from: 'start', milliseconds: 400 * random.nextUniform() };
}

function runTraining(folder: string, words: readonly string[], kill?: KillTime) {
  const env = { ...process.env, XDG_CACHE_HOME: join(folder, 'cache') };
  const child = spawn(process.execPath, [program, 'train', ...words], { cwd: folder, env });
  let stderr = '';
  let wasReady = false;
  let timer: NodeJS.Timeout | undefined;
  const killIn = (milliseconds: number) => {
    timer = setTimeout(() => child.kill('SIGKILL'), milliseconds);
  };
  if (kill?.from === 'start') killIn(kill.milliseconds);
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    if (wasReady || !READY.test(chunk)) return;
    wasReady = true;
    if (kill?.from === 'iteration') killIn(kill.milliseconds);
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  return new Promise<{ code: number | null; signal: string | null; stderr: string; wasReady: boolean }>(
    (resolve) => {
      child.on('close', (code, signal) => {
        clearTimeout(timer);
        resolve({ code, signal, stderr, wasReady });
      });
    },
  );
}

const EXPECTED =
  /^(lm_\w+_epoch[\d.]+_(i\d+|\d\.\d{4})(_\d+)?\.safetensors|(best|last)\.safetensors|\w+\.log\.jsonl|run\.json|\.\S+\.(saving|lock|tmp))$/;

/** Checks what a kill left: complete checkpoints, and a log whose lines, except the last, are complete. */
async function checkFolder(cv: string, figures: KillFigures): Promise<void> {
  if (!existsSync(cv)) return;
  const names = readdirSync(cv);
  for (const name of names) {
    assert.match(name, EXPECTED);
    if (!name.startsWith('.') && name.endsWith('.safetensors')) {
      const { training } = await readCheckpointFile(join(cv, name));
      assert.ok(training, `${name} can be resumed`);
      figures.checkpointsRead++;
    }
    if (!name.endsWith('.log.jsonl')) continue;
    const lines = readFileSync(join(cv, name), 'utf8').split('\n');
    for (const line of lines.slice(0, -1)) if (line !== '') parseUnlessCut(line);
  }
  if (names.some((name) => name.endsWith('.saving'))) figures.withinSaves++;
}

/** A line that a kill has cut stays in the log. It is the only kind of line that may not be JSON; it is the start of one. */
function parseUnlessCut(line: string): void {
  try {
    JSON.parse(line);
  } catch {
    assert.ok(line.startsWith('{"time":'.slice(0, line.length)), line);
    assert.ok(!line.endsWith('}'), line);
  }
}

/** The log of a killed and resumed run has the losses of its last checkpoint, except some that a kill prevented from being logged. */
async function checkLosses(cv: string): Promise<void> {
  const { training } = await readCheckpointFile(join(cv, 'last.safetensors'));
  const log = readdirSync(cv).find((name) => name.endsWith('.log.jsonl')) ?? '';
  const run = new LoggedRun();
  for await (const event of readEventLog(join(cv, log))) run.add(event);
  for (const which of ['trainLosses', 'validationLosses'] as const) {
    const { iterations, values } = training?.[which] ?? run[which];
    const kept = new Map([...iterations].map((iteration, index) => [iteration, values[index]]));
    const logged = run[which];
    for (const [index, iteration] of logged.iterations.entries())
      assert.equal(logged.values[index], kept.get(iteration), `${which} at ${iteration}`);
    assert.ok(logged.values.length > 0 && new Set(logged.iterations).size === logged.iterations.length);
  }
}

/** The final state of a run, without its id and folder. */
async function endOf(cv: string): Promise<Omit<Checkpoint, 'vocabulary'>> {
  const { vocabulary: _, training, ...model } = await readCheckpointFile(join(cv, 'last.safetensors'));
  assert.ok(training);
  return { ...model, training: { ...training, runId: '', options: {} } };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [kills = 1000, seed = 1, iterations = 1500] = process.argv.slice(2).map(Number);
  const began = performance.now();
  const figures = await killTrainings({
    ...{ kills, seed, iterations },
    onProgress: (progress) => {
      if (progress.kills % 50 === 0) console.log(JSON.stringify(progress));
    },
  });
  console.log(JSON.stringify({ ...figures, seconds: Math.round((performance.now() - began) / 1000) }));
}
