/** A walk through the pages of runs without a pointer: only keys, from the list to a model. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { buildPages } from '../../scripts/build-pages.mjs';
import { train } from '../../src/train/train.node.ts';
import { skipWithoutChromium } from '../browser/page.ts';
import { sharedFolder } from '../temporary-folder.ts';
import { run, writeLog } from '../ui/logs.ts';
import { tabToElement } from './keyboard.ts';
import { rowOf, withServer } from './runs-server.ts';
import { type OpenBrowser, openBrowser } from './site.ts';

describe('runs without a pointer', { skip: skipWithoutChromium, timeout: 900_000 }, () => {
  const folder = sharedFolder();
  const [runs, pages] = [join(folder, 'runs'), join(folder, 'pages')];
  let browser: OpenBrowser;

  before(async () => {
    await buildPages(pages);
    const options = { cell: 'lstm', layers: 1, hiddenSize: 8, dropout: 0.5 };
    writeLog(join(runs, 'other', 'lstm.log.jsonl'), run(50, { runId: 'other', options }));
    const text = `${'the quick brown fox jumps over the lazy dog. '.repeat(60)}\n`;
    for await (const _ of train({
      ...{ text, checkpointDir: join(runs, 'trained'), maxIterations: 20, evaluateEvery: 5 },
      ...{ batchSize: 4, sequenceLength: 8, hiddenSize: 4, layers: 1, engine: 'reference' },
    }));
    browser = await openBrowser();
  });
  after(() => browser?.close());
  afterEach(() => assert.deepEqual(browser.problems.splice(0), []));

  test('open the list, filter, choose and pin a run, zoom, move the samples, open a run and its model', async () => {
    await withServer({ browser, folders: [runs], pages }, async ({ address }) => {
      const page = await browser.open(address);
      const { keyboard } = page;
      const chart = (words: RegExp) => page.getByRole('img', { name: words }).waitFor();
      const link = (name: string) => page.getByRole('link', { name, exact: true });
      const button = (name: string) => page.getByRole('button', { name, exact: true });

      await rowOf(page, 'runs/other').waitFor();
      await tabToElement(page, link('Write'));
      await keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Write' }).waitFor();
      await keyboard.press('g');
      await keyboard.press('r');
      await chart(/of 2 curves/);

      await tabToElement(page, page.getByRole('searchbox'));
      await keyboard.type('dropout<0.2');
      await chart(/of runs\/trained\./);
      await keyboard.press('Control+a');
      await keyboard.press('Delete');
      await chart(/of 2 curves/);

      await tabToElement(page, page.getByRole('combobox', { name: 'x' }));
      await keyboard.press('ArrowDown');
      await chart(/by epoch/);
      await keyboard.press('ArrowUp');
      await chart(/by iteration/);

      await tabToElement(page, page.getByRole('spinbutton', { name: 'from' }));
      await keyboard.type('11');
      await tabToElement(page, page.getByRole('spinbutton', { name: 'to' }));
      await keyboard.type('15');
      await keyboard.press('Enter');
      await chart(/from 11 to 15, of 2 curves/);
      await tabToElement(page, button('Show all'));
      await keyboard.press('Enter');
      await chart(/from 1 to 50, of 2 curves/);
      const focused = page.locator(':focus');
      assert.equal(await focused.getAttribute('type'), 'number', 'the focus stays near the button');

      await tabToElement(page, page.getByLabel('show runs/other in the chart'));
      await keyboard.press('Space');
      await chart(/of runs\/trained\./);
      await tabToElement(page, button('pin runs/other'));
      await keyboard.press('Enter');
      await chart(/of 2 curves.*runs\/other is pinned/);

      await tabToElement(page, page.getByRole('slider', { name: /^samples:/ }));
      await keyboard.press('Home');
      await page.getByText('iteration 5', { exact: true }).waitFor();

      await keyboard.press('Shift+Tab');
      await keyboard.press('g');
      await keyboard.press('r');
      await tabToElement(page, link('runs/trained'));
      await keyboard.press('Enter');
      await page.getByRole('heading', { name: 'runs/trained' }).waitFor();
      await tabToElement(page, page.getByRole('slider', { name: 'which sample' }));
      await keyboard.press('ArrowLeft');
      await page.getByRole('heading', { name: 'Sample after iteration 15' }).waitFor();
      await tabToElement(page, button('Write').first());
      await keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Write' }).waitFor();
      await page.locator('summary').getByText('.safetensors').waitFor();
    });
  });
});
