/**
 * Measures the memory of `char-rnn ui` and of two pages that show a run while it trains: Runs, and the page of the run. Fails if it grows.
 *
 *     npm run build && node --import tsx test/soak/live-pages.ts [MINUTES]
 *
 * The run is a log to which lines are appended, about twelve iterations a second, with an evaluation and a sample after each hundredth. Prints
 * the memory once a minute, and compares the last sixth of the time with the second one. The memory of the server is that of its heaps after a
 * collection, with what they keep outside: its resident memory also has what V8 has not returned, and is printed, too.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { chromium, type Page } from 'playwright-core';
import { FolderLock } from '../../src/checkpoint/storage/folder-lock.node.ts';
import { executablePath } from '../browser/page.ts';
import { program } from '../cli/command.ts';
import { evaluated, iteration, line, run, started } from '../ui/logs.ts';
import { MEASURES_MEMORY, megabytesOf } from '../web/page-memory.ts';

/** The most that each may grow, in MB. */
const MAX_GROWTH = 10;
const RATE = 12;
const OTHER_RUNS = 20;
/** The name of the growing run: its folder. */
const LIVE = /\/live$/;

/** For each thread of the server: prints the bytes of its heap, and of the buffers outside that it holds. */
const REPORT_MEMORY = `
  import { threadId } from 'node:worker_threads';
  import { writeSync } from 'node:fs';
  const timer = setInterval(() => {
    gc();
    const { heapUsed, external } = process.memoryUsage();
    writeSync(2, 'memory ' + threadId + ' ' + (heapUsed + external) + '\\n');
  }, 1000);
  timer.unref();`;

export interface LivePagesReport {
  /** Of the run, when the time was over. */
  readonly iterations: number;
  /** The iteration that the page of the run showed then. */
  readonly shown: number;
  /** MB, of each measurement. */
  readonly memory: Readonly<Record<'runs' | 'run' | 'server', number[]>>;
  /** The change from the second sixth of the time to the last, by the least of each, in MB. */
  readonly growth: Readonly<Record<'runs' | 'run' | 'server', number>>;
}

/** @param interval Seconds between measurements. */
export async function watchLivePages(
  { seconds, interval }: { readonly seconds: number; readonly interval: number },
  print: (line: string) => void = () => {},
): Promise<LivePagesReport> {
  const folder = mkdtempSync(join(tmpdir(), 'char-rnn-live-'));
  const live = join(folder, 'live');
  const log = join(live, 'lstm.log.jsonl');
  for (let k = 0; k < OTHER_RUNS; k++) writeRun(join(folder, `run-${k}`), run(500, { runId: `other-${k}` }));
  writeRun(live, line(started({ runId: 'live', iterations: 1e6 })));
  const lock = await FolderLock.acquire(live);
  const words = ['--expose-gc', '--import', `data:text/javascript,${encodeURIComponent(REPORT_MEMORY)}`];
  const child = spawn(process.execPath, [...words, program, 'ui', folder, '--no-open', '--port', '0'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const heaps = readHeaps(child.stderr);
  const [address] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  const browser = await chromium.launch({
    executablePath: executablePath as string,
    args: ['--no-sandbox', MEASURES_MEMORY],
  });
  let last = 0;
  const begun = performance.now();
  const passed = () => (performance.now() - begun) / 1000;
  const grow = () => {
    let text = '';
    for (const due = Math.floor(passed() * RATE); last < due; ) {
      last++;
      const loss = 1.5 + 2 / Math.sqrt(last);
      text += line(iteration(last, loss, { iterations: 1e6 }), last / RATE);
      if (last % 100 !== 0) continue;
      text += line(evaluated(last, loss + 0.1), last / RATE);
      text += line({ type: 'sampled', iteration: last, text: `written at ${last} `.repeat(20) }, last / RATE);
    }
    if (text !== '') appendFileSync(log, text);
  };
  const growing = setInterval(grow, 250);
  try {
    const [runs, detail] = await openPages(browser.newPage.bind(browser), address.trim());
    const memory: LivePagesReport['memory'] = { runs: [], run: [], server: [] };
    for (let next = interval; passed() < seconds; next += interval) {
      await sleep(Math.max(0, next - passed()) * 1000);
      memory.runs.push(await megabytesOf(runs));
      memory.run.push(await megabytesOf(detail));
      memory.server.push([...heaps.values()].reduce((sum, bytes) => sum + bytes, 0) / 2 ** 20);
      const figures = Object.entries(memory).map(
        ([name, values]) => `${name} ${values.at(-1)?.toFixed(1)} MB`,
      );
      const resident = `server, resident ${residentMegabytes(child.pid).toFixed(0)} MB`;
      print(`${Math.round(passed())} s  ${last} iterations  ${figures.join('  ')}  ${resident}`);
    }
    clearInterval(growing);
    const text = detail.getByText(`iteration ${last.toLocaleString('en')} of`);
    await text.waitFor({ timeout: 60_000 }).catch(() => {});
    const shown = Number(
      /iteration ([\d,]+) of/
        .exec((await detail.locator('main').textContent()) ?? '')?.[1]
        ?.replaceAll(',', ''),
    );
    return { iterations: last, shown, memory, growth: mapValues(memory, growthOf) };
  } finally {
    clearInterval(growing);
    await browser.close();
    child.kill();
    lock.release();
    rmSync(folder, { recursive: true, force: true });
  }
}

function writeRun(folder: string, log: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'lstm.log.jsonl'), log);
}

