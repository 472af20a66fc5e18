/**
 * Sends thousands of bad requests while streams are running. Each must get the right 4xx and none a 5xx, and the streams must have the same
 * text as without them.
 *
 *     npm run build && node --import tsx test/soak/server-abuse.ts [COUNT] [SEED]
 *
 * Sends COUNT requests (default: 10,000) to a server in its own process.
 */
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { MersenneTwister } from '../../src/util/mersenne-twister.ts';
import { spawnServer } from '../server/spawn-server.ts';
import { madeModel } from '../server/test-server.ts';

export const KEY = 'the right key';
/** The options that the server must be started with. */
export const LIMITS = { apiKey: KEY, maxBody: 100_000, bodyTimeout: 0.5 };

/** Bytes to send, and the expected status; undefined if this side cuts the connection before. */
interface Bad {
  readonly bytes: string;
  readonly status: number | undefined;
  /** Milliseconds after which this side cuts the connection. */
  readonly cutAfter?: number;
}

type Random = (below: number) => number;

const VALID = { prompt: 'Hello', max_tokens: 5, temperature: 0.7, seed: 1, stop: ['x'], stream: false };
const WRONG: Readonly<Record<string, readonly unknown[]>> = {
  prompt: [5, true, {}, [], [[]], ['a', 1], [-1], [1.5], [1e9], '\u00e9', [null]],
  max_tokens: ['5', -1, 1.5, 1e12, [], true],
  temperature: ['hot', -0.1, 2.01, [], {}],
  top_p: ['x', -1, 1.01],
  n: [0, -1, 1.5, 129, '1'],
  best_of: [0, '2', 129],
  stop: [5, '', [''], [1], {}, ['a', 'b', 'c', 'd', 'e']],
  seed: [1.5, '1', {}],
  logprobs: [-1, 6, true],
  echo: ['yes', 1],
  stream: ['yes', 0],
  stream_options: [{}, { include_usage: true }, 5],
  presence_penalty: [-2.1, 3, 'x'],
  frequency_penalty: [-2.1, 3, 'x'],
  logit_bias: [{ a: 1 }, { 5: 101 }, { 100000: 1 }, [1], 'x'],
  suffix: ['end', 5],
  match: [5, [], '(', '\\1', 'a'.repeat(1001), '((a{99}){99}){99}', '(.{0,99}){0,99}', 'x{6}'],
  template: [5, {}, 'fixed', '____{0}', '…{5000}', `____${'a'.repeat(1001)}`, '…'],
};

