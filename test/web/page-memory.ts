/** The memory of a page. */
import type { Page } from 'playwright-core';

/** What a browser needs to measure memory at once. */
export const MEASURES_MEMORY = '--enable-blink-features=ForceEagerMeasureMemory';

/** All memory of a page in MiB: its document, its scripts, and its worker. */
export function megabytesOf(page: Page): Promise<number> {
  return page.evaluate(async () => {
    // @ts-expect-error: of https://wicg.github.io/performance-measure-memory/, which TypeScript does not know
    const { bytes } = await performance.measureUserAgentSpecificMemory();
    return bytes / 2 ** 20;
  });
}
