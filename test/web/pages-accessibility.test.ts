/** What a screen reader and a phone get of the pages Write, Neurons and Train. */
import { describe, test } from 'node:test';
import { skipWithoutChromium } from '../browser/page.ts';
import { sharedFolder } from '../temporary-folder.ts';
import { assertAccessible, LOOKS } from './accessibility.ts';
import { openExample, setOptions, startLongRun } from './actions.ts';
import { sharedSite } from './site.ts';

describe('accessibility of the pages', { skip: skipWithoutChromium, timeout: 900_000 }, () => {
  const site = sharedSite(sharedFolder());

  for (const look of LOOKS)
    test(`${look.colorScheme}, ${look.viewport.width} px: no violation of WCAG, and nothing is wider than the page`, async () => {
      const page = await site().open('#/write', look);
      const check = (state: string) => assertAccessible(page, state);
      await check('no model');
      await page
        .locator('input[type="file"]')
        .first()
        .setInputFiles({
          ...{ name: 'wrong.t7', mimeType: '', buffer: Buffer.from('this is not a checkpoint') },
        });
      await page.getByRole('alert').waitFor();
      await check('a model that can not be opened');
      await page.getByRole('button', { name: 'Close' }).click();
      await openExample(page);
      await check('write, nothing written');
      await page.getByLabel('length').fill('100000');
      await page.getByRole('button', { name: 'Write', exact: true }).click();
      await page.locator('.text-view').waitFor();
      await check('writing');
      await page.keyboard.press('Escape');
      await page.getByText('writing …').waitFor({ state: 'detached' });
      await page.locator('.text-view').click({ position: { x: 60, y: 20 } });
      await check('written');
      await page.getByLabel('temperature', { exact: true }).fill('hot');
      await page.getByRole('button', { name: 'Write', exact: true }).click();
      await page.getByRole('alert').waitFor();
      await check('write, a wrong setting');
      await page.getByRole('link', { name: 'Neurons' }).click();
      await page.getByRole('heading', { name: 'Units', exact: true }).waitFor();
      await check('neurons, nothing read');
      await page.getByRole('button', { name: 'Read' }).click();
      await page.getByText('units labelled').waitFor();
      await check('read');
      await page.getByRole('link', { name: 'Train', exact: true }).click();
      await page.locator('#option-preset').waitFor({ state: 'attached' });
      await check('train');
      await startLongRun(page);
      await check('training');
      await page.getByRole('button', { name: 'Stop and keep the model' }).click();
      await page.getByText('Stopped. The model').waitFor();
      await check('trained');
      await setOptions(page, { hiddenSize: -1 });
      await page.getByRole('button', { name: 'Train', exact: true }).click();
      await page.getByRole('alert').waitFor();
      await check('train, a wrong setting');
      await page.context().close();
    });
});
