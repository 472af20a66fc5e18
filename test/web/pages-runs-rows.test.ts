/** A long table of runs: only the rows in view are in the document, and they are the right ones whatever happens to the table. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { buildPages } from '../../scripts/build-pages.mjs';
import { skipWithoutChromium } from '../browser/page.ts';
import { sharedFolder } from '../temporary-folder.ts';
import { run, writeLog } from '../ui/logs.ts';
import { withServer } from './runs-server.ts';
import { type OpenBrowser, openBrowser } from './site.ts';

const RUNS = 120;

/** In the page: whether the box of the table is filled with rows of runs down to its end. */
function isFilled(): boolean {
  const box = document.querySelector('.table')?.getBoundingClientRect();
  const rows = [...document.querySelectorAll('.table tbody tr:has(th)')].map((row) =>
    row.getBoundingClientRect(),
  );
  if (!box || rows.length === 0) return false;
  const [top, bottom] = [Math.min(...rows.map((own) => own.top)), Math.max(...rows.map((own) => own.bottom))];
  return top <= box.top + 150 && bottom >= box.bottom - 30;
}

describe('a long table of runs', { skip: skipWithoutChromium, timeout: 900_000 }, () => {
  const folder = sharedFolder();
  let browser: OpenBrowser;

  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser?.close());

  test('rows are in view after a filter, another page and another width', async () => {
    const [runs, pages] = [join(folder, 'runs'), join(folder, 'pages')];
    for (let k = 0; k < RUNS; k++)
      writeLog(join(runs, `a${1000 + k}`, 'lstm.log.jsonl'), run(3, { runId: `${k}` }));
    await buildPages(pages);
    await withServer({ browser, folders: [runs], pages }, async ({ address }) => {
      const page = await browser.open(address, { viewport: { width: 1000, height: 900 } });
      await page.getByText(`${RUNS} of ${RUNS} runs`).waitFor();
      const scroll = async (to: number, name: string) => {
        await page.locator('.table').evaluate((box, top) => {
          box.scrollTop = top;
        }, to);
        await page.getByRole('link', { name, exact: true }).waitFor();
      };
      const filter = (text: string) => page.getByRole('searchbox').fill(text);
      await scroll(100_000, `runs/a${1000 + RUNS - 1}`);

      await filter('a1003');
      await page.getByRole('link', { name: 'runs/a1003', exact: true }).waitFor();
      await filter('nothing');
      await page.getByText('No run matches the filter.').waitFor();
      await filter('');
      await page.waitForFunction(isFilled);

      await scroll(100_000, `runs/a${1000 + RUNS - 1}`);
      await page.getByRole('link', { name: 'Write', exact: true }).click();
      await page.getByRole('heading', { name: 'Open a model' }).waitFor();
      await page.getByRole('link', { name: 'Runs', exact: true }).click();
      await page.waitForFunction(isFilled);

      await scroll(2000, 'runs/a1050');
      await resized(page, 500);
      await resized(page, 1000);
    });
    assert.deepEqual(browser.problems, []);
  });

  async function resized(page: Page, width: number): Promise<void> {
    await page.setViewportSize({ width, height: 900 });
    await page.waitForFunction(isFilled);
  }
});
