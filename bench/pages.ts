/**
 * Measures the pages in headless Chromium: what they load, when they appear, and how fast they compute. Prints the best of five, and the load.
 *
 *     node --import tsx bench/pages.ts [TEXT]
 *
 * TEXT is what the Neurons page reads and the Train page trains on; default: a sentence that is repeated.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { kernelBytes } from '../src/engine/cpu/wasm-kernels.ts';
import { train } from '../src/index.ts';
import { openExample } from '../test/web/actions.ts';
import { openSite } from '../test/web/site.ts';

const ROUNDS = 5;
/** What the functions that run in pages call in code that keeps the names of functions. */
const NAMES = 'globalThis.__name = (made) => made';
const [textFile] = process.argv.slice(2);
const text = textFile
  ? readFileSync(textFile, 'utf8')
  : 'the harbour wall stood in the rain, and '.repeat(5000);
const folder = mkdtempSync(join(tmpdir(), 'char-rnn-pages-'));
const site = await openSite(folder);
const figures = new Map<string, number[]>();
const note = (name: string, value: number) => figures.set(name, [...(figures.get(name) ?? []), value]);

try {
  await sizes();
  for (let round = 0; round < ROUNDS; round++) {
    await firstLoad();
    await writing();
    await reading();
    await training();
  }
  await trainingInNode();
} finally {
  await site.close();
  rmSync(folder, { recursive: true });
}
for (const [name, values] of figures) {
  const isHigher = /second|%/.test(name);
  const best = isHigher ? Math.max(...values) : Math.min(...values);
  console.log(`${name.padEnd(68)} ${best.toFixed(best < 10 ? 2 : 0)}`);
}
console.log(
  `load ${loadavg()
    .map((value) => value.toFixed(1))
    .join(' ')}`,
);

/** What the first load takes: index, page, style, the worker with its static imports, and a kernel. */
async function sizes(): Promise<void> {
  const page = await site.open('#/write');
  await page.getByRole('button', { name: 'Open the example model' }).click();
  await page.getByRole('button', { name: 'Write', exact: true }).waitFor();
  const loaded: string[] = await page.evaluate(() =>
    performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname.slice(1)),
  );
  await page.context().close();
  const inWorker = staticImports(readdirSync(folder).find((name) => /^worker-.*\.js$/.test(name)) ?? '');
  const names = new Set([...loaded.filter((name) => /\.(js|css)$/.test(name)), ...inWorker]);
  names.delete('service-worker.js');
  const parts = [...names].map((name) => readFileSync(join(folder, name)));
  parts.push(readFileSync(join(folder, 'index.html')), Buffer.from(await kernelBytes('fused-shared')));
  const ofPage = [...staticImports(readdirSync(folder).find((name) => /^main-.*\.js$/.test(name)) ?? '')];
  note(
    'kB, the scripts of the page, gzip',
    sum(ofPage.map((name) => gzipSync(readFileSync(join(folder, name)), { level: 9 }).length)) / 1000,
  );
  note(
    'kB, first load with the engine, gzip',
    sum(parts.map((part) => gzipSync(part, { level: 9 }).length)) / 1000,
  );
  note(
    'kB, first load with the engine, brotli',
    sum(parts.map((part) => brotliCompressSync(part).length)) / 1000,
  );
}

