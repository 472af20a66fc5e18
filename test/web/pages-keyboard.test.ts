/** Train by keyboard alone, in headless Chromium: only Tab, typing, Enter and Escape. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { skipWithoutChromium } from '../browser/page.ts';
import { sharedFolder } from '../temporary-folder.ts';
import { HARBOUR } from './actions.ts';
import { sharedSite } from './site.ts';
import { textOf } from './text.ts';

/** More elements than a page has. */
const MOST_TABS = 120;

/** Presses Tab until the element with a role and a name has the focus, which must be visible. */
async function tabTo(page: Page, role: 'button' | 'link' | 'textbox', name: string): Promise<void> {
  const wanted = page.getByRole(role, { name, exact: true });
  for (let k = 0; k < MOST_TABS; k++) {
    await page.keyboard.press('Tab');
    const found = await wanted.first().evaluate((element) => {
      if (element !== document.activeElement) return undefined;
      return getComputedStyle(element).outlineStyle;
    });
    if (found === undefined) continue;
    assert.notEqual(found, 'none', `the focus on ${name} can be seen`);
    return;
  }
  assert.fail(`Tab does not reach ${name}`);
}

describe('Train by keyboard alone', { skip: skipWithoutChromium, timeout: 900_000 }, () => {
  const site = sharedSite(sharedFolder());

  test('give a text, set an option, train, stop, and write with the model', async () => {
    const page = await site().open('#/write');
    await page.getByRole('link', { name: 'Train', exact: true }).waitFor();
    await tabTo(page, 'link', 'Train');
    await page.keyboard.press('Enter');
    await page.getByRole('textbox', { name: 'time' }).waitFor();
    await tabTo(page, 'textbox', 'text');
    await page.keyboard.insertText(HARBOUR);
    // Tab has selected what is in the field.
    await tabTo(page, 'textbox', 'time');
    await page.keyboard.type('40s');
    await tabTo(page, 'button', 'Train');
    await page.keyboard.press('Enter');
    await page.getByText(/iteration [\d,]+ of/).waitFor();
    await page.getByText(/^text: pasted-text/).waitFor();
    await page.keyboard.press('Escape');
    await page.getByText('Stopped. The model').waitFor();
    await page.getByRole('button', { name: 'Write with it' }).and(page.locator(':enabled')).waitFor();
    await tabTo(page, 'button', 'Write with it');
    await page.keyboard.press('Enter');
    await page.getByRole('textbox', { name: 'prompt' }).first().waitFor();
    await tabTo(page, 'textbox', 'prompt');
    await page.keyboard.type('the ');
    await tabTo(page, 'button', 'Write');
    await page.keyboard.press('Enter');
    await page.getByText('characters a second').waitFor();
    assert.match(await textOf(page), /^the /);
    await page.context().close();
  });
});
