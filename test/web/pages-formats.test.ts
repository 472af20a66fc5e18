/** Models in all formats, in headless Chromium: the page loads the program for the others only when such a file is opened. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { FORMAT_NAMES } from '../../src/formats/format-names.ts';
import { LanguageModel, train } from '../../src/index.ts';
import { skipWithoutChromium } from '../browser/page.ts';
import { sharedFolder } from '../temporary-folder.ts';
import { HARBOUR } from './actions.ts';
import { sharedSite } from './site.ts';

describe('files of models in the pages', { skip: skipWithoutChromium, timeout: 900_000 }, () => {
  const folder = sharedFolder();
  const site = sharedSite(folder);
  let model: LanguageModel;

  before(async () => {
    const options = { hiddenSize: 8, batchSize: 4, maxIterations: 5 };
    for await (const event of train({ text: HARBOUR, ...options }))
      if (event.type === 'finished') model = new LanguageModel(event.checkpoint);
  });

  for (const format of FORMAT_NAMES)
    test(`a model in ${format} is opened, writes, and is saved as safetensors`, async () => {
      const page = await site().open('#/write');
      const file = { name: `harbour.${format}`, mimeType: '', buffer: Buffer.from(model.toBytes(format)) };
      await page.locator('input[type="file"]').first().setInputFiles(file);
      await page.getByRole('button', { name: 'Write', exact: true }).click();
      await page.getByText('characters a second').waitFor();
      await page.locator('.menu > summary').click();
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name: 'Save', exact: true }).click(),
      ]);
      const path = join(folder, `${format}.safetensors`);
      await download.saveAs(path);
      const saved = LanguageModel.fromBytes(readFileSync(path)).checkpoint;
      assert.equal(saved.parameters.length, model.checkpoint.parameters.length);
      assert.ok(saved.parameters.every((value, k) => value === model.checkpoint.parameters[k]));
      await page.context().close();
    });
});
