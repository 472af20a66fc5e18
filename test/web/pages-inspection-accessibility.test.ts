/** What a screen reader and a phone get of Neurons in all its states, of the menu of the model and of the list of keys. */
import { describe, test } from 'node:test';
import { skipWithoutChromium } from '../browser/page.ts';
import { sharedFolder } from '../temporary-folder.ts';
import { assertAccessible, LOOKS } from './accessibility.ts';
import { modelWithCopies } from './copied-units.ts';
import { holdRequests } from './page-worker.ts';
import { sharedSite } from './site.ts';

const TEXT = '"The whale!" said Ahab.\nThe BOAT went down, and the sea rolled on over it. '.repeat(20);

describe('accessibility of Neurons', { skip: skipWithoutChromium, timeout: 900_000 }, () => {
  const site = sharedSite(sharedFolder());
  const copies = {
    name: 'copies.safetensors',
    mimeType: '',
    buffer: Buffer.from(modelWithCopies().toBytes()),
  };

  for (const look of LOOKS)
    test(`${look.colorScheme}, ${look.viewport.width} px: no violation of WCAG, and nothing is wider than the page`, async () => {
      const page = await site().open('#/neurons', look);
      const check = (state: string) => assertAccessible(page, state);
      await page.getByRole('heading', { name: 'Open a model' }).waitFor();
      await check('no model');
      await page.locator('summary').first().click();
      await check('the menu without a model');
      await page.locator('summary').first().click();
      await page.keyboard.press('?');
      await page.getByRole('region', { name: 'keys' }).waitFor();
      await check('keys');
      await page.keyboard.press('?');
      await page.locator('input[type="file"]').first().setInputFiles(copies);
      await page.getByLabel('text to read').waitFor();
      await page.locator('summary').first().click();
      await page.getByText(/parameters$/).waitFor();
      await check('the menu of a model');
      await page.locator('summary').first().click();

      const text = page.getByLabel('text to read');
      const read = page.getByRole('button', { name: 'Read', exact: true });
      await text.fill('🐋');
      await read.click();
      await page.getByRole('alert').waitFor();
      await check('an error');
      await text.fill(`🐋${TEXT.repeat(14)}`);
      const held = await holdRequests(page);
      await read.click();
      await page.locator('progress').waitFor();
      await check('reading');
      await held.release();
      await page.getByText('units labelled').waitFor();
      await page.getByText('Only the first 20,000').waitFor();
      await check('notices');

      await text.fill(TEXT);
      await read.click();
      await page.getByText('1,500 characters read').waitFor();
      await page.getByLabel('labelled only').uncheck();
      await page.getByRole('treeitem', { name: 'more like' }).first().click();
      await check('a group of units');
      await page.locator('.text-view').press('ArrowRight');
      // The first symbols are unlike all others.
      for (let k = 0; k < 2; k++) await page.keyboard.press('ArrowDown');
      for (let k = 0; k < 12; k++) await page.keyboard.press('Shift+ArrowRight');
      await page.getByRole('heading', { name: 'Active in the selected stretch' }).waitFor();
      await check('a stretch');
      await page.locator('.stretch .places button').first().click();
      await page.getByLabel('influence').check();
      await check('influence');
      await page.getByRole('button', { name: 'Write with the unit held' }).click();
      await page.getByText('Mean length of a line').waitFor();
      await check('the dial');
      await page.context().close();
    });
});
