/** Int8 weights in the pages: computing a float model in int8, and saving it so. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { LanguageModel } from '../../src/index.ts';
import { skipWithoutChromium } from '../browser/page.ts';
import { root } from '../cli/command.ts';
import { sharedFolder } from '../temporary-folder.ts';
import { openExample } from './actions.ts';
import { sampled, written } from './commands.ts';
import { sharedSite } from './site.ts';

const example = readFileSync(join(root, 'models', 'moby-dick.safetensors'));

describe('int8 in the pages', { skip: skipWithoutChromium, timeout: 900_000 }, () => {
  const folder = sharedFolder();
  const site = sharedSite(folder);

  test('a model of floats computes in int8 and in floats again; its command says so', async () => {
    const texts: string[] = [];
    for (const quantize of ['int8', 'none'] as const) {
      const page = await site().open('#/write');
      await openExample(page);
      await page.locator('.menu > summary').click();
      const box = page.getByLabel('8-bit weights');
      const engine = page.locator('.menu dd', { hasText: 'WebAssembly' });
      await box.click();
      await engine.filter({ hasText: 'weights in int8' }).waitFor();
      if (quantize === 'none') {
        await box.click();
        await engine.filter({ hasNotText: 'weights in int8' }).waitFor();
      }
      const { text, words } = await written(page, 'The ');
      assert.deepEqual(words.slice(0, 3), ['sample', '--quantize', quantize]);
      // In a folder without models, the program uses the example, too.
      assert.equal(text, sampled(words, mkdtempSync(join(folder, 'empty-'))));
      texts.push(text);
      await page.context().close();
    }
    assert.notEqual(texts[0], texts[1]);
  });

  test('a model of floats is saved in int8, in about a quarter of the size', async () => {
    const page = await site().open('#/write');
    await openExample(page);
    await page.locator('.menu > summary').click();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Save in int8' }).click(),
    ]);
    assert.equal(download.suggestedFilename(), 'moby-dick-int8.safetensors');
    const path = join(folder, 'int8.safetensors');
    await download.saveAs(path);
    const expected = LanguageModel.fromBytes(example).toBytes('safetensors', 'int8');
    assert.deepEqual(readFileSync(path), Buffer.from(expected));
    await page.context().close();
  });
});
