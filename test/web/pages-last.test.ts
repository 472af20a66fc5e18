/** The pages show what the reader asked for last, in headless Chromium. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { LanguageModel } from '../../src/index.ts';
import { skipWithoutChromium } from '../browser/page.ts';
import { root } from '../cli/command.ts';
import { sharedFolder } from '../temporary-folder.ts';
import { dropFiles, HARBOUR, modelBytes, startRun } from './actions.ts';
import { written } from './commands.ts';
import { sharedSite } from './site.ts';

const example = readFileSync(join(root, 'models', 'moby-dick.safetensors'));
const WHALES = 'The whale went down.\nThe boat did not.\n';

describe('what was asked for last', { skip: skipWithoutChromium, timeout: 240_000 }, () => {
  const site = sharedSite(sharedFolder());

  test('of two models, the one that was chosen last stays open, whichever arrives first', async () => {
    // A service worker would answer instead of the route below.
    const page = await site().open('#/write', { serviceWorkers: 'block' });
    let deliver = () => {};
    const isWanted = new Promise<void>((resolve) => {
      deliver = resolve;
    });
    await page.route('**/moby-dick.safetensors', async (route) => {
      await isWanted;
      await route.continue();
    });
    await page.getByRole('button', { name: 'Open the example model' }).click();
    await page.getByText('opening the example model').waitFor();
    const bytes = await modelBytes({ text: WHALES.repeat(20) });
    await dropFiles(page, [{ name: 'mine.safetensors', bytes }]);
    await page.locator('summary', { hasText: /^mine\.safetensors$/ }).waitFor();
    const arrived = page.waitForResponse('**/moby-dick.safetensors');
    deliver();
    await (await arrived).finished();
    // What the worker is asked for now comes after all that it was asked for before.
    const { words } = await written(page, 'The ');
    assert.deepEqual(words.slice(0, 2), ['sample', 'mine.safetensors']);
    // The program that reads other formats is loaded only now.
    const model = LanguageModel.fromBytes(bytes);
    const files = [
      { name: 'other.npz', bytes: model.toBytes('npz') },
      { name: 'last.safetensors', bytes },
    ];
    await model.close();
    await dropFiles(page, files);
    await page.locator('summary', { hasText: /^last\.safetensors$/ }).waitFor();
    await written(page, 'The ');
    assert.equal(await page.locator('summary', { hasText: /^last\.safetensors$/ }).count(), 1);
    await page.context().close();
  });

  test('of two texts to train on, the one that was given last counts, and the page names its file', async () => {
    const page = await site().open('#/train');
    await page.locator('#option-preset').waitFor();
    const long = { name: 'long.txt', bytes: Buffer.from(HARBOUR.repeat(300)) };
    const short = { name: 'short.txt', bytes: Buffer.from('short') };
    await dropFiles(page, [long, short]);
    await page.getByText('short.txt, 5 characters').waitFor();
    // Texts are decoded one after the other: the long one has been, too.
    await dropFiles(page, [{ name: 'one.txt', bytes: Buffer.from('1') }]);
    await page.getByText('one.txt, 1 character', { exact: true }).waitFor();
    await page.getByPlaceholder('paste a text').fill('typed');
    await page.getByText('5 characters', { exact: true }).waitFor();
    // A mistake is no longer shown once a text has been chosen. The same file can be chosen again.
    const field = page.getByLabel('a file to train on');
    await field.setInputFiles({ name: 'model.txt', mimeType: '', buffer: example });
    await page.locator('.problem').getByText('model.txt').waitFor();
    for (let k = 0; k < 2; k++) {
      await field.setInputFiles({ name: 'short.txt', mimeType: 'text/plain', buffer: Buffer.from('short') });
      await page.getByText('short.txt, 5 characters').waitFor();
      assert.equal(await page.locator('.problem').count(), 0);
      assert.equal(await field.inputValue(), '');
      await page.getByRole('button', { name: 'Clear' }).click();
      await page.getByText('short.txt, 5 characters').waitFor({ state: 'detached' });
    }
    await page.context().close();
  });

  test('a run that another tab has deleted: the page says so, and takes it off the list', async () => {
    const page = await site().open('#/train');
    page.on('dialog', (dialog) => dialog.accept());
    const options = { preset: '', time: '', hiddenSize: 8, maxIterations: 5, maxEpochs: 1000 };
    for (const name of ['Open', 'Save', 'Continue', 'Delete']) {
      await startRun(page, HARBOUR, options);
      await page.getByText('has made all its iterations').waitFor();
      const rows = page.locator('.stored li');
      await rows.waitFor();
      const other = await page.context().newPage();
      await other.goto(page.url());
      await other.locator('.stored li').waitFor();
      await rows.getByRole('button', { name: 'Delete' }).click();
      await rows.waitFor({ state: 'detached' });
      other.on('dialog', (dialog) => dialog.accept());
      await other.locator('.stored li').getByRole('button', { name, exact: true }).click();
      if (name !== 'Delete')
        await other
          .getByText('this browser no longer has the run: it was deleted', { exact: false })
          .waitFor();
      await other.locator('.stored li').waitFor({ state: 'detached' });
      if (name === 'Delete') assert.deepEqual(await other.getByRole('alert').allTextContents(), []);
      await other.close();
    }
    await page.context().close();
  });
});
