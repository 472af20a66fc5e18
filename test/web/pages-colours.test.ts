/** The colours behind the texts of Write and Neurons, pixel by pixel. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { LanguageModel, type SymbolDetails, train } from '../../src/index.ts';
import { skipWithoutChromium } from '../browser/page.ts';
import { root } from '../cli/command.ts';
import { sharedFolder } from '../temporary-folder.ts';
import { openExample } from './actions.ts';
import { written } from './commands.ts';
import { sharedSite } from './site.ts';
import { assertColours, textOf } from './text.ts';

const example = join(root, 'models', 'moby-dick.safetensors');
const TEXT = `${'“The whale!” said Ahab.\nThe BOAT went down, and the sea rolled on over it as it had rolled on '.repeat(12)}\n`;

/** How far values are from a centre, in parts of the largest common distance. */
function centred(values: Float32Array, centre: 'mean' | 'zero'): (position: number) => number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))] as number;
  const middle = centre === 'zero' ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
  const scale = Math.max(at(0.99) - middle, middle - at(0.01));
  return (position) => ((values[position] as number) - middle) / scale;
}

describe('the colours of texts', { skip: skipWithoutChromium, timeout: 900_000 }, () => {
  const folder = sharedFolder();
  const site = sharedSite(folder);
  let model: LanguageModel;
  before(() => {
    model = LanguageModel.fromBytes(readFileSync(example));
  });
  after(() => model?.close());

  async function read(page: Page, text: string): Promise<void> {
    await page.getByLabel('text to read').fill(text);
    await page.getByRole('button', { name: 'Read', exact: true }).click();
    await page.getByText('units labelled').waitFor();
    await page.getByRole('heading', { name: /^Unit \d/ }).waitFor();
    // With a frame of the values of the unit.
    await page.locator('.places').first().waitFor();
  }

  for (const colorScheme of ['light', 'dark'] as const)
    test(`Write, ${colorScheme}: each character has the colour of its surprise, and the prompt has none`, async () => {
      const prompt = 'The whale ';
      const page = await site().open('#/write', { colorScheme });
      await openExample(page);
      const { text } = await written(page, prompt, { temperature: '1.2', seed: '3' });
      const details: SymbolDetails[] = [];
      const options = { length: 120, temperature: 1.2, seed: 3, alternatives: 1 };
      for await (const piece of model.generatePieces({ prompt, ...options })) details.push(...piece.details);
      assert.equal(text, prompt + details.map(({ text: own }) => own).join(''));
      // 6 nats have the strongest colour.
      const surprise = (position: number) =>
        -(details[position - prompt.length]?.logProbability ?? Number.NaN) / 6;
      await assertColours(page, surprise, colorScheme);
      await page.context().close();
    });

  test('Neurons: the colours are those of the unit, of the surprise, or of the influence on a character', async () => {
    const page = await site().open('#/neurons?unit=2.57');
    await openExample(page);
    await read(page, TEXT);
    const shown = await textOf(page);
    const states = await model.states(shown, { parts: ['h', 'z'] });
    assert.equal(states.symbols.join(''), shown);
    await assertColours(page, centred(states.column(2, 57), 'mean'));
    await page.getByLabel('centre the colours on its mean').uncheck();
    await assertColours(page, centred(states.column(2, 57), 'zero'));
    await page.getByLabel('part').selectOption('z');
    await page.waitForURL(/part=z/);
    await assertColours(page, centred(states.column(2, 57, 'z'), 'zero'));

    const { losses } = await model.score(shown);
    await page.getByLabel('surprise').check();
    await assertColours(page, (position) => (losses[position] as number) / 6);

    await page.locator('.text-view').press('End');
    for (let k = 0; k < 4; k++) await page.keyboard.press('ArrowDown');
    const output = await page.locator('.legend output').innerText();
    const position = Number(/position (\d+)/.exec(output)?.[1]) - 1;
    assert.ok(position > 200);
    await page.getByLabel('influence').check();
    const { from, values } = await model.saliency(shown, position, { method: 'occlusion' });
    const most = Math.max(...Array.from(values, Math.abs));
    await assertColours(page, (own) => (values[own - from] ?? Number.NaN) / most);
    await page.context().close();
  });

  test('with two device pixels per CSS pixel and characters of different widths, each colour is behind its character', async () => {
    // Characters of other fonts than the text's own, which most machines have, a tab, and pairs of UTF-16 units.
    const text = '鯨は海に\t沈んだ。The Ǆ ꙮ went 𝔸 down — 🐋! '.repeat(24);
    const file = join(folder, 'wide.safetensors');
    for await (const event of train({ text, hiddenSize: 8, batchSize: 4, maxIterations: 5 }))
      if (event.type === 'finished') writeFileSync(file, new LanguageModel(event.checkpoint).toBytes());
    const page = await site().open('#/neurons?unit=2.3', { deviceScaleFactor: 2 });
    await page.locator('input[type="file"]').first().setInputFiles(file);
    await read(page, text);
    assert.equal(await textOf(page), text);
    const wide = LanguageModel.fromBytes(readFileSync(file));
    const values = (await wide.states(text)).column(2, 3);
    await wide.close();
    const symbols = await assertColours(page, centred(values, 'mean'));
    const widths = new Set(symbols.map(({ box }) => Math.round(box.width)));
    assert.ok(widths.size > 2, `widths of characters: ${[...widths].join(', ')}`);
    const pixels = await page.evaluate(() => {
      const canvas = document.querySelector('.text-view canvas') as HTMLCanvasElement;
      return canvas.width / canvas.getBoundingClientRect().width;
    });
    assert.ok(Math.abs(pixels - 2) < 0.01, `${pixels} pixels of the canvas for one of the page`);
    await page.context().close();
  });
});
