/**
 * The data of `char-rnn ui` against its bars (docs/benchmarks.md): 1,000 runs of 100 kB, a log of 100 MB, and a log that grows. Best of
 * five.
 *
 *     npm run build && node --import tsx bench/ui.ts
 */
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeFrames } from '../src/ui/curve-frames.ts';
import type { CurvesRequest, RunChange } from '../src/ui/protocol.ts';
import { BestAndMedian } from './figures.ts';
import { iterationLine, writeLog } from './ui-logs.ts';
import { startUi, stopUi, type UiProcess } from './ui-server.ts';

const ROUNDS = 5;
const RUNS = 1000;
const folder = mkdtempSync(join(tmpdir(), 'char-rnn-bench-ui-'));

class Server {
  readonly #process: UiProcess;
  readonly #url: string;
  readonly #headers: Record<string, string>;

  private constructor(process: UiProcess) {
    this.#process = process;
    this.#url = `${process.url}api/`;
    this.#headers = { authorization: `Bearer ${process.token}`, 'content-type': 'application/json' };
  }

  static async start(...folders: string[]): Promise<Server> {
    return new Server(await startUi(...folders));
  }

  async runs(): Promise<RunChange> {
    return (await fetch(`${this.#url}runs`, { headers: this.#headers })).json();
  }

  stream(signal: AbortSignal): Promise<Response> {
    return fetch(`${this.#url}stream`, { headers: this.#headers, signal });
  }

  /** @returns the number of curves */
  async curves(body: CurvesRequest): Promise<number> {
    const init = { method: 'POST', headers: this.#headers, body: JSON.stringify(body) };
    const response = await fetch(`${this.#url}curves`, init);
    let count = 0;
    for await (const frame of decodeFrames(response.body as AsyncIterable<Uint8Array>))
      if (frame.type === 'curve') count++;
    return count;
  }

  /** The longest time that a request for nothing took while some work was done: the event loop was held for less. */
  async longestPause(work: Promise<unknown>): Promise<number> {
    let [longest, isDone] = [0, false];
    work.finally(() => {
      isDone = true;
    });
    while (!isDone) {
      const before = performance.now();
      await (await fetch(`${this.#url}nothing`, { headers: this.#headers })).text();
      longest = Math.max(longest, performance.now() - before);
      await sleep(5);
    }
    return longest;
  }

  /** The largest memory of the process so far, in MB; NaN where there is no /proc. */
  get peakMemory(): number {
    try {
      const [, kilobytes] =
        /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${this.#process.child.pid}/status`, 'utf8')) ?? [];
      return Number(kilobytes) / 1024;
    } catch {
      return Number.NaN;
    }
  }

  stop(): Promise<void> {
    return stopUi(this.#process);
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const before = performance.now();
  await work();
  return performance.now() - before;
}

/** Waits until the server has read all logs. */
async function settled(server: Server): Promise<string[]> {
  for (;;) {
    const { changed, isSearching } = await server.runs();
    if (!isSearching && !changed.some(({ isPartial }) => isPartial)) return changed.map(({ id }) => id);
    await sleep(50);
  }
}

/** @returns milliseconds from writing a line to the change in the stream */
async function newLine(server: Server, path: string, iteration: number): Promise<number> {
  const stop = new AbortController();
  const response = await server.stream(stop.signal);
  let before = 0;
  let text = '';
  for await (const piece of response.body as AsyncIterable<Uint8Array>) {
    text += new TextDecoder().decode(piece);
    if (before === 0) {
      await sleep(Math.random() * 500);
      before = performance.now();
      appendFileSync(path, iterationLine(iteration, 1));
    } else if (text.includes(`"iteration":${iteration},`)) break;
  }
  const time = performance.now() - before;
  stop.abort();
  return time;
}

const figures = new BestAndMedian();
const note = figures.note.bind(figures);

try {
  const [many, big, live] = [join(folder, 'many'), join(folder, 'big'), join(folder, 'live')];
  for (let run = 0; run < RUNS; run++) writeLog(join(many, String(run), 'lstm.log.jsonl'), 100_000, run + 1);
  const iterations = writeLog(join(big, 'lstm.log.jsonl'), 100e6, 1);
  let last = writeLog(join(live, 'lstm.log.jsonl'), 100_000, 1);
  for (let round = 0; round < ROUNDS; round++) {
    let server = await Server.start(many);
    note('1,000 runs: list, from the start of the program', '', await timed(() => settled(server)));
    const ids = await settled(server);
    note('1,000 runs: list', '≤ 500 ms', await timed(() => server.runs()));
    note('20 curves', '≤ 1,000 ms', await timed(() => server.curves({ ids: ids.slice(0, 20) })));
    const all = () => server.curves({ ids, bins: 150 });
    let pause = Number.NaN;
    const time = await timed(async () => {
      pause = await server.longestPause(all());
    });
    note('1,000 curves', '≤ 3,000 ms', time);
    note('longest answer to a small request meanwhile', '≤ 50 ms', pause);
    note('1,000 curves again', '', await timed(all));
    note('memory of the server, MB', '≤ 250', server.peakMemory);
    await server.stop();

    server = await Server.start(big);
    const { changed } = await server.runs();
    note('log of 100 MB: first figures, from the start of the program', '', await timed(() => server.runs()));
    const id = changed[0]?.id ?? (await settled(server))[0] ?? '';
    note('log of 100 MB: list', '≤ 100 ms', await timed(() => server.runs()));
    await settled(server);
    note('log of 100 MB: curve', '≤ 3,000 ms', await timed(() => server.curves({ ids: [id] })));
    const zoom = { ids: [id], from: iterations / 2, to: iterations / 2 + 1000, smoothing: 0.99 };
    note('log of 100 MB: zoom, smoothed', '', await timed(() => server.curves(zoom)));
    note('log of 100 MB: memory of the server, MB', '≤ 250', server.peakMemory);
    await server.stop();

    server = await Server.start(live);
    await settled(server);
    note(
      'a new line, to the page',
      '≤ 1,000 ms',
      await newLine(server, join(live, 'lstm.log.jsonl'), ++last),
    );
    await server.stop();
  }
  figures.print(ROUNDS);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