function post(body: string, headers: Readonly<Record<string, string | number>> = {}): string {
  const all = {
    host: 'x',
    connection: 'close',
    authorization: `Bearer ${KEY}`,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST /v1/completions HTTP/1.1\r\n${lines.join('')}\r\n${body}`;
}

/** All kinds of bad requests. */
const KINDS: Readonly<Record<string, (random: Random) => Bad>> = {
  'malformed JSON': (random) => {
    const text = JSON.stringify(VALID);
    return { bytes: post(text.slice(0, random(text.length))), status: 400 };
  },
  'wrong types': (random) => {
    const fields = Object.keys(WRONG);
    const field = fields[random(fields.length)] as string;
    const values = WRONG[field] as readonly unknown[];
    return {
      bytes: post(JSON.stringify({ ...VALID, [field]: values[random(values.length)] })),
      status: 400,
    };
  },
  'huge bodies': (random) =>
    random(2) === 0
      ? { bytes: post(JSON.stringify({ prompt: 'x'.repeat(150_000 + random(100_000)) })), status: 413 }
      : {
          bytes: `${post('', { 'transfer-encoding': 'chunked' }).replace(/content-length: 0\r\n/, '')}${`2710\r\n${' '.repeat(10_000)}\r\n`.repeat(12)}0\r\n\r\n`,
          status: 413,
        },
  'slow bodies': () => ({ bytes: post('{"prompt": ', { 'content-length': 500 }), status: 408 }),
  'cut while sending': (random) => ({
    bytes: post('{"prompt": ', { 'content-length': 500 }),
    status: undefined,
    cutAfter: random(50),
  }),
  'cut while reading': (random) => ({
    bytes: post(JSON.stringify({ max_tokens: 50_000, stream: random(2) === 0 })),
    status: undefined,
    cutAfter: random(50),
  }),
  'wrong keys': (random) => ({
    bytes: post('{}', { authorization: `Bearer ${KEY.slice(0, random(KEY.length))}${random(10)}` }),
    status: 401,
  }),
  'no HTTP': (random) => ({
    bytes: `${Array.from({ length: 1 + random(40) }, () => String.fromCharCode(33 + random(90))).join('')}\r\n\r\n`,
    status: 400,
  }),
  'long headers': () => ({ bytes: post('{}', { long: 'x'.repeat(20_000) }), status: 431 }),
  'other types': () => ({ bytes: post('{}', { 'content-type': 'text/plain' }), status: 415 }),
  'other methods': () => ({ bytes: post('{}').replace('POST', 'PUT'), status: 405 }),
  'other paths': () => ({ bytes: post('{}').replace('completions', 'nothing'), status: 404 }),
};

export interface AbuseReport {
  readonly requests: number;
  /** How often each kind got which status; `cut` if this side cut the connection. */
  readonly statuses: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** A line for each request that got an unexpected status. */
  readonly wrong: readonly string[];
  /** How many texts were streamed meanwhile, and how many of them were wrong. */
  readonly streams: number;
  readonly spoiled: number;
  /** The longest time between two chunks of a stream, in milliseconds. */
  readonly longestGap: number;
}

/** Sends bad requests, fifty at a time, while four streams are running. */
export async function abuse(url: string, { count = 10_000, seed = 1 } = {}): Promise<AbuseReport> {
  const twister = new MersenneTwister(seed);
  const random: Random = (below) => Math.floor(twister.nextUniform() * below);
  const kinds = Object.entries(KINDS);
  const statuses: Record<string, Record<string, number>> = {};
  const wrong: string[] = [];
  let sent = 0;
  const sender = async () => {
    while (sent < count) {
      const [kind, make] = kinds[sent++ % kinds.length] as (typeof kinds)[number];
      const bad = make(random);
      const status = await exchange(url, bad);
      statuses[kind] ??= {};
      const tally = statuses[kind];
      tally[status ?? 'cut'] = (tally[status ?? 'cut'] ?? 0) + 1;
      // The response may have come before the connection was cut.
      const isRight = bad.cutAfter === undefined ? status === bad.status : (status ?? 0) < 500;
      if (!isRight) wrong.push(`${kind}: got ${status}, expected ${bad.status}: ${bad.bytes.slice(-200)}`);
    }
  };
  const streams = new Streams(url);
  await streams.prepare();
  const senders = Promise.all(Array.from({ length: 50 }, sender));
  await streams.runUntil(senders);
  return { requests: count, statuses, wrong, ...streams.report };
}

/** The status of the response; undefined if the connection was cut before it came. */
function exchange(url: string, { bytes, cutAfter }: Bad): Promise<number | undefined> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    let status: number | undefined;
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    const timer = setTimeout(() => socket.destroy(), cutAfter ?? 20_000);
    socket.setEncoding('latin1').on('data', (piece: string) => {
      status ??= Number(/^HTTP\/1\.1 (\d+)/.exec(piece)?.[1]);
      if (cutAfter === undefined) socket.destroy();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(status);
    });
  });
}

/** Valid requests that run all the time. */
class Streams {
  readonly report = { streams: 0, spoiled: 0, longestGap: 0 };
  readonly #url: string;
  #expected: string[] = [];

  constructor(url: string) {
    this.#url = url;
  }

  /** The texts of the streams when nothing disturbs them. */
  async prepare(): Promise<void> {
    this.#expected = await Promise.all([0, 1, 2, 3].map((seed) => this.#stream(seed)));
    this.report.longestGap = 0;
  }

  async runUntil(end: Promise<unknown>): Promise<void> {
    let isOver = false;
    const over = end.finally(() => {
      isOver = true;
    });
    const run = async (seed: number) => {
      while (!isOver) {
        const text = await this.#stream(seed).catch(() => undefined);
        this.report.streams++;
        if (text !== this.#expected[seed]) this.report.spoiled++;
      }
    };
    await Promise.all([over, ...this.#expected.map((_, seed) => run(seed))]);
  }

  async #stream(seed: number): Promise<string> {
    const response = await fetch(`${this.#url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${KEY}` },
      body: JSON.stringify({ prompt: 'Once', max_tokens: 20_000, seed, stream: true }),
    });
    let events = '';
    let last = performance.now();
    for await (const piece of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      this.report.longestGap = Math.max(this.report.longestGap, performance.now() - last);
      last = performance.now();
      events += piece;
    }
    if (!events.endsWith('data: [DONE]\n\n')) throw new Error('a stream was cut short');
    return [...events.matchAll(/^data: (\{.*\})$/gm)]
      .map(([, json]) => JSON.parse(json as string).choices[0].text)
      .join('');
  }
}

async function main([count = '10000', seed = '1']: readonly string[]): Promise<void> {
  const server = await spawnServer(madeModel(), [
    ...['--api_key', KEY, '--max_body', String(LIMITS.maxBody)],
    ...['--body_timeout', String(LIMITS.bodyTimeout)],
  ]);
  try {
    const report = await abuse(server.url, { count: Number(count), seed: Number(seed) });
    console.log(JSON.stringify({ ...report, wrong: report.wrong.slice(0, 20) }, undefined, 2));
    const metrics = await fetch(`${server.url}/metrics`, { headers: { authorization: `Bearer ${KEY}` } });
    const lines = (await metrics.text()).split('\n');
    console.log(lines.filter((line) => /requests_total|streams\{/.test(line)).join('\n'));
    console.log(server.printed());
    if (report.wrong.length > 0 || report.spoiled > 0) process.exitCode = 1;
  } finally {
    server.stop();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.slice(2));
