/** What tests do on the pages. */
import type { Page } from 'playwright-core';
import { LanguageModel, train } from '../../src/index.ts';

export async function openExample(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Open the example model' }).click();
  await page.getByRole('button', { name: 'Open the example model' }).waitFor({ state: 'detached' });
}

/** Sets fields of the Train or the Write page; the groups are opened first. */
export async function setOptions(
  page: Page,
  options: Readonly<Record<string, string | number>>,
): Promise<void> {
  await page.locator('.controls details').first().waitFor({ state: 'attached' });
  await page.evaluate(() => {
    for (const details of document.querySelectorAll<HTMLDetailsElement>(
      '.controls details, details:has(.controls)',
    ))
      details.open = true;
  });
  for (const [name, value] of Object.entries(options)) {
    const field = page.locator(`#option-${name}`);
    const isSelect = await field.evaluate((element) => element.tagName === 'SELECT');
    if (isSelect) await field.selectOption(String(value));
    else await field.fill(String(value));
  }
}

/** Starts a run on a text, with these options. */
export async function startRun(
  page: Page,
  text: string,
  options: Readonly<Record<string, string | number>>,
): Promise<void> {
  await page.getByPlaceholder('paste a text').fill(text);
  await setOptions(page, options);
  await page.getByRole('button', { name: 'Train', exact: true }).click();
}

/** 14,400 characters. */
export const HARBOUR = 'the harbour wall stood in the rain. '.repeat(400);

/** Starts a run of a small model that would take hours, and waits until the page shows how far it is. */
export async function startLongRun(page: Page, more: Readonly<Record<string, string>> = {}): Promise<void> {
  await startRun(page, HARBOUR, { preset: '', time: '', hiddenSize: 16, maxEpochs: 1_000_000, ...more });
  await page.getByText(/iteration [\d,]+ of/).waitFor();
}

/** The iteration of the run that the page shows. */
export async function iterationOf(page: Page): Promise<number> {
  const figures = (await page.locator('.figures').textContent()) ?? '';
  return Number(/iteration ([\d,]+) of/.exec(figures)?.[1]?.replaceAll(',', ''));
}

/** In the page: whether the run has passed an iteration. */
export function hasPassed(iteration: number): boolean {
  const shown = /iteration ([\d,]+) of/.exec(document.querySelector('.figures')?.textContent ?? '')?.[1];
  return Number(shown?.replaceAll(',', '')) > iteration;
}

/** The parameters at the end of the same run in Node. */
export async function finalParameters(
  input: Parameters<typeof train>[0],
): Promise<Float32Array | Float64Array> {
  for await (const event of train({ ...input, engine: 'wasm' }))
    if (event.type === 'finished') return event.checkpoint.parameters;
  throw new Error('the run did not finish');
}

/** Writes a text with the chosen unit held and one without it, and waits until both are complete. */
export async function writeHeld(page: Page): Promise<void> {
  const button = page.getByRole('button', { name: 'Write with the unit held' });
  await button.click();
  await page.getByText('Mean length of a line').waitFor();
  await button.and(page.locator(':enabled')).waitFor();
}

/** A file that is dropped on a page. */
export interface DroppedFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Default: none, as for files that a browser does not know. */
  readonly type?: string;
}

/**
 * Drops files on the page, one after the other, before it can do anything else.
 *
 * @param button The name of a button that is pressed first.
 */
export async function dropFiles(page: Page, files: readonly DroppedFile[], button?: string): Promise<void> {
  const given = files.map(({ name, bytes, type = '' }) => ({
    ...{ name, type, base64: Buffer.from(bytes).toString('base64') },
  }));
  await page.evaluate(
    ({ files: all, pressed }) => {
      const named = [...document.querySelectorAll('button')].find(
        ({ textContent }) => textContent === pressed,
      );
      named?.click();
      for (const { name, type, base64 } of all) {
        const dataTransfer = new DataTransfer();
        const content = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
        dataTransfer.items.add(new File([content], name, { type }));
        document.querySelector('main')?.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true }));
      }
    },
    { files: given, pressed: button },
  );
}

/** The file of a model that has hardly been trained. */
export async function modelBytes(input: Parameters<typeof train>[0]): Promise<Uint8Array> {
  for await (const event of train({ hiddenSize: 8, batchSize: 4, maxIterations: 5, ...input }))
    if (event.type === 'finished') return new LanguageModel(event.checkpoint).toBytes();
  throw new Error('the run did not finish');
}
