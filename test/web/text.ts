/** The coloured text of Write and Neurons, as it is on the screen. */
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { paletteOf, STEPS, stepOf, THEMES } from '../../web/palette.ts';
import { eventually } from './eventually.ts';

/** A symbol that is in view. */
export interface ShownSymbol {
  /** Index among the symbols of the text. */
  readonly position: number;
  readonly text: string;
  /** Where it is on the page. */
  readonly box: { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
  /** The canvas at a quarter, a half and three quarters of its width: red, green, blue and alpha. */
  readonly pixels: readonly (readonly number[])[];
}

/** The text, with its line ends, when it is complete. */
export async function textOf(page: Page): Promise<string> {
  return (await page.locator('.text-view[aria-busy="false"] .text-view-text').textContent()) ?? '';
}

/** Waits until the page shows a text, and fails if it shows another one. */
export async function assertText(page: Page, text: string): Promise<void> {
  // The text changes with the next frame.
  await eventually(async () => assert.equal(await textOf(page), text));
}

/** All symbols in view but line ends, of a text whose symbols are code points. */
export async function shownSymbols(page: Page): Promise<ShownSymbol[]> {
  await page.evaluate(
    () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))),
  );
  return page.evaluate(() => {
    const view = document.querySelector('.text-view') as HTMLElement;
    const canvas = view.querySelector('canvas') as HTMLCanvasElement;
    const [inView, onCanvas] = [view.getBoundingClientRect(), canvas.getBoundingClientRect()];
    const ratio = canvas.width / onCanvas.width;
    const { data } = (canvas.getContext('2d') as CanvasRenderingContext2D).getImageData(
      ...([0, 0, canvas.width, canvas.height] as const),
    );
    const found: ShownSymbol[] = [];
    let position = -1;
    for (const row of view.querySelectorAll('.text-view-text > div')) {
      let offset = 0;
      for (const text of row.textContent ?? '') {
        position++;
        const range = document.createRange();
        range.setStart(row.firstChild as Text, offset);
        offset += text.length;
        range.setEnd(row.firstChild as Text, offset);
        const { x, y, width, height } = range.getBoundingClientRect();
        if (text === '\n' || y < inView.top || y + height > inView.bottom) continue;
        const pixels = [0.25, 0.5, 0.75].map((share) => {
          const column = Math.floor((x + share * width - onCanvas.left) * ratio);
          const line = Math.floor((y + height / 2 - onCanvas.top) * ratio);
          const at = 4 * (line * canvas.width + column);
          return [...data.subarray(at, at + 4)];
        });
        found.push({ position, text, box: { x, y, width, height }, pixels });
      }
    }
    return found;
  });
}

/**
 * Waits until every symbol in view has the palette's colour for its value, and fails if they get others.
 *
 * @param relative The value of a symbol, by its position, in parts of the one that has the strongest colour; NaN for none.
 * @returns the symbols
 */
export async function assertColours(
  page: Page,
  relative: (position: number) => number,
  theme: 'light' | 'dark' = 'light',
): Promise<ShownSymbol[]> {
  const colours = paletteOf(THEMES[theme]);
  const isWrong = ({ position, pixels }: ShownSymbol) => {
    const value = relative(position);
    const step = Number.isNaN(value) ? (STEPS - 1) / 2 : stepOf(value);
    const expected = step === (STEPS - 1) / 2 ? [0, 0, 0, 0] : [...(colours[step] ?? []), 255];
    return pixels.some((pixel) => String(pixel) !== String(expected));
  };
  let symbols: ShownSymbol[] = [];
  await eventually(async () => {
    symbols = await shownSymbols(page);
    const wrong = symbols.filter(isWrong);
    assert.deepEqual(
      wrong.slice(0, 3).map((symbol) => ({ ...symbol, value: relative(symbol.position) })),
      [],
      `${wrong.length} of ${symbols.length} symbols have another colour`,
    );
  });
  const steps = new Set(symbols.map(({ pixels }) => String(pixels[1])));
  assert.ok(symbols.length > 100 && steps.size > 4, `${symbols.length} symbols, ${steps.size} colours`);
  return symbols;
}

/** The middle of a symbol that is in view. */
export async function pointOf(page: Page, position: number): Promise<{ x: number; y: number }> {
  const found = (await shownSymbols(page)).find((symbol) => symbol.position === position);
  assert.ok(found, `symbol ${position} is not in view`);
  const { x, y, width, height } = found.box;
  return { x: x + width / 2, y: y + height / 2 };
}

/** Selects symbols with the pointer. */
export async function dragOver(page: Page, first: number, last: number): Promise<void> {
  const symbols = await shownSymbols(page);
  const [from, to] = [first, last].map((position) => symbols.find((own) => own.position === position)?.box);
  assert.ok(from && to, 'the symbols are not in view');
  await page.mouse.move(from.x + 1, from.y + from.height / 2);
  await page.mouse.down();
  await page.mouse.move(to.x + to.width - 1, to.y + to.height / 2, { steps: 4 });
  await page.mouse.up();
}

/** What a reader gets who copies the selected text. */
export async function copiedText(page: Page): Promise<string> {
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.keyboard.press('Control+c');
  return page.evaluate(() => navigator.clipboard.readText());
}
