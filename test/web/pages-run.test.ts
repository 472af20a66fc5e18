/** The page Run: one run in detail, while it begins, after its end, and when it is gone. */
import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { buildPages } from '../../scripts/build-pages.mjs';
import { train } from '../../src/train/train.node.ts';
import { skipWithoutChromium } from '../browser/page.ts';
import { sharedFolder } from '../temporary-folder.ts';
import { evaluated, finished, iteration, line, started, writeLog } from '../ui/logs.ts';
import { assertAccessible, LOOKS } from './accessibility.ts';
import { withServer } from './runs-server.ts';
import { type OpenBrowser, openBrowser } from './site.ts';

describe('the page of a run', { skip: skipWithoutChromium, timeout: 900_000 }, () => {
  const folder = sharedFolder();
  const [runs, pages] = [join(folder, 'my runs'), join(folder, 'pages')];
  const [beginning, full] = [join(runs, 'beginning', 'lstm.log.jsonl'), join(runs, 'full')];
  let browser: OpenBrowser;
  let trained: { readonly iteration: number; readonly loss: number }[];

  before(async () => {
    await buildPages(pages);
    trained = [];
    const text = `${'the quick brown fox jumps over the lazy dog. '.repeat(60)}\n`;
    for await (const event of train({
      ...{ text, checkpointDir: full, maxIterations: 6, evaluateEvery: 2 },
      ...{ batchSize: 4, sequenceLength: 8, hiddenSize: 4, layers: 1, engine: 'reference', dropout: 0.1 },
    }))
      if (event.type === 'evaluated')
        trained.push({ iteration: event.iteration, loss: event.validationLoss });
    browser = await openBrowser();
  });
  after(() => browser?.close());
  afterEach(() => assert.deepEqual(browser.problems.splice(0), []));

  const begin = (more = '') => writeLog(beginning, line(started({ runId: 'beginning' })) + more);

  const openRun = async (page: Page, name: string) => {
    await page.getByRole('link', { name: `my runs/${name}`, exact: true }).click();
    await page.getByRole('heading', { name: `my runs/${name}` }).waitFor();
  };

  for (const look of LOOKS)
    test(`${look.colorScheme}, ${look.viewport.width} px: accessible before the first iteration, and with everything`, async () => {
      begin();
      await withServer({ browser, folders: [runs], pages }, async ({ address }) => {
        const page = await browser.open(address, look);
        await openRun(page, 'beginning');
        await page.getByText('No iteration has been logged yet.').waitFor();
        await page.getByText('None yet.').waitFor();
        assert.equal(
          await page.getByText('--resume').count(),
          0,
          'without a checkpoint, no run can continue',
        );
        await assertAccessible(page, 'no iteration yet');
        await page.goBack();
        await openRun(page, 'full');
        await page.locator('canvas').first().waitFor();
        await page.getByText('★ best').waitFor();
        await page.getByText('Learning rate, gradient and speed').click();
        await assertAccessible(page, 'finished, with checkpoints');
      });
    });

  test('has the curves, the samples, the settings with their origins, and the best checkpoint', async () => {
    await withServer({ browser, folders: [runs], pages }, async ({ address }) => {
      const page = await browser.open(address);
      await openRun(page, 'full');
      const best = trained.reduce((a, b) => (b.loss < a.loss ? b : a));
      await page.getByText(`iteration 6 of 6, epoch`).waitFor();
      await page.getByText(`best validation loss ${best.loss.toFixed(4)}`).waitFor();
      await page
        .getByRole('img', { name: /^Loss by iteration\. Training loss \d\.\d+, 3 evaluations\.$/ })
        .waitFor();
      await page.getByText('Learning rate, gradient and speed').click();
      for (const name of [/^Learning rate\. /, /^Gradient norm\. /, /^Characters a second\. /])
        await page.getByRole('img', { name }).waitFor();

      const events = logged(full);
      const samples = events.filter(({ type }) => type === 'sampled');
      assert.ok(samples.length > 1);
      const sample = page.locator('pre.sample');
      assert.equal(await sample.textContent(), samples.at(-1)?.text);
      await page.getByRole('slider', { name: 'which sample' }).press('Home');
      await page.getByRole('heading', { name: `Sample after iteration ${samples[0]?.iteration}` }).waitFor();
      assert.equal(await sample.textContent(), samples[0]?.text);
      // A box that scrolls is a stop of Tab.
      for (const [height, stops] of [
        ['none', 0],
        ['1.5rem', 1],
      ] as const) {
        await sample.evaluate((box, most) => {
          box.style.maxHeight = most;
        }, height);
        await page.waitForFunction(
          (count) => document.querySelectorAll('pre.sample[tabindex="0"]').length === count,
          stops,
        );
      }

      const settings = await page.locator('.setting').allInnerTexts();
      const setting = (name: string) =>
        settings.find((text) => text.startsWith(name))?.replaceAll(/\s+/g, ' ');
      assert.equal(setting('dropout'), 'dropout 0.1 flag');
      assert.equal(setting('cell'), 'cell lstm default');

      const checkpoints = await page.locator('.checkpoints li').allInnerTexts();
      const marked = checkpoints.filter((text) => text.includes('★ best'));
      assert.equal(marked.length, 1, checkpoints.join());
      assert.match(marked[0] as string, new RegExp(best.loss.toFixed(4)));
      await page.getByText(`npx char-rnn train --resume '${full}' --max-iterations 12`).waitFor();
    });
  });

  test('shows advice next to the curves as it comes', async () => {
    begin(line(iteration(1)));
    await withServer({ browser, folders: [runs], pages }, async ({ address }) => {
      const page = await browser.open(address);
      await openRun(page, 'beginning');
      await page.getByRole('img', { name: /Training loss 2\.000/ }).waitFor();
      assert.equal(await page.getByRole('heading', { name: 'Advice and warnings' }).count(), 0);
      appendFileSync(
        beginning,
        line({ type: 'advice', code: 'plateau', remedies: [], message: 'Try another --learning-rate.' }),
      );
      const advice = page.getByText('Try another “learning rate”.');
      await advice.waitFor();
      appendFileSync(beginning, line({ type: 'notice', message: 'resuming.' }));
      appendFileSync(beginning, line(started({ runId: 'beginning', start: 'resumed', iteration: 1 })));
      await page.getByText('1 from before the run was resumed').waitFor();
      assert.equal(await page.getByText('Resuming.').isVisible(), true);
      assert.equal(await advice.isVisible(), false);
      await page.getByText('1 from before the run was resumed').click();
      await advice.waitFor();
    });
  });

  test('a run that is deleted while the page shows it: the page says so, keeps what it has, and follows a new one', async () => {
    begin(line(iteration(5, 1.5)) + line(evaluated(5, 1.75)));
    await withServer({ browser, folders: [runs], pages }, async ({ address }) => {
      const page = await browser.open(address);
      await openRun(page, 'beginning');
      await page.getByText('best validation loss 1.7500').waitFor();
      rmSync(beginning);
      await page
        .getByRole('alert')
        .getByText(/^This run was deleted, .* The page shows what was last read\./)
        .waitFor();
      await page.getByText('best validation loss 1.7500').waitFor();
      begin(line(iteration(7, 1.25)) + line(finished(7)));
      await page.getByText('■ done, iteration 7 of 1,000').waitFor();
      await page.getByRole('alert').waitFor({ state: 'detached' });
      await page.evaluate(() => {
        location.hash = '#/run';
      });
      await page.getByRole('alert').getByText('The address does not name a run.').waitFor();
    });
    const problems = browser.problems.splice(0);
    assert.ok(
      problems.every((problem) => /status of 404/.test(problem)),
      problems.join(),
    );
  });
});

/** The events in the log of a run. */
function logged(
  folder: string,
): { readonly type: string; readonly iteration: number; readonly text: string }[] {
  const lines = readFileSync(join(folder, 'lstm.log.jsonl'), 'utf8').trimEnd().split('\n');
  return lines.map((text) => JSON.parse(text));
}
