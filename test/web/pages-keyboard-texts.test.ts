/** Write and Neurons by keyboard alone: Tab, Enter, Space and arrow keys from the empty page on. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { skipWithoutChromium } from '../browser/page.ts';
import { sharedFolder } from '../temporary-folder.ts';
import { writtenAfter } from './commands.ts';
import { focusedName, press, tabTo } from './keyboard.ts';
import { sharedSite } from './site.ts';
import { assertText } from './text.ts';

describe('by keyboard alone', { skip: skipWithoutChromium, timeout: 900_000 }, () => {
  const site = sharedSite(sharedFolder());

  test('Write: open the example, write, move to a character, take another candidate, undo', async () => {
    const page = await site().open('#/write');
    await page.getByRole('button', { name: 'Open the example model' }).waitFor();
    await tabTo(page, 'Open the example model');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Write', exact: true }).waitFor();
    await tabTo(page, 'prompt');
    await page.keyboard.type('The whale ');
    await tabTo(page, 'Write');
    const { text: first } = await writtenAfter(page, () => page.keyboard.press('Enter'));
    await tabTo(page, /^The text, coloured by surprise/);
    await press(page, 'ArrowRight', 16);
    await page.getByRole('heading', { name: 'Instead of' }).waitFor();
    assert.match((await page.locator('output').textContent()) ?? '', /, position 16, surprise /);
    const current = await page.locator('.candidates li[aria-current="true"] kbd').innerText();
    // The current candidate is disabled.
    await tabTo(page, current === '1' ? /^2 . \d/ : /^1 . \d/);
    const { text: second } = await writtenAfter(page, () => page.keyboard.press('Space'));
    assert.equal(second.slice(0, 15), first.slice(0, 15));
    assert.notEqual(second[15], first[15]);
    // The focus is in the text again, where it was.
    await page.keyboard.press('ArrowRight');
    await page.getByText(/, position 17, surprise /).waitFor();
    await tabTo(page, 'Undo', 'Shift+Tab');
    await page.keyboard.press('Enter');
    await assertText(page, first);
    await page.context().close();
  });

  test('Neurons: read, choose a unit, move along the text, colour by surprise, hold the unit', async () => {
    const page = await site().open('#/neurons');
    await page.getByRole('button', { name: 'Open the example model' }).waitFor();
    await tabTo(page, 'Open the example model');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Read', exact: true }).waitFor();
    await tabTo(page, 'Read');
    await page.keyboard.press('Enter');
    await page.getByText('units labelled').waitFor();
    await page.getByRole('heading', { name: /^Unit \d/ }).waitFor();
    await tabTo(page, 'labelled only');
    await page.keyboard.press('Tab');
    const unit = (await focusedName(page)).split(' ')[0] as string;
    assert.match(unit, /^[12]\.\d+$/);
    // One stop of Tab: the next one is in the panel of the unit.
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement?.closest('.units')), null);
    await page.keyboard.press('Shift+Tab');
    assert.match(await focusedName(page), new RegExp(`^${unit} `));
    await page.keyboard.press('End');
    await tabTo(page, /^2\.\d+ inside quotes/, 'ArrowUp');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: /^Unit 2\.\d+: inside quotes/ }).waitFor();
    const own = await focusedName(page);
    await page.keyboard.press('End');
    assert.notEqual(await focusedName(page), own);
    await page.keyboard.press('Home');
    assert.equal(
      await page.evaluate(() => document.activeElement === document.querySelector('.units button')),
      true,
    );
    await tabTo(page, 'the unit');
    await page.keyboard.press('ArrowRight');
    await tabTo(page, /^The text that was read/);
    await press(page, 'ArrowRight', 9);
    await page.getByText(/, position 9, unit −?\d\.\d{3}, surprise \d+\.\d\d bits$/).waitFor();
    await tabTo(page, 'Write with the unit held');
    await page.keyboard.press('Space');
    await page.getByText('Mean length of a line').waitFor();
    await page.context().close();
  });
});
