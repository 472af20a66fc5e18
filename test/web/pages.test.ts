/** The pages in headless Chromium: the four main tasks. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { LanguageModel } from '../../src/index.ts';
import { skipWithoutChromium } from '../browser/page.ts';
import { root } from '../cli/command.ts';
import { sharedFolder } from '../temporary-folder.ts';
import { finalParameters, openExample, setOptions, startLongRun } from './actions.ts';
import { writtenAfter } from './commands.ts';
import { openSite, type Site } from './site.ts';
import { assertText } from './text.ts';

const example = join(root, 'models', 'moby-dick.safetensors');
describe('the pages', { skip: skipWithoutChromium, timeout: 900_000 }, () => {
  let site: Site;
  const folder = sharedFolder();

  before(async () => {
    site = await openSite(join(folder, 'site'));
  });
  after(async () => {
    await site?.close();
    assert.deepEqual(
      site?.problems,
      [],
      'errors of the pages, violations of their policy, requests to elsewhere',
    );
  });

  test('Write by its keys: write, move to a character, take another candidate, undo', async () => {
    const page = await site.open('#/write');
    await openExample(page);
    await page.getByLabel('prompt').first().focus();
    await page.keyboard.type('The whale ');
    const { text: first } = await writtenAfter(page, () => page.keyboard.press('Control+Enter'));
    await page.locator('.text-view').focus();
    for (let k = 0; k < 16; k++) await page.keyboard.press('ArrowRight');
    await page.getByRole('heading', { name: 'Instead of' }).waitFor();
    const taken = await page.locator('.candidates li:not([aria-current="true"]) kbd').first().innerText();
    const { text: second } = await writtenAfter(page, () => page.keyboard.press(taken));
    assert.notEqual(second, first);
    await page.keyboard.press('Control+z');
    await assertText(page, first);
    await page.context().close();
  });

  test('Neurons reads a text, labels units, and colours the text by the values of the unit', async () => {
    const page = await site.open('#/neurons');
    await openExample(page);
    await page.getByRole('button', { name: 'Read' }).click();
    await page.getByText('units labelled').waitFor();
    await page.getByRole('heading', { name: 'Unit 2.57: position in line' }).waitFor();
    const symbols = Array.from(await page.getByLabel('text to read').inputValue());
    const model = LanguageModel.fromBytes(readFileSync(example));
    const values = (await model.states(symbols.join(''))).column(2, 57);
    await model.close();
    await page.locator('.text-view').focus();
    for (let k = 0; k < 11; k++) await page.keyboard.press('ArrowRight');
    // The heading names the unit before its values have come.
    const said = new RegExp(`position 11, unit ${values[10]?.toFixed(3)}`);
    await page.locator('.legend output', { hasText: said }).waitFor();
    await page.getByLabel('influence').check();
    await page.locator('.text-view').focus();
    await page.keyboard.press('ArrowRight');
    await page.getByLabel('surprise').check();
    await page.getByText(/surprise \d/).waitFor();
    await page.context().close();
  });

  test('Neurons: a selected stretch shows the units that are active in it', async () => {
    const page = await site.open('#/neurons');
    await openExample(page);
    await page.getByRole('button', { name: 'Read' }).click();
    await page.getByText('units labelled').waitFor();
    await page.locator('.text-view').focus();
    await page.keyboard.press('ArrowRight');
    for (let k = 0; k < 8; k++) await page.keyboard.press('Shift+ArrowRight');
    await page.getByRole('heading', { name: 'Active in the selected stretch' }).waitFor();
    assert.equal(await page.locator('.chips li').count(), 12);
    await page.context().close();
  });

  test('a run of the Train page goes on after a reload, and its checkpoint resumes in Node to the bit', async () => {
    const text = 'the harbour wall stood in the rain. '.repeat(60);
    const options = { hiddenSize: 12, batchSize: 4, sequenceLength: 12 };
    const page = await site.open('#/train');
    // With a GPU, a choice; otherwise the reason. webgpu-training.test.ts has both.
    await page.getByText(/^(train on the GPU|Training uses the CPU: .*)$/).waitFor();
    await page.getByPlaceholder('paste a text').fill(text);
    await setOptions(page, { ...options, preset: '', time: '', maxIterations: 30, seed: 7 });
    await page.getByRole('button', { name: 'Train', exact: true }).click();
    await page.getByText('has made all its iterations').waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'Runs stored in this browser' }).waitFor();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.locator('.stored').getByRole('button', { name: 'Save' }).click(),
    ]);
    const path = join(folder, 'from-page.safetensors');
    await download.saveAs(path);
    const resumed = await finalParameters({ text, resume: readFileSync(path), maxIterations: 40 });
    const whole = await finalParameters({ text, ...options, maxIterations: 40, seed: 7 });
    assert.deepEqual(resumed, whole);
    await page.context().close();
  });

  test('Stop keeps the model, which then writes', async () => {
    const page = await site.open('#/train');
    await startLongRun(page);
    await page.keyboard.press('Escape');
    await page.getByText('Stopped. The model').waitFor();
    await page.getByRole('button', { name: 'Write with it' }).click();
    await page.getByRole('button', { name: 'Write', exact: true }).click();
    await page.getByText('characters a second').waitFor();
    await page.context().close();
  });

  test('on a host without headers, the site isolates itself with one reload, and works offline afterwards', async () => {
    const plain = await openSite(join(folder, 'plain'), { isolated: false });
    try {
      const page = await plain.open('#/write');
      await page.waitForFunction(() => crossOriginIsolated);
      await openExample(page);
      await page.getByRole('button', { name: 'Write', exact: true }).click();
      await page.getByText('characters a second').waitFor();
      await page.context().setOffline(true);
      await page.reload();
      await openExample(page);
      await page.getByRole('button', { name: 'Write', exact: true }).click();
      await page.getByText('characters a second').waitFor();
      assert.deepEqual(plain.problems, []);
    } finally {
      await plain.close();
    }
  });

  test('mistakes are shown where they were made', async () => {
    const page = await site.open('#/write');
    writeFileSync(join(folder, 'wrong.safetensors'), 'this is not a checkpoint');
    await page.locator('input[type="file"]').first().setInputFiles(join(folder, 'wrong.safetensors'));
    await page.getByRole('alert').waitFor();
    assert.match(await page.getByRole('alert').innerText(), /^wrong\.safetensors is not a model/);
    await page.getByRole('button', { name: 'Close' }).click();
    await openExample(page);
    await page.getByLabel('temperature', { exact: true }).fill('hot');
    await page.getByRole('button', { name: 'Write', exact: true }).click();
    assert.match(await page.getByRole('alert').innerText(), /temperature: got "hot", expected a number/);
    await page.getByLabel('temperature', { exact: true }).fill('-1');
    await page.getByRole('button', { name: 'Write', exact: true }).click();
    await page.getByText('got -1, expected a number of at least 0').first().waitFor();
    await page.context().close();
  });
});
