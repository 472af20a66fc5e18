/**
 * Kills and freezes the workers of a sweep of stand-in trials, and compares every result with the right one. The state of the sweep is in a
 * file or, with `postgres`, in a PostgreSQL server, which is killed too.
 *
 *     npm run build && node --import tsx test/soak/sweep-chaos.ts [file|postgres] [trials] [kills] [freezes] [outages] [seed]
 *
 * Four workers run two trials each. Nobody supervises them but the workers that are left; a new one starts a second after each kill.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { SweepPlan } from '../../src/sweep/plan.node.ts';
import { connect } from '../../src/sweep/postgres/connection.node.ts';
import { promoted } from '../../src/sweep/schedule.ts';
import { parametersOfTrials } from '../../src/sweep/search.ts';
import type { Space } from '../../src/sweep/space.ts';
import { openDatabase } from '../../src/sweep/sqlite.node.ts';
import type { NewSweep, SweepStore } from '../../src/sweep/store.ts';
import { createInDatabase } from '../../src/sweep/sweep-database.node.ts';
import { createSweep, openSweep } from '../../src/sweep/sweep-folder.node.ts';
import { MersenneTwister } from '../../src/util/mersenne-twister.ts';
import { type PostgresServer, skipWithoutPostgres, startPostgres } from '../sweep/postgres/server.ts';

interface Settings {
  readonly trials: number;
  readonly kills: number;
  /** Workers that stand still for longer than their jobs are kept. */
  readonly freezes: number;
  /** The server that keeps the state of the sweep. Default: none, but a file. */
  readonly server?: PostgresServer | undefined;
  /** How often the server is killed; it starts again after two to five seconds. */
  readonly outages?: number;
  readonly seed?: number;
  /** The length of an iteration of a stand-in. */
  readonly milliseconds?: number;
}

export interface ChaosFigures {
  readonly seconds: number;
  readonly jobs: number;
  readonly kills: number;
  readonly freezes: number;
  readonly outages: number;
  readonly attempts: number;
  /** Results that came too late and were refused, and jobs given up because another worker had them. */
  readonly refused: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly wrong: number;
  /** The longest time from a kill until another worker had the job, in seconds, without the time for which the server was away. */
  readonly takeover: number;
}

interface LoggedEvent {
  readonly type: string;
  readonly trial: number;
  readonly rung: number;
  readonly attempt?: number;
  readonly at: number;
  readonly pid: number;
}

const WORKERS = 4;
const RUNGS = [5, 10, 15];
const ETA = 3;
const SPACE: Space = { learningRate: { min: 1e-4, max: 1e-1, log: true, integer: false } };
/** Between two disturbances, in milliseconds. */
const CALM = 2500;
/** Longer than a job is kept without a heartbeat. */
const FREEZE = 20_000;
const TIME_LIMIT = 600_000;

/** @throws {AssertionError} if the sweep does not end in time */
export async function disturbSweep(settings: Settings): Promise<ChaosFigures> {
  const base = mkdtempSync(join(tmpdir(), 'char-rnn-sweep-'));
  const folder = join(base, 'chaos');
  const { trials: count, seed = 1 } = settings;
  const definition = {
    method: 'random' as const,
    seed,
    rungs: RUNGS.length,
    eta: ETA,
    space: SPACE,
    options: {},
  };
  const text = { textFile: ['/none'], sha256: '', name: 'none' };
  const trials = parametersOfTrials(definition, count).map((parameters, index) => ({
    ...{ number: index + 1, parameters, evaluateEvery: 5, rungs: RUNGS },
  }));
  const { server } = settings;
  const created = { name: 'chaos', definition, text };
  const store = server
    ? await createOnServer(server, folder, created, { text, trials })
    : await createSweep(folder, created, { text, trials });
  try {
    const chaos = new Chaos(folder, settings);
    const { seconds, killed, frozen, away } = await chaos.run(store);
    const events = readFileSync(join(folder, 'events.jsonl'), 'utf8').trimEnd().split('\n').flatMap(parsed);
    const jobs = server ? await jobsOnServer(server) : await jobsInFile(join(folder, 'sweep.sqlite'));
    const expected = expectedLosses(trials.map(({ parameters }) => Number(parameters.learningRate)));
    const keys = new Set(jobs.map(({ trial, rung }) => `${trial}/${rung}`));
    const ended = events.filter(({ type }) => type === 'ended').map(({ trial, rung }) => `${trial}/${rung}`);
    return {
      ...{ seconds, jobs: jobs.length, kills: killed.length, freezes: frozen, outages: away.length },
      attempts: events.filter(({ type }) => type === 'running').length,
      refused: events.filter(({ type }) => type === 'put-back' || type === 'taken-over').length,
      lost: [...expected.keys()].filter((key) => !keys.has(key)).length,
      duplicated: ended.length - new Set(ended).size,
      wrong: jobs.filter(
        ({ trial, rung, state, loss }) => state !== 'done' || expected.get(`${trial}/${rung}`) !== loss,
      ).length,
      takeover: Math.max(0, ...killed.map((kill) => takeoverTime(kill, events, away))) / 1000,
    };
  } finally {
    await store.close();
    rmSync(base, { recursive: true, force: true });
  }
}

