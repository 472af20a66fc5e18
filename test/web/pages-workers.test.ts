/** The worker of the pages, in headless Chromium: it can't be loaded, throws, ends without a word, or hangs. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { LanguageModel } from '../../src/index.ts';
import { skipWithoutChromium } from '../browser/page.ts';
import { sharedFolder } from '../temporary-folder.ts';
import { assertAccessible } from './accessibility.ts';
import {
  finalParameters,
  HARBOUR,
  hasPassed,
  iterationOf,
  openExample,
  startLongRun,
  startRun,
} from './actions.ts';
import { afterSaves, inWorker } from './page-worker.ts';
import { sharedSite } from './site.ts';

/** For the worker: it can't do anything else until this ends. */
const LONG_COMPUTATION = `
  const request = new XMLHttpRequest();
  request.open('GET', 'long-computation', false);
  request.send();`;

describe('the worker', { skip: skipWithoutChromium, timeout: 900_000 }, () => {
  const folder = sharedFolder();
  const site = sharedSite(folder);

  async function openTrain(): Promise<Page> {
    const page = await site().open('#/train');
    await page.locator('#option-preset').waitFor();
    return page;
  }

  /** Problems of the pages other than those that the test makes. */
  const otherProblems = (made: RegExp) =>
    site()
      .problems.splice(0)
      .filter((problem) => !made.test(problem));

  const WAYS = [
    ['ends without a word', 'self.close();', /the browser has ended it/],
    ['throws', 'throw new Error("out of memory");', /Uncaught Error: out of memory/],
  ] as const;
  for (const [what, code, reason] of WAYS)
    test(`a worker that ${what} during a run: the page says so, starts another, and the run goes on to the same end`, async () => {
      const options = {
        hiddenSize: 12,
        batchSize: 4,
        sequenceLength: 12,
        maxIterations: 600,
        maxEpochs: 5000,
      };
      const page = await openTrain();
      await afterSaves(page, 3, code);
      await startRun(page, HARBOUR, { preset: '', time: '', checkpointEvery: '50', ...options });
      await page.getByRole('alert').filter({ hasText: reason }).waitFor();
      await assertAccessible(page, what);
      await page
        .getByText(/The run continues in another worker, from its checkpoint at iteration [\d,]+\./)
        .waitFor();
      await page.getByText('has made all its iterations').waitFor();
      await page.getByRole('button', { name: 'Close' }).click();
      assert.deepEqual(await page.getByRole('alert').allTextContents(), []);
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.locator('.stored').getByRole('button', { name: 'Save' }).click(),
      ]);
      const path = join(folder, `${what}.safetensors`);
      await download.saveAs(path);
      const { parameters } = LanguageModel.fromBytes(readFileSync(path)).checkpoint;
      assert.deepEqual(parameters, await finalParameters({ text: HARBOUR, baseline: false, ...options }));
      await page.context().close();
      assert.deepEqual(otherProblems(/out of memory/), []);
    });

  test('the page says that the open model is lost; if the new worker ends at once, it is not replaced', async () => {
    const page = await site().open('#/write');
    await openExample(page);
    // Two workers in ten seconds, by the clock of the page.
    await page.evaluate(() => {
      const now = performance.now();
      performance.now = () => now;
    });
    await inWorker(page, 'self.close();');
    await page.getByText('Another has been started. The open model is lost.').waitFor();
    await openExample(page);
    await inWorker(page, 'self.close();');
    await page.getByRole('button', { name: 'Start again' }).click();
    await page.evaluate(() => Reflect.deleteProperty(performance, 'now'));
    await openExample(page);
    await page.getByRole('button', { name: 'Write', exact: true }).click();
    await page.getByText('characters a second').waitFor();
    await page.context().close();
  });

  test('a worker that hangs: the page says so after half a minute, can start another, and the run goes on', async () => {
    const page = await site().open('#/train');
    await page.clock.install();
    await page.reload();
    await page.locator('#option-preset').waitFor();
    await startLongRun(page, { checkpointEvery: '20' });
    await page.waitForFunction(hasPassed, 40);
    await inWorker(page, 'for (;;);');
    await page.clock.runFor(20_000);
    assert.equal(await page.getByRole('alert').count(), 0);
    await page.clock.runFor(20_000);
    await page.getByText('has not answered for half a minute').waitFor();
    await assertAccessible(page, 'a worker that hangs');
    await page.getByRole('button', { name: 'Start another' }).click();
    await page.getByText(/The run continues in another worker/).waitFor();
    const [, from] = /checkpoint at iteration ([\d,]+)/.exec(await page.locator('main').innerText()) ?? [];
    await page.waitForFunction(hasPassed, Number(from?.replaceAll(',', '')) + 20);
    await page.keyboard.press('Escape');
    await page.getByText('Stopped. The model').waitFor();
    await page.context().close();
  });

  test('a worker that computes for a long time, or whose page was stopped overnight, does not count as hanging', async () => {
    // A service worker would answer instead of the route below.
    const page = await site().open('#/train', { serviceWorkers: 'block' });
    await page.clock.install();
    await page.reload();
    await page.locator('#option-preset').waitFor();
    await startLongRun(page);
    // It computes until the server has answered.
    let answer = () => {};
    const isOver = new Promise<void>((resolve) => {
      answer = resolve;
    });
    await page.route('**/long-computation', async (route) => {
      await isOver;
      await route.fulfill({ body: '' });
    });
    await inWorker(page, LONG_COMPUTATION);
    await page.clock.runFor(40_000);
    await page.getByText('has not answered for half a minute').waitFor();
    answer();
    await page.getByText('has not answered for half a minute').waitFor({ state: 'detached' });
    // A laptop that sleeps for a night: its clock goes on, timers come once.
    await page.clock.fastForward('08:00:00');
    await page.waitForFunction(hasPassed, await iterationOf(page));
    assert.equal(await page.getByRole('alert').count(), 0);
    await page.keyboard.press('Escape');
    await page.getByText('Stopped. The model').waitFor();
    await page.context().close();
  });

  test('a page whose worker cannot be loaded says so', async () => {
    const page = await site().open('#/write', { serviceWorkers: 'block' });
    await page.route(/worker-.*\.js$/, (route) => route.abort());
    await page.reload();
    await page.getByText('its program could not be loaded').first().waitFor();
    await page.getByRole('link', { name: 'Train', exact: true }).click();
    await page.unroute(/worker-.*\.js$/);
    await page.getByRole('button', { name: 'Start again' }).click();
    // The new worker is asked for a GPU.
    await page.getByText(/^(train on the GPU|Training uses the CPU: (?!the model's worker).*)$/).waitFor();
    await page.getByRole('link', { name: 'Write', exact: true }).click();
    await openExample(page);
    await page.context().close();
    assert.deepEqual(otherProblems(/ERR_FAILED|worker has stopped/), []);
  });
});