/** @returns the page Runs, and the page of the growing run */
async function openPages(newPage: () => Promise<Page>, address: string): Promise<[Page, Page]> {
  const runs = await newPage();
  await runs.goto(address);
  const link = runs.getByRole('link', { name: LIVE });
  const href = await link.getAttribute('href');
  await runs.getByText('▶').first().waitFor();
  const detail = await newPage();
  await detail.goto(address);
  await detail.getByRole('link', { name: LIVE }).waitFor();
  await detail.goto(`${address.split('#')[0]}${href}`);
  await detail.getByText(/iteration [\d,]+ of/).waitFor();
  return [runs, detail];
}

/** The newest reports of REPORT_MEMORY, by thread. */
function readHeaps(stream: NodeJS.ReadableStream): ReadonlyMap<string, number> {
  const heaps = new Map<string, number>();
  createInterface({ input: stream }).on('line', (text) => {
    const [, thread, bytes] = /^memory (\d+) (\d+)$/.exec(text) ?? [];
    if (thread !== undefined) heaps.set(thread, Number(bytes));
    else process.stderr.write(`${text}\n`);
  });
  return heaps;
}

/** NaN if the system does not report it. */
function residentMegabytes(pid: number | undefined): number {
  try {
    return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
  } catch {
    return Number.NaN;
  }
}

function growthOf(values: readonly number[]): number {
  const sixth = Math.max(1, Math.floor(values.length / 6));
  const least = (part: readonly number[]) => Math.min(...part);
  return least(values.slice(-sixth)) - least(values.slice(sixth, 2 * sixth));
}

function mapValues<K extends string, A, B>(
  of: Readonly<Record<K, A>>,
  change: (value: A) => B,
): Record<K, B> {
  return Object.fromEntries(Object.entries(of).map(([name, value]) => [name, change(value as A)])) as Record<
    K,
    B
  >;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (!executablePath) throw new Error('no Chromium here: install it to measure the pages.');
  const [minutes = '60'] = process.argv.slice(2);
  const time = { seconds: Number(minutes) * 60, interval: 60 };
  const { growth, iterations, shown } = await watchLivePages(time, (text) => console.log(text));
  console.log(JSON.stringify({ iterations, shown, growth: mapValues(growth, (value) => value.toFixed(1)) }));
  if (shown !== iterations) throw new Error(`the page shows iteration ${shown} of ${iterations}`);
  for (const [name, value] of Object.entries(growth))
    if (!(value <= MAX_GROWTH)) throw new Error(`${name}: grew by ${value.toFixed(1)} MB`);
}