type JobRow = Readonly<Record<string, unknown>>;

async function jobsInFile(path: string): Promise<JobRow[]> {
  const database = await openDatabase(path);
  assert.deepEqual({ ...database.prepare('PRAGMA integrity_check').get() }, { integrity_check: 'ok' });
  const jobs = database.prepare('SELECT trial, rung, state, loss FROM job').all();
  database.close();
  return jobs;
}

async function jobsOnServer(server: PostgresServer): Promise<JobRow[]> {
  const connection = await connect(server.url);
  try {
    const { rows } = await connection.pool.query('SELECT trial, rung, state, loss FROM char_rnn.job');
    const left = await connection.pool.query(
      "SELECT state, count(*) FROM char_rnn_queue.job WHERE name LIKE 'sweep-%' AND state <> 'completed' GROUP BY state",
    );
    assert.deepEqual(left.rows, [], 'jobs in the queue that nobody needs');
    return rows;
  } finally {
    await connection.close();
  }
}

async function createOnServer(server: PostgresServer, folder: string, sweep: NewSweep, plan: SweepPlan) {
  const connection = await connect(server.url);
  try {
    await createInDatabase(connection, folder, sweep, plan);
  } finally {
    await connection.close();
  }
  return await openSweep(folder);
}

/** The jobs of the undisturbed sweep, with their losses. */
function expectedLosses(rates: readonly number[]): Map<string, number> {
  const losses = new Map<string, number>();
  let trials = rates.map((_, index) => index + 1);
  RUNGS.forEach((end, rung) => {
    const results = trials.map((trial) => {
      let hash = Math.round((rates[trial - 1] as number) * 1e6);
      for (let iteration = 0; iteration < end; iteration++)
        hash = (Math.imul(hash, 1664525) + 1013904223) >>> 0;
      return { trial, loss: hash / 2 ** 32 };
    });
    for (const { trial, loss } of results) losses.set(`${trial}/${rung}`, loss);
    trials = promoted(results, ETA);
  });
  return losses;
}

interface Kill {
  readonly at: number;
  readonly jobs: readonly { readonly trial: number; readonly rung: number; readonly attempt: number }[];
}

/** When the server was away, in milliseconds since 1970. */
interface Outage {
  readonly from: number;
  readonly to: number;
}

/** How long the slowest job of a killed worker waited for another one, in milliseconds. */
function takeoverTime(
  { at, jobs }: Kill,
  events: readonly LoggedEvent[],
  outages: readonly Outage[],
): number {
  const times = jobs.map(({ trial, rung, attempt }) => {
    // There is none if the job ended just before the kill.
    const next = events.find(
      (event) =>
        event.type === 'running' &&
        event.trial === trial &&
        event.rung === rung &&
        (event.attempt ?? 0) > attempt,
    );
    if (!next) return 0;
    const away = outages.map(({ from, to }) => Math.max(0, Math.min(to, next.at) - Math.max(from, at)));
    return next.at - at - away.reduce((sum, time) => sum + time, 0);
  });
  return Math.max(0, ...times);
}

function parsed(line: string): LoggedEvent[] {
  try {
    return [JSON.parse(line)];
  } catch {
    // A worker was killed while it wrote the line.
    return [];
  }
}

/** As its jobs have it. */
function nameOf(worker: ChildProcess): string {
  return `${hostname()}:${worker.pid}`;
}

