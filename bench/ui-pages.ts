/**
 * The page Runs in headless Chromium, over 1,000 runs of 100 kB: the time until the list and the curves are drawn, the time until a new
 * line is on the page, and the memory of the page. Prints the best and the median of five, and the load of the machine.
 *
 *     npm run build && node --import tsx bench/ui-pages.ts
 */
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Page } from 'playwright-core';
import type { RunChange } from '../src/ui/protocol.ts';
import { executablePath } from '../test/browser/page.ts';
import { MEASURES_MEMORY, megabytesOf } from '../test/web/page-memory.ts';
import { BestAndMedian } from './figures.ts';
import { iterationLine, writeLog } from './ui-logs.ts';
import { startUi, stopUi, type UiProcess } from './ui-server.ts';

const ROUNDS = 5;
const RUNS = 1000;
const folder = mkdtempSync(join(tmpdir(), 'char-rnn-bench-ui-pages-'));
/** The first run in the list, which is sorted by name. */
const live = join(folder, '0', 'lstm.log.jsonl');

async function idsOf({ url, token }: UiProcess): Promise<string[]> {
  const response = await fetch(`${url}api/runs`, { headers: { authorization: `Bearer ${token}` } });
  const { changed } = (await response.json()) as RunChange;
  return changed.map(({ id }) => id);
}

/** Runs in the page, before its programs: notes when the first rows of the list have been drawn. */
function noteList(): void {
  new MutationObserver((_, observer) => {
    if (!document.querySelector('tbody th a') || !document.body.textContent?.includes('1,000 of 1,000 runs'))
      return;
    observer.disconnect();
    requestAnimationFrame(() => setTimeout(() => performance.mark('list')));
  }).observe(document, { childList: true, subtree: true, characterData: true });
}

/** Opens Runs. @returns milliseconds from the navigation until all runs are listed, in the page's clock */
async function openList(page: Page, { url, token }: UiProcess): Promise<number> {
  // tsx (esbuild's keepNames) adds calls of this function to the functions that run in pages.
  await page.addInitScript('globalThis.__name = (made) => made');
  await page.addInitScript(noteList);
  await page.goto(`${url}#token=${token}`);
  await page.waitForFunction(() => performance.getEntriesByName('list').length > 0);
  return page.evaluate(() => performance.getEntriesByName('list')[0]?.startTime as number);
}

/** Draws curves of other runs than before. @returns milliseconds until the frame after they are drawn */
async function drawCurves(page: Page, ids: readonly string[]): Promise<number> {
  return page.evaluate(async (pick) => {
    const begun = performance.now();
    location.hash = `#/runs?pick=${pick.join('.')}`;
    const words = ` of ${pick.length} curves.`;
    const isDrawn = () => document.querySelector('.chart [role="img"]')?.ariaLabel?.includes(words);
    while (!isDrawn()) await new Promise(requestAnimationFrame);
    // The chart takes its data in the next frame.
    await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    return performance.now() - begun;
  }, ids);
}

/** @returns milliseconds from writing a line until the page shows its iteration */
async function newLine(page: Page, iteration: number): Promise<number> {
  const shown = page.getByText(`${iteration.toLocaleString('en')} / 1,000,000`).first();
  const begun = performance.now();
  appendFileSync(live, iterationLine(iteration, 1));
  await shown.waitFor();
  return performance.now() - begun;
}

const figures = new BestAndMedian();
const note = figures.note.bind(figures);

try {
  let last = 0;
  for (let run = 0; run < RUNS; run++) {
    const iterations = writeLog(join(folder, String(run), 'lstm.log.jsonl'), 100_000, run + 1);
    if (run === 0) last = iterations;
  }
  const browser = await chromium.launch({
    executablePath: executablePath as string,
    args: ['--no-sandbox', MEASURES_MEMORY],
  });
  for (let round = 0; round < ROUNDS; round++) {
    const server = await startUi(folder);
    const first = await browser.newPage();
    await openList(first, server);
    // The server has read all logs; the page of a second visit is measured.
    await first.close();
    const page = await browser.newPage();
    note('1,000 runs: list, from the navigation', '≤ 500 ms', await openList(page, server));
    const ids = await idsOf(server);
    note('20 curves', '≤ 1,000 ms', await drawCurves(page, ids.slice(100, 120)));
    note('1,000 curves', '≤ 3,000 ms', await drawCurves(page, ids));
    note('memory with 1,000 curves, MB', '', await megabytesOf(page));
    await drawCurves(page, ids.slice(100, 120));
    note('memory of the page with 1,000 runs and 20 curves, MB', '≤ 60', await megabytesOf(page));
    note('a new line on the page', '≤ 1,000 ms', await newLine(page, ++last));
    await page.close();
    await stopUi(server);
  }
  await browser.close();
  figures.print(ROUNDS);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
