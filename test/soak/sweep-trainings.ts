/**
 * Sweeps of real trainings with 1, 2 and 4 workers, whose processes are killed: the same jobs, losses, winner and parameters as undisturbed.
 * The undisturbed sweep is in a file. With `postgres`, the others are in a PostgreSQL server, which is killed too.
 *
 *     npm run build && node --import tsx test/soak/sweep-trainings.ts [file|postgres] [trials] [kills] [iterations]
 */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { readCheckpointFile } from '../../src/formats/read.node.ts';
import type { JobRecord } from '../../src/sweep/store.ts';
import { openSweep } from '../../src/sweep/sweep-folder.node.ts';
import { MersenneTwister } from '../../src/util/mersenne-twister.ts';
import { program } from '../cli/command.ts';
import { type PostgresServer, skipWithoutPostgres, startPostgres } from '../sweep/postgres/server.ts';

export interface TrainingSweeps {
  readonly trials: number;
  /** In each sweep but the first. */
  readonly kills: number;
  readonly iterations: number;
  readonly workers?: readonly number[];
  /** The server that keeps all sweeps but the first. Default: none, but files. */
  readonly server?: PostgresServer | undefined;
}

export interface TrainingFigures {
  readonly jobs: number;
  readonly winner: number;
  readonly kills: number;
  /** How often the server was killed. */
  readonly outages: number;
  /** Attempts of all sweeps but the first, above one per job. */
  readonly repeated: number;
}

const text = 'the harbour wall stood in the rain, and the keeper walked along it.\n'.repeat(60);
const FIXED = [
  'num-layers=1',
  'batch-size=4',
  'seq-length=10',
  'dropout=0.1',
  'schedule=cosine',
  'threads=1',
];
const SEARCHED = ['rnn-size=8,16', 'learning-rate=1e-3..3e-2:log', 'model=lstm,gru'];

/** @throws {AssertionError} if two sweeps differ */
export async function compareSweeps(settings: TrainingSweeps): Promise<TrainingFigures> {
  const { trials, iterations, kills, workers = [1, 2, 4], server } = settings;
  const folder = mkdtempSync(join(tmpdir(), 'char-rnn-sweeps-'));
  try {
    writeFileSync(join(folder, 'book.txt'), text);
    const tries = [...SEARCHED, ...FIXED, `max-iterations=${iterations}`].flatMap((word) => ['--try', word]);
    const define = ['sweep', 'run', 'book.txt', ...tries, '--trials', String(trials), '--seed', '3'];
    const calm = await sweepOf({ cwd: folder, name: 'calm', define, kills: 0, workers: 2 });
    let killed = 0;
    let outages = 0;
    let repeated = 0;
    for (const count of workers) {
      const name = `killed-${count}`;
      const other = await sweepOf({ cwd: folder, name, define, kills, workers: count, server });
      assert.deepEqual(other.results, calm.results, name);
      killed += other.kills;
      outages += other.outages;
      repeated += other.attempts - calm.attempts;
    }
    return { jobs: calm.results.length, winner: calm.winner, kills: killed, outages, repeated };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface OneSweep {
  readonly cwd: string;
  readonly name: string;
  /** The command that defines it. */
  readonly define: readonly string[];
  readonly kills: number;
  readonly workers: number;
  readonly server?: PostgresServer | undefined;
}

async function sweepOf({ cwd, name, define, kills, workers, server }: OneSweep) {
  const count = ['--workers', String(workers)];
  const random = new MersenneTwister(workers);
  let killed = 0;
  let outages = 0;
  let words = [...define, '--name', name, ...count, ...(server ? ['--database', server.url] : [])];
  for (;;) {
    const child = spawn(process.execPath, [program, ...words], { cwd, stdio: ['ignore', 'ignore', 'pipe'] });
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      errors += chunk;
    });
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
    while (killed < kills && child.exitCode === null && child.signalCode === null) {
      await sleep(600 + 1200 * random.nextUniform());
      // Every third kill hits the worker, and all of its trials with it; the others hit one trial.
      const isOfWorker = killed % 3 === 2;
      if (server && outages * 3 < killed && errors.includes('at once')) {
        outages++;
        await interrupt(server);
      }
      if (!(isOfWorker ? killWorker(child, errors) : killTrial(child, random))) continue;
      killed++;
      if (isOfWorker) break;
    }
    const code = await ended;
    if (code === 0) break;
    assert.equal(code, null, errors);
    words = ['sweep', 'resume', name, ...count];
  }
  return { ...(await resultsOf(join(cwd, 'sweeps', name))), kills: killed, outages };
}

/** The server is away for two seconds. */
async function interrupt(server: PostgresServer): Promise<void> {
  await server.kill();
  await sleep(2000);
  await server.start();
}

/** Before its first trial, a killed sweep leaves nothing to go on with. */
function killWorker(child: ChildProcess, errors: string): boolean {
  return errors.includes('at once') && child.kill('SIGKILL');
}

function killTrial(child: ChildProcess, random: MersenneTwister): boolean {
  const found = execFileSync('sh', ['-c', `pgrep -P ${child.pid} || true`], { encoding: 'utf8' });
  const pids = found.split('\n').filter(Boolean).map(Number);
  const pid = pids[Math.floor(random.nextUniform() * pids.length)];
  if (pid === undefined) return false;
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}

async function resultsOf(folder: string) {
  const store = await openSweep(folder);
  try {
    const trials = await store.trials();
    const [best] = await store.best(1);
    assert.ok(best);
    const results = await Promise.all(
      trials.map(async ({ trial, rung, state, loss, standardError, iteration, checkpoint }: JobRecord) => ({
        ...{ trial, rung, state, loss, standardError, iteration },
        evaluations: (await store.evaluations(trial)).map((one) => [one.iteration, one.loss]),
        parameters: checkpoint && (await hashOf(checkpoint)),
      })),
    );
    const attempts = trials.reduce((sum, { attempt }) => sum + attempt, 0);
    return { results, attempts, winner: best.trial };
  } finally {
    await store.close();
  }
}

async function hashOf(path: string): Promise<string> {
  const { parameters } = await readCheckpointFile(path);
  const { buffer, byteOffset, byteLength } = parameters;
  return createHash('sha256')
    .update(new Uint8Array(buffer, byteOffset, byteLength))
    .digest('hex');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [where = 'file', ...numbers] = process.argv.slice(2);
  const [trials = 18, kills = 9, iterations = 900] = numbers.map(Number);
  if (where === 'postgres' && skipWithoutPostgres) {
    console.log(`not run: ${skipWithoutPostgres}`);
    process.exit(0);
  }
  const server = where === 'postgres' ? await startPostgres() : undefined;
  try {
    console.log(await compareSweeps({ trials, kills, iterations, server }));
  } finally {
    await server?.remove();
  }
  process.exit(0);
}
