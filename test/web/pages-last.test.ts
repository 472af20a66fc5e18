/** The pages show what the reader asked for last, in headless Chromium. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { LanguageModel, type UnitPart } from '../../src/index.ts';
import { skipWithoutChromium } from '../browser/page.ts';
import { root } from '../cli/command.ts';
import { sharedFolder } from '../temporary-folder.ts';
import { dropFiles, HARBOUR, modelBytes, openExample, startRun } from './actions.ts';
import { written } from './commands.ts';
import { holdRequests } from './page-worker.ts';
import { sharedSite } from './site.ts';

const example = readFileSync(join(root, 'models', 'moby-dick.safetensors'));
const WHALES = 'The whale went down.\nThe boat did not.\n';

describe('what was asked for last', { skip: skipWithoutChromium, timeout: 900_000 }, () => {
  const site = sharedSite(sharedFolder());

  const read = (page: Page) => page.getByRole('button', { name: 'Read', exact: true });

  /** Opens the page Neurons with a model, and reads a text. */
  async function openNeurons(bytes: Uint8Array, text: string): Promise<Page> {
    const page = await site().open('#/neurons');
    await dropFiles(page, [{ name: 'first.safetensors', bytes }]);
    await page.getByLabel('text to read').fill(text);
    await read(page).click();
    await page.locator('.dial').waitFor();
    return page;
  }

  test('the dial of another unit or part begins at the highest value of that one', async () => {
    const lstm = await modelBytes({ text: WHALES.repeat(20), cell: 'lstm', layers: 1 });
    const text = WHALES.repeat(8);
    const model = LanguageModel.fromBytes(lstm);
    const states = await model.states(text, { parts: ['h', 'c'] });
    await model.close();
    /** The 99th percentile, as the page shows it. */
    const highOf = (unit: number, part: UnitPart) => {
      const sorted = states.column(1, unit, part).slice().sort();
      const high = sorted[Math.round(0.99 * (sorted.length - 1))] as number;
      return Number(high.toPrecision(3)).toFixed(2);
    };
    const page = await openNeurons(lstm, text);
    const shown = new Set<string>();
    const order = [
      [1, 'h'],
      [1, 'c'],
      [2, 'c'],
      [3, 'h'],
    ] as const;
    for (const [unit, part] of order) {
      await page.goto(`${site().url}#/neurons?unit=1.${unit}&part=${part}`);
      await page.getByLabel(`value at which unit 1.${unit}${part === 'h' ? '' : '.c'} is held`).waitFor();
      const high = highOf(unit, part);
      assert.equal(await page.locator('.dial .figure').innerText(), high, `1.${unit}.${part}`);
      shown.add(high);
    }
    assert.equal(shown.size, order.length, 'a wrong value would be seen');
    await page.context().close();
  });

  test('an address whose unit has no such part shows its hidden state; a unit that is not in the model is not shown', async () => {
    const page = await openNeurons(
      await modelBytes({ text: WHALES.repeat(20), cell: 'lstm' }),
      WHALES.repeat(8),
    );
    await page.goto(`${site().url}#/neurons?unit=1.2&part=c`);
    await page.getByLabel('value at which unit 1.2.c is held').waitFor();
    await dropFiles(page, [{ name: 'gru.safetensors', bytes: example }]);
    await page.getByText('Read a text to see').waitFor();
    await read(page).click();
    await page.getByLabel('value at which unit 1.2 is held').waitFor();
    await page.waitForURL(/unit=1\.2$/);
    await page.goto(`${site().url}#/neurons?unit=0.0&part=nothing`);
    await page.waitForURL(/unit=1\.2$/);
    // The worker has answered to what it was asked before.
    for (let k = 0; k < 2; k++) await page.locator('.text-view').press('ArrowRight');
    await page.getByLabel('surprise').check();
    await page.getByText(/surprise \d/).waitFor();
    assert.deepEqual(await page.getByRole('alert').allTextContents(), []);
    await page.context().close();
  });

  test('a model that is opened while another writes a text to read, or reads one, can read at once', async () => {
    const page = await site().open('#/neurons');
    await openExample(page);
    const other = { name: 'other.safetensors', bytes: await modelBytes({ text: WHALES.repeat(20) }) };
    for (const text of ['', WHALES.repeat(400)]) {
      await page.getByLabel('text to read').fill(text);
      // A fast worker would have ended before the file is read.
      const held = await holdRequests(page);
      await dropFiles(page, [other], 'Read');
      await held.asked('open');
      await held.release();
      await page.locator('summary', { hasText: /^other\.safetensors$/ }).waitFor();
      await read(page).and(page.locator(':enabled')).waitFor();
      assert.equal(await page.getByLabel('text to read').inputValue(), text, 'no part of a text stays');
      await page.getByLabel('text to read').fill(WHALES.repeat(8));
      await read(page).click();
      await page.locator('.dial').waitFor();
      assert.deepEqual(await page.getByRole('alert').allTextContents(), []);
      await dropFiles(page, [{ name: 'moby-dick.safetensors', bytes: example }]);
      await page.locator('summary', { hasText: /^moby-dick\.safetensors$/ }).waitFor();
    }
    await page.context().close();
  });

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

  test('a text that is dropped on Neurons is read in its encoding, and may be compressed', async () => {
    const page = await site().open('#/neurons');
    await openExample(page);
    const text = 'café crème, déjà vu: the whale was brûlée, à la garçon';
    const shown = (value: string) =>
      page.waitForFunction((wanted) => document.querySelector('textarea')?.value === wanted, value);
    await dropFiles(page, [{ name: 'latin1.txt', bytes: Buffer.from(text, 'latin1') }]);
    await shown(text);
    await dropFiles(page, [{ name: 'packed.txt.gz', bytes: gzipSync(WHALES) }]);
    await shown(WHALES);
    // Of a long file, the field has more than what is read, but not all.
    await dropFiles(page, [{ name: 'long.txt', bytes: Buffer.from(WHALES.repeat(10_000)) }]);
    await page.waitForFunction(() => document.querySelector('textarea')?.value.length === 100_000);
    await read(page).click();
    await page.getByText('Only the first 20,000 characters of this text are read.').waitFor();
    await dropFiles(page, [{ name: 'packed.txt.gz', bytes: gzipSync(WHALES) }]);
    await shown(WHALES);
    await dropFiles(page, [{ name: 'picture.txt', bytes: Uint8Array.of(0, 1, 2, 3, 0, 255) }]);
    await page.getByRole('alert').getByText('picture.txt').waitFor();
    await shown(WHALES);
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