function staticImports(entry: string, found = new Set<string>()): Set<string> {
  if (found.has(entry)) return found;
  found.add(entry);
  const code = readFileSync(join(folder, entry), 'utf8');
  for (const [, name] of code.matchAll(/(?:from|import)"\.\/([^"]+)"/g)) staticImports(name as string, found);
  return found;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

async function firstLoad(): Promise<void> {
  const page = await site.open('#/write');
  await page.getByRole('button', { name: 'Open the example model' }).waitFor();
  const times = await page.evaluate(() => ({
    paint: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Number.NaN,
    usable: performance.now(),
  }));
  note('ms, first paint', times.paint);
  note('ms, usable (as seen by the driver of the browser)', times.usable);
  await page.context().close();
}

async function writing(): Promise<void> {
  const page = await site.open('#/write');
  await openExample(page);
  await page.getByRole('button', { name: 'Write', exact: true }).click();
  await page.getByText('characters a second').waitFor();
  note('ms, from a click to the candidates', await untilShown(page, 'candidates'));
  await page.context().close();
}

/** Clicks a character of the text. @returns milliseconds until the frame after the candidates, or the colours of the text, are there */
async function untilShown(page: Page, what: 'candidates' | 'colours'): Promise<number> {
  await page.locator('.text-view-text > div').nth(5).waitFor();
  await page.evaluate(NAMES);
  return page.evaluate(async (wanted) => {
    const view = document.querySelector('.text-view') as HTMLElement;
    const isColoured = () => {
      const canvas = view.querySelector('canvas') as HTMLCanvasElement;
      const pixels = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
      // Orange, which the mark of the chosen character is not.
      for (let k = 0; k < pixels.length; k += 4)
        if ((pixels[k + 3] as number) > 0 && (pixels[k] as number) > (pixels[k + 2] as number) + 20)
          return true;
      return false;
    };
    const isShown =
      wanted === 'candidates' ? () => document.querySelector('.candidates li') !== null : isColoured;
    await new Promise(requestAnimationFrame);
    if (isShown()) throw new Error(`the ${wanted} are there before the click`);
    const line = view.querySelectorAll('.text-view-text > div')[4]?.getBoundingClientRect() as DOMRect;
    const point = { clientX: line.left + 100, clientY: line.top + line.height / 2 };
    const start = performance.now();
    view.dispatchEvent(new PointerEvent('pointerup', { ...point, button: 0, bubbles: true }));
    while (!isShown()) await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    return performance.now() - start;
  }, what);
}

async function reading(): Promise<void> {
  const page = await site.open('#/neurons');
  await openExample(page);
  // Typing a long text takes Chromium seconds; a program sets it at once.
  await page.getByLabel('text to read').evaluate(
    (field, value) => {
      (field as HTMLTextAreaElement).value = value;
      field.dispatchEvent(new Event('input', { bubbles: true }));
    },
    text.slice(0, 20_000),
  );
  const begun = performance.now();
  await page.getByRole('button', { name: 'Read' }).click();
  await page.getByText('units labelled').waitFor({ timeout: 60_000 });
  note('ms, states and labels of 20,000 × 256 with the twin', performance.now() - begun);
  await page.locator('.units > li').nth(3).waitFor();
  // Two frames after a click: the time until the colours of another unit are on the screen.
  const recolour = await page.evaluate(async () => {
    const row = document.querySelectorAll<HTMLElement>('.units > li > button')[3];
    const before = document.getElementById('text-title')?.textContent;
    const start = performance.now();
    row?.click();
    while (document.getElementById('text-title')?.textContent === before)
      await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    return performance.now() - start;
  });
  note('ms, colouring the text by another unit', recolour);
  // The last thing that the page computes by itself.
  await page.locator('.saturation').waitFor();
  await page.getByLabel('influence').check();
  note(
    'ms, from a click to the influence of earlier characters (saliency)',
    await untilShown(page, 'colours'),
  );
  await page.context().close();
}

async function training(): Promise<void> {
  const page = await site.open('#/train');
  const buffer = Buffer.from(text.slice(0, 90_000));
  await page
    .getByLabel('a file to train on')
    .setInputFiles({ name: 'book.txt', mimeType: 'text/plain', buffer });
  await page.locator('#option-preset').selectOption('');
  await page.locator('#option-time').fill('');
  await page.evaluate(() => {
    for (const details of document.querySelectorAll<HTMLDetailsElement>('.controls details'))
      details.open = true;
  });
  await page.locator('#option-threads').fill('1');
  await page.evaluate(NAMES);
  note('ms, from the click to the first loss', await page.evaluate(timeToFirstLoss));
  const frames = await page.evaluate(async () => {
    const times: number[] = [];
    const end = performance.now() + 20_000;
    for (let last = performance.now(); performance.now() < end; ) {
      const now = await new Promise<number>(requestAnimationFrame);
      times.push(now - last);
      last = now;
    }
    const line = document.querySelector('.figures')?.textContent ?? '';
    return {
      rate: (1000 * times.length) / times.reduce((total, time) => total + time, 0),
      worst: Math.max(...times),
      speed: Number(/([\d,]+) characters a second/.exec(line)?.[1]?.replaceAll(',', '') ?? Number.NaN),
    };
  });
  note('frames a second while training', frames.rate);
  note('ms, the longest frame', frames.worst);
  note('characters a second, training 2 × 128 in the page, one thread', frames.speed);
  await page.context().close();
}

/** Clicks on Train. Runs in the page, so that the time does not contain messages of the driver. @returns milliseconds until a loss is shown */
async function timeToFirstLoss(): Promise<number> {
  const begun = performance.now();
  const buttons = [...document.querySelectorAll<HTMLElement>('button.primary')];
  buttons.find((button) => button.textContent === 'Train')?.click();
  while (!/loss \d/.test(document.querySelector('.figures')?.textContent ?? ''))
    await new Promise(requestAnimationFrame);
  return performance.now() - begun;
}

async function trainingInNode(): Promise<void> {
  const times: number[] = [];
  let tokens = 0;
  const options = { engine: 'wasm', threads: 1, maxIterations: 60 } as const;
  for await (const event of train({ text: text.slice(0, 90_000), ...options })) {
    if (event.type !== 'iteration') continue;
    times.push(event.milliseconds);
    tokens = event.tokens;
  }
  times.sort((a, b) => a - b);
  note(
    'characters a second, the same in Node',
    (1000 * tokens) / (times[Math.floor(times.length / 2)] ?? Number.NaN),
  );
}
