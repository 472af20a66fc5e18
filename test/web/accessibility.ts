/** What axe and a ruler find on a page. */
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { violationsOf } from './axe.ts';

/** The looks in which every page must be accessible. */
export const LOOKS = (['light', 'dark'] as const).flatMap((colorScheme) =>
  [1280, 390].map((width) => ({ colorScheme, viewport: { width, height: 844 } })),
);

/**
 * Fails if the page violates WCAG 2.0 to 2.2, A or AA, or is wider than the screen, or if a table on a phone has to be scrolled sideways.
 *
 * @param state For the message.
 */
export async function assertAccessible(page: Page, state: string): Promise<void> {
  assert.deepEqual(await violationsOf(page), [], state);
  const tooWide = await page.evaluate(() => {
    const tables = innerWidth < 640 ? [...document.querySelectorAll('.table')] : [];
    if (tables.some(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth))
      return 'a table is too wide';
    const overflow = document.documentElement.scrollWidth - innerWidth;
    if (overflow <= 0) return '';
    const last = [...document.querySelectorAll('main *, header *')]
      .filter((element) => element.getBoundingClientRect().right > innerWidth)
      .at(-1);
    return `${overflow} px too wide: ${last?.outerHTML.slice(0, 120)}`;
  });
  assert.equal(tooWide, '', state);
}
