/** Walks through the pages with Tab, like a reader without a pointer. */
import assert from 'node:assert/strict';
import type { Locator, Page } from 'playwright-core';

/** Tab stops of a page at most. */
const MOST_STOPS = 120;

/** Presses Tab until the focus is on an element whose name matches. */
export async function tabTo(page: Page, name: string | RegExp, key = 'Tab'): Promise<void> {
  const passed: string[] = [];
  for (let k = 0; k < MOST_STOPS; k++) {
    await page.keyboard.press(key);
    const own = await focusedName(page);
    if (typeof name === 'string' ? own === name : name.test(own)) {
      assert.notEqual(
        await page.evaluate(() => getComputedStyle(document.activeElement as Element).outlineStyle),
        'none',
        `the focus on ${name} can be seen`,
      );
      return;
    }
    passed.push(own.slice(0, 30));
  }
  assert.fail(`Tab never came to ${name}, but to: ${passed.join(' | ')}`);
}

/** Presses Tab until the focus is on this element. */
export async function tabToElement(page: Page, wanted: Locator): Promise<void> {
  await wanted.waitFor();
  for (let k = 0; k < MOST_STOPS; k++) {
    await page.keyboard.press('Tab');
    const outline = await wanted.evaluate((element) =>
      element === document.activeElement ? getComputedStyle(element).outlineStyle : undefined,
    );
    if (outline === undefined) continue;
    assert.notEqual(outline, 'none', `the focus on ${wanted} can be seen`);
    return;
  }
  assert.fail(`Tab never came to ${wanted}`);
}

/** The name of the element that has the focus. */
export function focusedName(page: Page): Promise<string> {
  return page.evaluate(() => {
    const focused = document.activeElement as HTMLInputElement;
    const label = focused.getAttribute('aria-label') ?? focused.labels?.[0]?.innerText ?? focused.innerText;
    return label.replace(/\s+/g, ' ').trim();
  });
}

/** Presses a key several times. */
export async function press(page: Page, key: string, times: number): Promise<void> {
  for (let k = 0; k < times; k++) await page.keyboard.press(key);
}
