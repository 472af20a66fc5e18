/**
 * Measures the memory of a server under requests of all kinds. Fails if it grows.
 *
 *     npm run build && node --import tsx test/soak/server-memory.ts [MINUTES] [CLIENTS]
 *
 * Prints the resident memory over time. When all caches are full, it compares the second half with the first.
 */
import { MersenneTwister } from '../../src/util/mersenne-twister.ts';
import { spawnServer } from '../server/spawn-server.ts';
import { madeModel } from '../server/test-server.ts';

const [minutes = '10', clients = '16'] = process.argv.slice(2);
/** Maximum ratio between the memory of the second half and that of the first. */
const MAX_GROWTH = 1.1;
const server = await spawnServer(madeModel());
const random = new MersenneTwister(1);
const upTo = (max: number) => Math.floor(random.nextUniform() * max);
const start = performance.now();
const end = start + Number(minutes) * 60_000;
const seen: { at: number; megabytes: number }[] = [];
let requests = 0;
let characters = 0;

/** A random request: with a prompt of any length, with or without controls, streamed or not, sometimes cut off. */
async function ask(): Promise<void> {
  const text = Array.from({ length: upTo(300) }, () => String.fromCharCode(32 + upTo(95))).join('');
  const body = {
    prompt: text,
    max_tokens: 1 + upTo(2000),
    stream: upTo(2) === 0,
    n: 1 + upTo(3),
    temperature: [1, 0.7, 0][upTo(3)],
    ...(upTo(3) === 0 && { top_p: 0.9, frequency_penalty: 0.1, logprobs: 2 }),
    ...(upTo(3) === 0 && { stop: ['ab', 'q'] }),
  };
  const signal = upTo(4) === 0 ? AbortSignal.timeout(1 + upTo(50)) : null;
  const response = await fetch(`${server.url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal,
  });
  const answer = await response.text();
  characters += answer.length;
}

const watch = setInterval(
  () => {
    const megabytes = server.residentMegabytes();
    seen.push({ at: performance.now(), megabytes });
    const seconds = Math.round((performance.now() - start) / 1000);
    console.log(
      `${seconds} s  ${Math.round(megabytes)} MB  ${requests} requests  ${characters} characters of answers`,
    );
  },
  Math.max(1000, Number(minutes) * 1500),
);
await Promise.all(
  Array.from({ length: Number(clients) }, async () => {
    while (performance.now() < end) {
      await ask().catch(() => {});
      requests++;
    }
  }),
);
clearInterval(watch);
if (server.child.exitCode !== null) throw new Error(`the server has ended:\n${server.printed()}`);
server.stop();
const most = (from: number, to: number) =>
  Math.max(...seen.filter(({ at }) => at >= from && at < to).map(({ megabytes }) => megabytes));
const middle = (start + end) / 2;
const growth = most(middle, end) / most(start, middle);
console.log(JSON.stringify({ firstHalf: most(start, middle), secondHalf: most(middle, end), growth }));
// NaN if the memory could not be read, which must fail too.
if (!(growth <= MAX_GROWTH)) process.exitCode = 1;