class Chaos {
  readonly #folder: string;
  readonly #settings: Settings;
  readonly #random: MersenneTwister;
  readonly #workers = new Set<ChildProcess>();
  readonly #frozen = new Set<ChildProcess>();

  constructor(folder: string, settings: Settings) {
    this.#folder = folder;
    this.#settings = settings;
    this.#random = new MersenneTwister(settings.seed ?? 1);
  }

  async run(store: SweepStore) {
    const { kills, freezes, server, outages = 0 } = this.#settings;
    const begun = performance.now();
    const killed: Kill[] = [];
    let frozen = 0;
    const away: Outage[] = [];
    let last = performance.now();
    for (let index = 0; index < WORKERS; index++) this.#start();
    try {
      for (;;) {
        await sleep(200);
        const counts = await store.counts();
        const open = counts.some(({ state }) => state === 'queued' || state === 'running');
        if (!open) break;
        assert.ok(performance.now() - begun < TIME_LIMIT, JSON.stringify(counts));
        if (performance.now() - last < CALM) continue;
        const worker = await this.#pick(store);
        if (!worker) continue;
        last = performance.now();
        if (server && away.length < outages && killed.length >= (away.length + 1) * 2) {
          const from = Date.now();
          await server.kill();
          await sleep(2000 + 3000 * this.#random.nextUniform());
          await server.start();
          away.push({ from, to: Date.now() });
        } else if (frozen < freezes && killed.length >= (frozen + 1) * 2) {
          frozen++;
          this.#freeze(worker);
        } else if (killed.length < kills) killed.push(await this.#kill(worker, store));
      }
      return { seconds: (performance.now() - begun) / 1000, killed, frozen, away };
    } finally {
      for (const worker of this.#workers) worker.kill('SIGKILL');
    }
  }

  #start(): void {
    const script = fileURLToPath(new URL('./sweep-worker.mjs', import.meta.url));
    const { milliseconds = 100 } = this.#settings;
    const env = { ...process.env, NODE_NO_WARNINGS: '1', ITERATION_MILLISECONDS: String(milliseconds) };
    const worker = spawn(process.execPath, ['--import', 'tsx', script, this.#folder, '2'], {
      stdio: 'inherit',
      env,
    });
    this.#workers.add(worker);
    worker.on('exit', () => this.#workers.delete(worker));
  }

  /** A worker that has a job: others would lose nothing. */
  async #pick(store: SweepStore): Promise<ChildProcess | undefined> {
    const busy = new Set((await store.running()).map((job) => job.worker));
    const found = [...this.#workers].filter(
      (worker) => !this.#frozen.has(worker) && busy.has(nameOf(worker)),
    );
    return found[Math.floor(this.#random.nextUniform() * found.length)];
  }

  async #kill(worker: ChildProcess, store: SweepStore): Promise<Kill> {
    const jobs = (await store.running()).filter((job) => job.worker === nameOf(worker));
    worker.kill('SIGKILL');
    setTimeout(() => this.#start(), 1000);
    return { at: Date.now(), jobs };
  }

  /** Stops a worker and its trials, as a machine that sleeps does. */
  #freeze(worker: ChildProcess): void {
    const children = execFileSync('sh', ['-c', `pgrep -P ${worker.pid} || true`], { encoding: 'utf8' });
    const pids = [worker.pid ?? 0, ...children.split('\n').filter(Boolean).map(Number)];
    const all = (signal: NodeJS.Signals) => {
      for (const pid of pids) {
        try {
          process.kill(pid, signal);
        } catch {
          // It has ended.
        }
      }
    };
    this.#frozen.add(worker);
    all('SIGSTOP');
    setTimeout(() => {
      all('SIGCONT');
      this.#frozen.delete(worker);
    }, FREEZE);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [where = 'file', ...numbers] = process.argv.slice(2);
  const [trials = 200, kills = 20, freezes = 2, outages = 5, seed = 1] = numbers.map(Number);
  if (where === 'postgres' && skipWithoutPostgres) {
    console.log(`not run: ${skipWithoutPostgres}`);
    process.exit(0);
  }
  const server = where === 'postgres' ? await startPostgres() : undefined;
  try {
    const figures = await disturbSweep({ trials, kills, freezes, outages, seed, server });
    console.log(figures);
    assert.ok(figures.lost + figures.duplicated + figures.wrong === 0 && figures.takeover < 15);
  } finally {
    await server?.remove();
  }
  process.exit(0);
}
