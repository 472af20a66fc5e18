/** What Neurons shows of a text: what was read, groups of units, stretches, places, gates and the dial. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { LanguageModel } from '../../src/index.ts';
import { sameUnits } from '../../src/inspect/same-units.ts';
import { activeUnits, similarPlaces } from '../../src/inspect/stretches.ts';
import { MersenneTwister } from '../../src/util/mersenne-twister.ts';
import { skipWithoutChromium } from '../browser/page.ts';
import { root } from '../cli/command.ts';
import { sharedFolder } from '../temporary-folder.ts';
import { openExample, writeHeld } from './actions.ts';
import { modelWithCopies } from './copied-units.ts';
import { sharedSite } from './site.ts';
import { copiedText, dragOver, textOf } from './text.ts';

const example = join(root, 'models', 'moby-dick.safetensors');
const TEXT = `${'"The whale!" said Ahab.\nThe BOAT went down, and the sea rolled on over it as it had rolled on '.repeat(12)}\n`;

describe('Neurons', { skip: skipWithoutChromium, timeout: 900_000 }, () => {
  const site = sharedSite(sharedFolder());
  let model: LanguageModel;
  before(() => {
    model = LanguageModel.fromBytes(readFileSync(example));
  });
  after(() => model?.close());

  async function openAndRead(text: string, unit = ''): Promise<Page> {
    const page = await site().open(`#/neurons${unit && `?unit=${unit}`}`);
    await openExample(page);
    await read(page, text);
    return page;
  }

  async function read(page: Page, text: string): Promise<void> {
    // Typing a long text takes Chromium seconds; a program sets it at once.
    await page.getByLabel('text to read').evaluate((field, value) => {
      (field as HTMLTextAreaElement).value = value;
      field.dispatchEvent(new Event('input', { bubbles: true }));
    }, text);
    await page.getByRole('button', { name: 'Read', exact: true }).click();
    await page.getByText('units labelled').waitFor();
    // What is computed last.
    await page.locator('.saturation').waitFor();
  }

  const output = (page: Page) => page.locator('.legend output').innerText();
  const textsOf = (page: Page, selector: string) =>
    page.locator(selector).evaluateAll((all) => all.map(({ textContent }) => textContent));

  test('it says what it did not read, and which characters it left out', async () => {
    // One UTF-16 unit and then pairs of them: the cut is between characters.
    const page = await openAndRead(`a🐋${'the sea is wide. '.repeat(1250)}`);
    const notices = () => textsOf(page, '[role="status"] > .hint');
    assert.deepEqual(await notices(), [
      'Only the first 20,000 characters of this text are read.',
      'The model does not know some characters of the text; left out "🐋" (U+1F40B)',
    ]);
    await page.getByText('19,999 characters read').waitFor();
    await read(page, TEXT);
    assert.deepEqual(await notices(), []);
    await page.context().close();
  });

  test('units that do the same are collapsed under the strongest of them, also those without a label', async () => {
    const copies = modelWithCopies();
    const labels = await copies.labelUnits(TEXT);
    const states = await copies.states(TEXT);
    const same = await sameUnits(states, labels, 'h');
    const file = { name: 'copies.safetensors', mimeType: '', buffer: Buffer.from(copies.toBytes()) };
    await copies.close();
    const names = labels.map(({ layer, unit }) => `${layer}.${unit}`);
    const groups = names.flatMap((name, index) =>
      same[index] ? [] : [[name, ...names.filter((_, k) => same[k]?.as === index)]],
    );
    const groupOf = (name: string) => groups.find((group) => group.includes(name)) ?? [];
    assert.deepEqual(groupOf('2.57').toSorted(), ['2.10', '2.11', '2.12', '2.57']);
    assert.deepEqual(groupOf('2.20').toSorted(), ['2.20', '2.21']);

    const page = await site().open('#/neurons');
    await page.locator('input[type="file"]').first().setInputFiles(file);
    await read(page, TEXT);
    const shown = () =>
      page
        .locator('.units > div')
        .evaluateAll((rows) =>
          rows.map((row) =>
            [...row.querySelectorAll('button .figure:first-child')].map((own) => own.textContent),
          ),
        );
    const labelled = new Set(names.filter((_, k) => labels[k]?.label !== undefined));
    const only = groups.map((group) => group.filter((name) => labelled.has(name)));
    assert.deepEqual(
      await shown(),
      only.filter(({ length }) => length > 0),
    );
    await page.getByLabel('labelled only').uncheck();
    assert.deepEqual(await shown(), groups.slice(0, 200));

    const [first = '', ...others] = groupOf('2.57');
    const group = page.locator('.units > div', { hasText: `3 more like ${first}` });
    assert.match(await group.locator('button').first().innerText(), new RegExp(`^${first}\\b`));
    const opposite = group.locator('[role="group"] button', { hasText: 'opposite' });
    const chosen = first === '2.12' ? (others[0] as string) : '2.12';
    assert.equal(await opposite.count(), first === '2.12' ? 3 : 1);
    const row = group.locator('[role="group"]').getByText(chosen, { exact: true });
    assert.equal(await row.isVisible(), false);
    const more = group.getByRole('treeitem', { name: 'more like' });
    await more.press('ArrowRight');
    assert.equal(await more.getAttribute('aria-expanded'), 'true');
    await page.keyboard.press('ArrowRight');
    const level = () => page.evaluate(() => document.activeElement?.ariaLevel);
    assert.equal(await level(), '2');
    await page.keyboard.press('ArrowLeft');
    assert.equal(await level(), '1');
    await page.keyboard.press('ArrowLeft');
    assert.equal(await more.getAttribute('aria-expanded'), 'false');
    // What is folded can't be reached, and one item is the stop of Tab.
    await page.keyboard.press('ArrowDown');
    assert.equal(await level(), '1');
    assert.equal(await page.locator('.units [tabindex="0"]').count(), 1);
    // Nor when the list is folded again behind the reader's back.
    await more.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    assert.equal(await level(), '2');
    await page.getByLabel('find a unit').fill('no such unit');
    await page.locator('.units').waitFor({ state: 'detached' });
    await page.getByLabel('find a unit').fill('');
    await more.and(page.locator('[tabindex="0"]')).waitFor();
    assert.equal(await page.locator('.units [tabindex="0"]').count(), 1);
    await more.click();
    await row.click();
    await page.getByRole('heading', { name: new RegExp(`^Unit ${chosen}\\b`) }).waitFor();
    // Two units stay collapsed until one of them is searched for.
    const pair = groupOf('2.20')[1] as string;
    const folded = page.locator('.units [role="group"][hidden] button', { hasText: pair });
    assert.equal(await folded.count(), 1);
    await page.getByLabel('find a unit').fill(pair);
    await page.locator('.units [role="group"]:not([hidden]) button', { hasText: pair }).waitFor();
    await page.context().close();
  });

  test('a stretch that is selected with the pointer shows its units, and where else they are active', async () => {
    const page = await openAndRead(TEXT);
    const from = TEXT.indexOf('BOAT');
    await page.locator('.text-view').scrollIntoViewIfNeeded();
    await dragOver(page, from, from + 3);
    await page.getByRole('heading', { name: 'Active in the selected stretch' }).waitFor();
    assert.equal(await copiedText(page), 'BOAT');
    const states = await model.states(TEXT);
    const stretch = { from, to: from + 4 };
    const units = activeUnits(states, stretch);
    const places = similarPlaces(states, stretch, units);
    assert.deepEqual(
      (await textsOf(page, '.chips button')).map((text) => text?.split(' ')[0]),
      units.map(({ layer, unit }) => `${layer}.${unit}`),
    );
    assert.ok(places.length > 5);
    assert.deepEqual(
      await textsOf(page, '.stretch .places mark'),
      places.map((place) => TEXT.slice(place.from, place.to)),
    );
    await page.locator('.stretch .places button').nth(2).click();
    assert.match(await output(page), new RegExp(`, position ${(places[2]?.from ?? 0) + 1}, `));
    await page.context().close();
  });

  test('the strongest places, and how often the gates are nearly closed and nearly open', async () => {
    // No two places are alike.
    const random = new MersenneTwister(2);
    const words = TEXT.split(/(?<=[ \n])/).slice(0, 40);
    const text = Array.from(
      { length: 250 },
      () => words[Math.floor(random.nextUniform() * words.length)],
    ).join('');
    const page = await openAndRead(text, '2.57');
    const states = await model.states(text, { parts: ['h', 'z', 'r'] });
    const values = states.column(2, 57);
    const order = [...values.keys()].sort((a, b) => (values[b] as number) - (values[a] as number) || a - b);
    const strongest: number[] = [];
    for (const at of order)
      if (strongest.length < 10 && strongest.every((other) => Math.abs(other - at) >= 20)) strongest.push(at);
    const places = page.locator('.unit-charts .places button');
    assert.deepEqual(
      await textsOf(page, '.unit-charts .places button'),
      // The characters stand below each other: a place near the beginning is indented, and a line end is a symbol.
      strongest.map(
        (at) =>
          ' '.repeat(Math.max(0, 20 - at)) + text.slice(Math.max(0, at - 20), at + 13).replaceAll('\n', '↵'),
      ),
    );
    await places.nth(3).click();
    assert.match(
      await output(page),
      new RegExp(`, position ${(strongest[3] ?? 0) + 1}, unit ${values[strongest[3] ?? 0]?.toFixed(3)}`),
    );
    const share = (gate: Float32Array, is: (value: number) => boolean) =>
      gate.filter(is).length / gate.length;
    const percent = (part: number) => `${Math.round(100 * part)} %`;
    for (const [index, part] of (['z', 'r'] as const).entries()) {
      const picture = page.locator('.saturation svg').nth(index);
      const gate = states.column(2, 57, part);
      const [closed, open] = [share(gate, (own) => own < 0.1), share(gate, (own) => own > 0.9)];
      assert.equal(
        await picture.getAttribute('aria-label'),
        `gate ${part}: nearly closed ${percent(closed)} of the time, nearly open ${percent(open)}`,
      );
      const points = await picture
        .locator('circle')
        .evaluateAll((all) => all.map((own) => [own.getAttribute('cx'), own.getAttribute('cy')].map(Number)));
      assert.equal(points.length, 128);
      for (const [k, [x = 0, y = 0]] of points.entries()) {
        const own = states.column(2, k + 1, part);
        assert.ok(Math.abs(x - 100 * share(own, (value) => value < 0.1)) < 0.01, `unit ${k + 1}`);
        assert.ok(Math.abs(100 - y - 100 * share(own, (value) => value > 0.9)) < 0.01, `unit ${k + 1}`);
      }
    }
    await page.context().close();
  });

  test('the dial: the lengths of lines are those of the two texts', async () => {
    const page = await openAndRead(TEXT, '2.57');
    assert.equal(await textOf(page), TEXT);
    await page.locator('.dial').getByRole('button', { name: 'high' }).click();
    await writeHeld(page);
    const lengths = (await textsOf(page, '.two-texts pre')).map((text) => {
      const lines = (text ?? '').split('\n').slice(0, -1);
      return (lines.join('').length / lines.length).toFixed(1);
    });
    assert.deepEqual(await textsOf(page, '.effect b'), lengths);
    assert.ok(Number(lengths[0]) < Number(lengths[1]) / 2, `${lengths}`);
    await page.context().close();
  });
});
