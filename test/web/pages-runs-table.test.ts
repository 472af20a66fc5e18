/** The table and the samples of the page Runs. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { buildPages } from '../../scripts/build-pages.mjs';
import { skipWithoutChromium } from '../browser/page.ts';
import { sharedFolder } from '../temporary-folder.ts';
import { evaluated, finished, iteration, line, started, writeLog } from '../ui/logs.ts';
import { eventually } from './eventually.ts';
import { rowOf, withServer } from './runs-server.ts';
import { type OpenBrowser, openBrowser } from './site.ts';

/** What distinguishes a run. */
interface Made {
  readonly cell: string;
  readonly dropout: number;
  /** After each ten iterations; the run has written a sample then. */
  readonly losses: readonly number[];
  readonly isFinished?: boolean;
  /** Advice and warnings. */
  readonly messages?: number;
  /** Settings that only this run has. */
  readonly more?: Readonly<Record<string, number>>;
}

const MADE: Readonly<Record<string, Made>> = {
  // Settings that were given, but have their defaults.
  a: { cell: 'lstm', dropout: 0, losses: [1.9, 1.5, 1.6], more: { maxEpochs: 50, printEvery: 1 } },
  b: { cell: 'lstm', dropout: 0.25, losses: [1.8, 1.7, 1.65, 1.62], messages: 2 },
  c: {
    cell: 'gru',
    dropout: 0.5,
    losses: [2.5],
    isFinished: false,
    more: {
      decayRate: 0.9,
      warmup: 1,
      weightDecay: 2,
      gradientClip: 3,
      retries: 4,
      accumulate: 6,
      maxEpochs: 7,
      evaluateEvery: 8,
    },
  },
};

function logOf(name: string, made: Made): string {
  const { cell, dropout, losses, isFinished = true, messages = 0, more = {} } = made;
  const origins = Object.fromEntries(Object.keys(more).map((option) => [option, 'flag']));
  const options = {
    cell,
    dropout,
    layers: 2,
    hiddenSize: 128,
    learningRate: 0.002,
    seed: 7,
    ...more,
  };
  let text = line(started({ runId: name, iterations: 40, options, origins }));
  for (const [at, loss] of losses.entries())
    for (let number = 10 * at + 1; number <= 10 * at + 10; number++) {
      text += line(iteration(number, loss, { iterations: 40 }), number);
      if (number % 10 > 0) continue;
      text += line(evaluated(number, loss), number);
      text += line({ type: 'sampled', iteration: number, text: `${name} after ${number}` }, number);
    }
  for (let at = 0; at < messages; at++)
    text += line({ type: 'advice', code: 'plateau', remedies: [], message: `Advice ${at}.` }, 50);
  return text + (isFinished ? line(finished(10 * losses.length), 60) : '');
}

