/**
 * Measures the pages in headless Chromium: what they load, when they appear, and how fast they compute. Prints the best of five, and the
 * load of the machine below each table.
 *
 *     node --import tsx bench/pages.ts [TEXT]
 *
 * TEXT is what the Neurons page reads and the Train page trains on; default: a sentence that is repeated.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { train } from '../src/index.ts';
import { bundle } from '../test/browser/page.ts';
import { openExample } from '../test/web/actions.ts';
import { loadedFiles, pageScripts, sizeOf } from '../test/web/page-sizes.ts';
import { openSite } from '../test/web/site.ts';
import { loadText, median } from './figures.ts';

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
  await rounds(firstLoad);
  printTable('the first load');
  await rounds(writing, reading, colouring);
  printTable('writing and reading');
  await rounds(
    () => training(1),
    () => trainingInNode(1),
    () => training(2),
    () => trainingInNode(2),
  );
  printTable('training 2 × 128');
} finally {
  await site.close();
  rmSync(folder, { recursive: true });
}

async function rounds(...parts: readonly (() => Promise<void>)[]): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) for (const part of parts) await part();
}

/** Prints the figures since the last table. */
function printTable(title: string): void {
  console.log(`\n${title}`);
  for (const [name, values] of figures) {
    const isHigher = /second|%/.test(name);
    const best = isHigher ? Math.max(...values) : Math.min(...values);
    const decimals = name.startsWith('kB') ? 1 : best < 10 ? 2 : 0;
    console.log(`  ${name.padEnd(68)} ${best.toFixed(decimals)}`);
  }
  console.log(`  load of 1, 5, 15 minutes: ${loadText()}`);
  figures.clear();
}

async function sizes(): Promise<void> {
  const first = await loadedFiles(site);
  note('kB, the scripts of the page, gzip', (await sizeOf(folder, pageScripts(folder), 'gzip')) / 1000);
  note('kB, first load with the engine, gzip', (await sizeOf(folder, first, 'gzip')) / 1000);
  note('kB, first load with the engine, brotli', (await sizeOf(folder, first, 'brotli')) / 1000);
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
  await page.locator('.units > div').nth(3).waitFor();
  await page.evaluate(NAMES);
  note(
    'ms, from a click on another unit to its colours (20,000 characters)',
    await page.evaluate(async () => {
      const canvas = document.querySelector('.text-view canvas') as HTMLCanvasElement;
      const colours = () => canvas.getContext('2d')?.getImageData(0, 0, 400, 40).data.join();
      const before = colours();
      const start = performance.now();
      document.querySelectorAll<HTMLElement>('.units > div > button')[3]?.click();
      while (colours() === before) await new Promise(requestAnimationFrame);
      await new Promise(requestAnimationFrame);
      return performance.now() - start;
    }),
  );
  // The last thing that the page computes by itself.
  await page.locator('.saturation').waitFor();
  await page.getByLabel('influence').check();
  note(
    'ms, from a click to the influence of earlier characters (saliency)',
    await untilShown(page, 'colours'),
  );
  await page.context().close();
}

/** Measures the coloured text alone: Neurons reads at most 20,000 characters, but Write can show more. */
async function colouring(): Promise<void> {
  const page = await site.open('#/write');
  const entry = join(import.meta.dirname, '../web/components/text-view.ts');
  await page.evaluate(`${await bundle({ entryPoints: [entry] })}; globalThis.page = page;`);
  await page.evaluate(NAMES);
  note(
    'ms, recolouring 50,000 characters',
    await page.evaluate(async (sentence) => {
      // @ts-expect-error: the bundle above
      const view = new globalThis.page.TextView('text');
      document.getElementById('main')?.replaceChildren(view.element);
      view.setText(Array.from(sentence.repeat(Math.ceil(50_000 / sentence.length)).slice(0, 50_000)));
      const values = (phase: number) =>
        Float32Array.from({ length: 50_000 }, (_, k) => Math.sin(k / 7 + phase));
      view.setValues(values(0), 1);
      for (let k = 0; k < 5; k++) await new Promise(requestAnimationFrame);
      const canvas = view.element.querySelector('canvas') as HTMLCanvasElement;
      const colours = () => canvas.getContext('2d')?.getImageData(0, 0, 400, 40).data.join();
      const before = colours();
      const after = values(1);
      const start = performance.now();
      view.setValues(after, 1);
      while (colours() === before) await new Promise(requestAnimationFrame);
      await new Promise(requestAnimationFrame);
      return performance.now() - start;
    }, 'the harbour wall stood in the rain, and '),
  );
  await page.context().close();
}

async function training(threads: number): Promise<void> {
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
  await page.locator('#option-threads').fill(String(threads));
  await page.evaluate(NAMES);
  const firstLoss = await page.evaluate(timeToFirstLoss);
  const seconds = threads === 1 ? 20 : 8;
  // Waiting for each frame takes processor time, and two threads leave none to spare on two cores.
  const isCounting = threads === 1;
  const measured = { milliseconds: 1000 * seconds, isCounting };
  const { rate, worst, speeds } = await page.evaluate(async ({ milliseconds, isCounting: counts }) => {
    const times: number[] = [];
    const speeds: number[] = [];
    const end = performance.now() + milliseconds;
    for (let last = performance.now(); performance.now() < end; ) {
      const now = await new Promise<number>((resolve) =>
        counts ? requestAnimationFrame(resolve) : setTimeout(() => resolve(performance.now()), 200),
      );
      times.push(now - last);
      last = now;
      const line = document.querySelector('.figures')?.textContent ?? '';
      const speed = Number(/([\d,]+) characters a second/.exec(line)?.[1]?.replaceAll(',', ''));
      if (speed !== speeds.at(-1)) speeds.push(speed);
    }
    return {
      rate: (1000 * times.length) / times.reduce((total, time) => total + time, 0),
      worst: Math.max(...times),
      speeds,
    };
  }, measured);
  note(`characters a second in the page, ${threadsText(threads)}`, median(speeds));
  if (isCounting) {
    note('ms, from the click to the first loss', firstLoss);
    note('frames a second while training', rate);
    note('ms, the longest frame', worst);
  }
  await page.context().close();
}

function threadsText(threads: number): string {
  return threads === 1 ? 'one thread' : `${threads} threads`;
}

/**
 * Clicks on Train. Runs in the page, so that the time does not include messages to and from Playwright.
 *
 * @returns milliseconds until a loss is shown
 */
async function timeToFirstLoss(): Promise<number> {
  const begun = performance.now();
  const buttons = [...document.querySelectorAll<HTMLElement>('button.primary')];
  buttons.find((button) => button.textContent === 'Train')?.click();
  while (!/loss \d/.test(document.querySelector('.figures')?.textContent ?? ''))
    await new Promise(requestAnimationFrame);
  return performance.now() - begun;
}

async function trainingInNode(threads: number): Promise<void> {
  const speeds: number[] = [];
  const options = { engine: 'wasm', threads, maxIterations: threads === 1 ? 200 : 120 } as const;
  for await (const event of train({ text: text.slice(0, 90_000), ...options }))
    if (event.type === 'iteration') speeds.push((1000 * event.tokens) / event.milliseconds);
  note(`characters a second in Node, ${threadsText(threads)}`, median(speeds));
}
