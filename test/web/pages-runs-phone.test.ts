/** The page Runs on a phone. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { buildPages } from '../../scripts/build-pages.mjs';
import { skipWithoutChromium } from '../browser/page.ts';
import { sharedFolder } from '../temporary-folder.ts';
import { evaluated, iteration, line, started, writeLog } from '../ui/logs.ts';
import { assertAccessible } from './accessibility.ts';
import { rowOf, withServer } from './runs-server.ts';
import { type OpenBrowser, openBrowser } from './site.ts';

const LONG = 'a run with a name that is much longer than the screen of a phone is wide';
/** Twenty options, which are columns on a wide screen. */
const MANY = Object.fromEntries(Array.from({ length: 20 }, (_, k) => [`option${k}`, k]));

function logOf(name: string, losses: readonly number[], options: object): string {
  let text = line(started({ runId: name, iterations: 2000, options }));
  for (const [at, loss] of losses.entries()) {
    const number = 900 * (at + 1);
    text += line(iteration(number, loss, { iterations: 2000 }), at);
    text += line(evaluated(number, loss), at);
  }
  return text + line({ type: 'advice', code: 'plateau', remedies: [], message: 'Advice.' }, 50);
}

describe('Runs on a phone', { skip: skipWithoutChromium, timeout: 900_000 }, () => {
  const folder = sharedFolder();
  let browser: OpenBrowser;

  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser?.close());

  test('the table is a list of a few lines for each run, which is sorted by a menu', async () => {
    const [runs, pages] = [join(folder, 'runs'), join(folder, 'pages')];
    writeLog(join(runs, LONG, 'lstm.log.jsonl'), logOf('long', [1.5, 1.6], MANY));
    writeLog(join(runs, 'b', 'lstm.log.jsonl'), logOf('b', [1.7], {}));
    await buildPages(pages);
    await withServer({ browser, folders: [runs], pages }, async ({ address }) => {
      const page = await browser.open(address, { viewport: { width: 390, height: 844 }, isMobile: true });
      const row = rowOf(page, 'runs/b');
      await row.waitFor();
      await page.getByRole('img', { name: /of 2 curves/ }).waitFor();
      const texts = async () => (await row.innerText()).split('\n').map((text) => text.trim());
      assert.deepEqual(
        (await texts()).filter((text) => text !== ''),
        ['runs/b', 'best 1.7000, last 1.7000', '✕ interrupted, 900 / 2,000 ⚠ 1', 'pin'],
      );
      await assertAccessible(page, 'a list of runs');
      const first = (name: string) =>
        page.locator('tbody tr').first().getByRole('link', { name, exact: true }).waitFor();
      await first(`runs/${LONG}`);
      await page.getByLabel('sort by').selectOption({ label: 'iteration' });
      await first('runs/b');
      await page.getByRole('button', { name: 'order: lowest first' }).click();
      await first(`runs/${LONG}`);

      await page.getByRole('button', { name: `pin runs/${LONG}` }).click();
      await row.getByText('best 1.7000 (+0.2000)').waitFor();
      await assertAccessible(page, 'a pinned run');
      await page.getByRole('searchbox').fill('nothing');
      await page.getByText('No run matches the filter.').waitFor();
      await assertAccessible(page, 'no run');
    });
    assert.deepEqual(browser.problems, []);
  });
});