describe('the table of runs', { skip: skipWithoutChromium, timeout: 900_000 }, () => {
  const folder = sharedFolder();
  const [runs, pages] = [join(folder, 'runs'), join(folder, 'pages')];
  let browser: OpenBrowser;

  before(async () => {
    await buildPages(pages);
    for (const [name, made] of Object.entries(MADE))
      writeLog(join(runs, name, 'lstm.log.jsonl'), logOf(name, made));
    browser = await openBrowser();
  });
  after(() => browser?.close());
  afterEach(() => assert.deepEqual(browser.problems.splice(0), []));

  const onPage = (use: (page: Page) => Promise<void>) =>
    withServer({ browser, folders: [runs], pages }, async ({ address }) => {
      const page = await browser.open(address);
      for (const name of Object.keys(MADE)) await rowOf(page, `runs/${name}`).waitFor();
      await page.getByRole('img', { name: /of 3 curves/ }).waitFor();
      await use(page);
    });

  /** The cells of a run, by the titles of their columns. */
  const cellsOf = async (page: Page, name: string): Promise<Record<string, string>> => {
    const titles = await page.locator('thead th').allInnerTexts();
    const cells = await rowOf(page, `runs/${name}`).locator('td, th').allInnerTexts();
    return Object.fromEntries(titles.map((title, at) => [title.replace(/ [↑↓]$/, ''), cells[at] ?? '']));
  };

  const shown = (page: Page) => page.locator('tbody th a').allInnerTexts();

  test('has the best and the last loss, and the settings that differ, but no others', async () => {
    await onPage(async (page) => {
      const a = await cellsOf(page, 'a');
      assert.equal(a['last validation'], '1.6000');
      assert.equal(a['best validation'], '1.5000');
      assert.equal(a.training, '1.6000');
      assert.equal(a.iteration, '30 / 40');
      assert.deepEqual([a.cell, a.dropout, a.decayRate], ['lstm', '0', 'default']);
      const c = await cellsOf(page, 'c');
      assert.deepEqual([c.cell, c.dropout, c.decayRate, c.state], ['gru', '0.5', '0.9', '✕ interrupted']);
      assert.equal(c.evaluateEvery, '8', 'however many differ');
      for (const shared of ['layers', 'hiddenSize', 'learningRate', 'seed', 'printEvery'])
        assert.ok(!(shared in a), shared);
      assert.deepEqual(await shown(page), ['runs/a', 'runs/b', 'runs/c']);
      await page.getByRole('button', { name: 'last validation' }).click();
      await page.getByRole('button', { name: 'last validation' }).click();
      assert.deepEqual(await shown(page), ['runs/c', 'runs/b', 'runs/a']);
    });
  });

  test('its head clears the chart, and draws all runs that are listed', async () => {
    await onPage(async (page) => {
      await page.getByRole('searchbox').fill('lstm');
      await page.getByRole('img', { name: /of 2 curves/ }).waitFor();
      const head = page.getByRole('checkbox', { name: 'show all of these runs' });
      await head.click();
      await page.getByText('Choose runs in the table').waitFor();
      await page.getByRole('checkbox', { name: 'show runs/b in the chart' }).click();
      await page.getByRole('img', { name: /of runs\/b\./ }).waitFor();
      assert.ok(await head.evaluate((box) => (box as HTMLInputElement).indeterminate));
      await head.click();
      await head.click();
      await page.getByRole('img', { name: /of 2 curves/ }).waitFor();
      assert.match(page.url(), /pick=\w+\.\w+$/);
    });
  });

  test('is filtered by words, settings and losses; without a choice, the chart follows', async () => {
    await onPage(async (page) => {
      const filter = page.getByRole('searchbox');
      for (const [words, expected] of [
        ['dropout>0.2', ['b', 'c']],
        ['LSTM dropout>0.2', ['b']],
        ['dropout<=.25', ['a', 'b']],
        ['dropout=.25', ['b']],
        ['maxEpochs=50', ['a']],
        ['max-epochs<50', ['c']],
        ['best<1.55', ['a']],
        ['last>=1.6 last<2', ['a', 'b']],
        ['advice>0', ['b']],
        ['interrupted', ['c']],
        ['nothing>1', []],
      ] as const) {
        await filter.fill(words);
        await page.getByText(`${expected.length} of 3 runs`).waitFor();
        assert.deepEqual(
          (await shown(page)).sort(),
          expected.map((name) => `runs/${name}`),
          words,
        );
      }
      await filter.fill('gru');
      await page.getByRole('img', { name: /of runs\/c\./ }).waitFor();
      assert.match(page.url(), /q=gru/);
    });
  });

  test('a run is pinned from its row: its curve is drawn, and the others are compared with it', async () => {
    await onPage(async (page) => {
      const pin = (name: string) => page.getByRole('button', { name: `pin runs/${name}`, exact: true });
      await page.getByLabel('show runs/b in the chart').uncheck();
      await page.getByRole('img', { name: /of 2 curves/ }).waitFor();
      await pin('b').click();
      await page.getByRole('img', { name: /of 3 curves.*runs\/b is pinned\./ }).waitFor();
      assert.equal(await pin('b').getAttribute('aria-pressed'), 'true');
      const difference = async (name: string) => (await cellsOf(page, name))['difference from pinned'];
      assert.deepEqual(
        [await difference('a'), await difference('b'), await difference('c')],
        ['−0.1200', '+0.0000', '+0.8800'],
      );
      await page.reload();
      await page.getByRole('img', { name: /runs\/b is pinned\./ }).waitFor();
      await pin('b').click();
      await page.getByText('difference from pinned').waitFor({ state: 'detached' });
    });
  });

  test('a click on a curve pins its run', async () => {
    await onPage(async (page) => {
      await page.getByLabel('show runs/b in the chart').uncheck();
      await page.getByLabel('show runs/c in the chart').uncheck();
      await page.getByRole('img', { name: /of runs\/a\./ }).waitFor();
      await page.getByRole('heading', { name: 'Runs' }).scrollIntoViewIfNeeded();
      const box = await page.locator('.u-over').boundingBox();
      assert.ok(box);
      const caption = page.locator('figure.chart figcaption');
      await caption.getByText('Click a curve to pin its run.').waitFor();
      // The curve of a begins at the left, at its highest loss. The chart with the three curves may still be there.
      let y = 5;
      await eventually(async () => {
        y = (y + 10) % box.height;
        await page.mouse.move(box.x + 20, box.y + y);
        assert.match((await caption.textContent()) ?? '', /^runs\/a: 1\.9 at iteration \d$/);
      });
      await page.locator('tr.lit').getByText('runs/a').waitFor();
      await page.mouse.down();
      await page.mouse.up();
      await page.getByText('difference from pinned').waitFor();
    });
  });

  test('advice: how many messages a run has, with a link to them', async () => {
    await onPage(async (page) => {
      assert.equal((await cellsOf(page, 'b')).advice, '⚠ 2');
      assert.equal((await cellsOf(page, 'a')).advice, '');
      await page.getByRole('link', { name: '⚠ 2: advice and warnings of runs/b' }).click();
      await page.getByRole('heading', { name: 'runs/b' }).waitFor();
      await page.getByText('Advice 1.').waitFor();
    });
  });

  test('samples: one slider moves those of all runs to the same iteration', async () => {
    await onPage(async (page) => {
      const texts = () => page.locator('.two-texts figure').allInnerTexts();
      const slider = page.getByRole('slider', { name: /^samples:/ });
      // Those of each run come by themselves.
      for (const newest of ['a after 30', 'b after 40', 'c after 10']) await page.getByText(newest).waitFor();
      assert.deepEqual(
        (await texts()).map((text) => text.split('\n').at(-1)),
        ['a after 30', 'b after 40', 'c after 10'],
      );
      assert.equal(await slider.getAttribute('aria-valuetext'), 'newest');
      await slider.press('ArrowLeft');
      await slider.press('ArrowLeft');
      await page.getByText('b after 20').waitFor();
      assert.equal(await slider.getAttribute('aria-valuetext'), 'by iteration 20');
      assert.deepEqual(
        (await texts()).map((text) => text.split('\n').at(-1)),
        ['a after 20', 'b after 20', 'c after 10'],
      );
      await page.reload();
      for (const own of ['a after 20', 'b after 20', 'c after 10']) await page.getByText(own).waitFor();
      await slider.press('End');
      await page.getByText('b after 40').waitFor();
    });
  });
});
