/** The Train page in headless Chromium: what it stores, what ends a run, and the command that it shows. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { LanguageModel } from '../../src/index.ts';
import { skipWithoutChromium } from '../browser/page.ts';
import { sharedFolder } from '../temporary-folder.ts';
import { finalParameters, HARBOUR, hasPassed, iterationOf, setOptions, startRun } from './actions.ts';
import { sharedSite } from './site.ts';

const TEXT = 'the harbour wall stood in the rain. '.repeat(60);

const SMALL = { hiddenSize: 12, batchSize: 4, sequenceLength: 12 };

describe('the Train page', { skip: skipWithoutChromium, timeout: 900_000 }, () => {
  const folder = sharedFolder();
  const site = sharedSite(folder);

  const start = (page: Page, options: Readonly<Record<string, string>>) =>
    startRun(page, TEXT, { preset: '', time: '', ...SMALL, ...options });

  test('of many evaluations, the browser keeps the best checkpoint and the last', async () => {
    const page = await site().open('#/train');
    await start(page, { maxIterations: '60', evaluateEvery: '5', learningRate: '0.05' });
    await page.getByText('has made all its iterations').waitFor();
    const names = await page.evaluate(async () => {
      const found: string[] = [];
      const runs = await (await navigator.storage.getDirectory()).getDirectoryHandle('runs');
      for await (const id of runs.keys())
        for await (const name of (await runs.getDirectoryHandle(id)).keys()) found.push(name);
      return found;
    });
    const checkpoints = names.filter((name) => /_epoch.*\.safetensors$/.test(name));
    assert.ok(checkpoints.length === 1 || checkpoints.length === 2, names.join(', '));
    assert.ok(names.includes('best.safetensors') && names.includes('last.safetensors'));
    await page.context().close();
  });

  test('a run that is interrupted by a reload continues from its last checkpoint', async () => {
    const page = await site().open('#/train');
    // The page asks before it is left.
    page.on('dialog', (dialog) => dialog.accept());
    await start(page, { maxEpochs: '50000', checkpointEvery: '100' });
    await page.waitForFunction(hasPassed, 250);
    await page.reload();
    const row = page.locator('.stored li');
    await row.waitFor();
    const [, stored] = /iteration ([\d,]+) of/.exec(await row.innerText()) ?? [];
    const iteration = Number(stored?.replaceAll(',', ''));
    assert.ok(iteration >= 100 && iteration % 100 === 0, `saved at iteration ${stored}`);
    // Later than a checkpoint that was written just before the reload, and not yet listed.
    const end = iteration + 220;
    await row.getByLabel('to iteration').fill(String(end));
    // The worker of before the reload may still be ending: it has the lock of the run.
    await page.waitForFunction(async () => {
      const { held = [] } = await navigator.locks.query();
      return held.every(({ name }) => name?.startsWith('char-rnn worker'));
    });
    await row.getByRole('button', { name: 'Continue' }).click();
    await page.getByText('has made all its iterations').waitFor();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      row.getByRole('button', { name: 'Save' }).click(),
    ]);
    const path = join(folder, 'reloaded.safetensors');
    await download.saveAs(path);
    const { parameters } = LanguageModel.fromBytes(readFileSync(path)).checkpoint;
    const whole = { ...SMALL, maxEpochs: 50_000, maxIterations: end, baseline: false };
    assert.deepEqual(parameters, await finalParameters({ text: TEXT, ...whole }));
    await page.context().close();
  });

  test('a run whose last worker is still ending continues when it has ended', async () => {
    const page = await site().open('#/train');
    await start(page, { maxEpochs: '50', maxIterations: '5' });
    await page.getByText('has made all its iterations').waitFor();
    const row = page.locator('.stored li');
    await row.getByLabel('to iteration').fill('12');
    // The worker of a page that was reloaded would have this lock for a moment.
    await page.evaluate(async () => {
      const runs = await (await navigator.storage.getDirectory()).getDirectoryHandle('runs');
      let [lock, release] = ['', () => {}];
      for await (const name of runs.keys()) lock = `char-rnn ${name}`;
      await new Promise<void>((resolve) => {
        navigator.locks.request(lock, () => {
          resolve();
          return new Promise<void>((end) => {
            release = end;
          });
        });
      });
      const timer = setInterval(async () => {
        const { pending = [] } = await navigator.locks.query();
        if (!pending.some(({ name }) => name === lock)) return;
        clearInterval(timer);
        release();
      }, 10);
    });
    await row.getByRole('button', { name: 'Continue' }).click();
    await page.getByText('has made all its iterations').waitFor();
    await row.getByText('iteration 12 of').waitFor();
    await page.context().close();
  });

  test('a run that another tab trains can be neither deleted nor continued', async () => {
    const page = await site().open('#/train');
    page.on('dialog', (dialog) => dialog.accept());
    await start(page, { maxEpochs: '50000', checkpointEvery: '50' });
    await page.waitForFunction(hasPassed, 100);
    const other = await page.context().newPage();
    other.on('dialog', (dialog) => dialog.accept());
    await other.goto(page.url());
    const row = other.locator('.stored li');
    for (const name of ['Delete', 'Continue']) {
      await row.getByRole('button', { name }).click();
      await other
        .getByText(/a run is writing to it, perhaps in another tab\. Stop that run first\./)
        .waitFor();
      assert.equal(await row.count(), 1);
      await other.reload();
    }
    await page.keyboard.press('Escape');
    await page.getByText('Stopped. The model').waitFor();
    await page.context().close();
  });

  test('the files of a run that ended before its first checkpoint are deleted an hour later', async () => {
    // A service worker would answer instead of the route below.
    const page = await site().open('#/train', { serviceWorkers: 'block' });
    await start(page, { maxIterations: '5' });
    await page.getByText('has made all its iterations').waitFor();
    await page.evaluate(async () => {
      const runs = await (await navigator.storage.getDirectory()).getDirectoryHandle('runs');
      for (const [id, names] of [
        ['left', ['text.txt']],
        // There was no space for its record.
        ['saved', ['text.txt', 'last.safetensors']],
      ] as const) {
        const made = await runs.getDirectoryHandle(id, { create: true });
        for (const name of names) {
          const stream = await (await made.getFileHandle(name, { create: true })).createWritable();
          await stream.write('some bytes');
          await stream.close();
        }
      }
    });
    const foldersAfterReload = async () => {
      await page.reload();
      await page.locator('.stored li').waitFor();
      return page.evaluate(async () => {
        const names: string[] = [];
        const runs = await (await navigator.storage.getDirectory()).getDirectoryHandle('runs');
        for await (const name of runs.keys()) names.push(name);
        return names;
      });
    };
    assert.equal((await foldersAfterReload()).length, 3);
    // Two hours later, by the clock of the worker.
    await page.route('**/worker-*.js', async (route) => {
      const response = await route.fetch();
      const later = 'const now = Date.now; Date.now = () => now.call(Date) + 7_200_000;';
      await route.fulfill({ response, body: `${later}${await response.text()}` });
    });
    const names = await foldersAfterReload();
    assert.ok(names.length === 2 && names.includes('saved'), names.join(', '));
    await page.context().close();
  });

  test('a run without its record is listed, and can be continued', async () => {
    const page = await site().open('#/train');
    await start(page, { maxIterations: '5', evaluateEvery: '5' });
    await page.getByText('has made all its iterations').waitFor();
    const records = (isDeleting: boolean) =>
      page.evaluate(async (deletes) => {
        const runs = await (await navigator.storage.getDirectory()).getDirectoryHandle('runs');
        const found: string[] = [];
        for await (const id of runs.keys()) {
          const folder = await runs.getDirectoryHandle(id);
          for await (const name of folder.keys()) if (name === 'run.json') found.push(id);
          if (deletes) await folder.removeEntry('run.json');
        }
        return found;
      }, isDeleting);
    const [id] = await records(true);
    await page.reload();
    const row = page.locator('.stored li');
    await row.getByText(new RegExp(`^run-${id}, iteration 5 of 5, best \\d\\.\\d{4}`)).waitFor();
    assert.deepEqual(await records(false), [id]);
    await row.getByLabel('to iteration').fill('8');
    await row.getByRole('button', { name: 'Continue' }).click();
    await row.getByText('iteration 8 of 8').waitFor();
    await page.context().close();
  });

  test('a run that is stopped before its first iteration: the page does not say that it can be continued', async () => {
    const page = await site().open('#/train');
    await page.getByPlaceholder('paste a text').fill(HARBOUR);
    await setOptions(page, { preset: '', time: '', hiddenSize: 8 });
    await page.evaluate(() => {
      new MutationObserver(() => {
        for (const button of document.querySelectorAll('button'))
          if (button.textContent === 'Stop and keep the model') button.click();
      }).observe(document.body, { childList: true, subtree: true });
    });
    await page.getByRole('button', { name: 'Train', exact: true }).click();
    await page.getByText('Stopped. The model is open').waitFor();
    await page.getByRole('button', { name: 'Train', exact: true }).waitFor();
    // The list is read after the end.
    await page.waitForFunction(
      () =>
        /You can continue the run/.test(document.body.textContent) ===
        document.querySelectorAll('.stored li').length > 0,
    );
    await page.context().close();
  });

  test('the text of a run that could not start stays in its field', async () => {
    const page = await site().open('#/train');
    await startRun(page, 'too short', { preset: '', time: '' });
    await page.getByRole('alert').waitFor();
    assert.equal(await page.getByPlaceholder('paste a text').inputValue(), 'too short');
    await page.context().close();
  });

  test('Escape in a field, or on another page, does not end the run', async () => {
    const page = await site().open('#/train');
    await start(page, { maxEpochs: '1000000' });
    await page.getByText(/iteration [\d,]+ of/).waitFor();
    await page.getByLabel('a file to train on').evaluate((field) => {
      const key = new KeyboardEvent('keydown', { key: 'Escape', bubbles: true });
      field.dispatchEvent(key);
    });
    await page.getByRole('link', { name: 'Neurons' }).click();
    await page.getByRole('heading', { name: 'Open a model' }).waitFor();
    await page.keyboard.press('Escape');
    // The event of a key has no element as its target while the document has the focus.
    await page.evaluate(() =>
      document.dispatchEvent(new KeyboardEvent('keydown', { key: 'x', bubbles: true })),
    );
    await page.getByRole('link', { name: 'Train', exact: true }).click();
    await page.getByRole('button', { name: 'Stop and keep the model' }).waitFor();
    // A run that was told to stop would make a few more iterations at most.
    await page.waitForFunction(hasPassed, (await iterationOf(page)) + 100);
    assert.equal(await page.getByText('Stopped. The model').count(), 0);
    await page.keyboard.press('Escape');
    await page.getByText('Stopped. The model').waitFor();
    await page.context().close();
  });

  test('the command quotes the name of a file for the shell', async () => {
    const page = await site().open('#/train');
    await page.locator('#option-preset').waitFor();
    const file = { name: '$(my) book.txt', mimeType: 'text/plain', buffer: Buffer.from(TEXT) };
    await page.getByLabel('a file to train on').setInputFiles(file);
    await page.getByText('The same on the command line').click();
    await page.getByText(`npx char-rnn train '$(my) book.txt'`).waitFor();
    await page.context().close();
  });
});
