/** The Train page in headless Chromium: what it stores, what ends a run, and the command that it shows. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { skipWithoutChromium } from '../browser/page.ts';
import { sharedFolder } from '../temporary-folder.ts';
import { startRun } from './actions.ts';
import { sharedSite } from './site.ts';

const TEXT = 'the harbour wall stood in the rain. '.repeat(60);

describe('the Train page', { skip: skipWithoutChromium, timeout: 240_000 }, () => {
  const site = sharedSite(sharedFolder());

  const start = (page: Page, options: Readonly<Record<string, string>>) =>
    startRun(page, TEXT, {
      ...{ preset: '', time: '', hiddenSize: 12, batchSize: 4, sequenceLength: 12 },
      ...options,
    });

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

  test('Escape in a field, or on another page, does not end the run', async () => {
    const page = await site().open('#/train');
    await start(page, { maxEpochs: '5000' });
    await page.getByText(/iteration \d+ of/).waitFor();
    await page.getByLabel('a file to train on').evaluate((field) => {
      const key = new KeyboardEvent('keydown', { key: 'Escape', bubbles: true });
      field.dispatchEvent(key);
    });
    await page.getByRole('link', { name: 'Neurons' }).click();
    await page.keyboard.press('Escape');
    // The event of a key has no element as its target while the document has the focus.
    await page.evaluate(() =>
      document.dispatchEvent(new KeyboardEvent('keydown', { key: 'x', bubbles: true })),
    );
    await page.getByRole('link', { name: 'Train', exact: true }).click();
    await page.getByRole('button', { name: 'Stop and keep the model' }).waitFor();
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
