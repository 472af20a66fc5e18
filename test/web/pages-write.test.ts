/** Write by pointer, and what it says to a screen reader. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { optionFacts } from '../../src/option-facts.ts';
import { optionWords } from '../../web/words.ts';
import { skipWithoutChromium } from '../browser/page.ts';
import { sharedFolder } from '../temporary-folder.ts';
import { openExample } from './actions.ts';
import { written, writtenAfter } from './commands.ts';
import { sharedSite } from './site.ts';
import { assertText, copiedText, dragOver, pointOf } from './text.ts';

/** The prompt, the option that says it for the command line only, and one that the page does not need. */
const ELSEWHERE = ['prompt', 'unknown', 'draws'];

describe('Write', { skip: skipWithoutChromium, timeout: 900_000 }, () => {
  const site = sharedSite(sharedFolder());

  async function openWrite(options?: BrowserContextOptions): Promise<Page> {
    const page = await site().open('#/write', options);
    await openExample(page);
    return page;
  }

  /** What a screen reader says about the chosen character. */
  const said = (page: Page) => page.locator('output').textContent();

  test('a click on a character shows its candidates, a click on one takes it; undo and redo', async () => {
    const page = await openWrite();
    const { text: first } = await written(page, 'The ');
    const at = 30;
    const { x, y } = await pointOf(page, at);
    await page.mouse.click(x, y);
    const own = first[at] as string;
    const current = page.locator('.candidates li[aria-current="true"] .symbol');
    assert.equal((await current.innerText()).replace('␣', ' '), own);
    const other = page.locator('.candidates li:not([aria-current="true"]) button').nth(1);
    const taken = (await other.locator('.symbol').innerText()).replace('␣', ' ').replace('↵', '\n');
    const { text: second } = await writtenAfter(page, () => other.click());
    assert.equal(second.slice(0, at + 1), first.slice(0, at) + taken);
    const step = async (name: 'Undo' | 'Redo', text: string) => {
      await page.getByRole('button', { name }).click();
      await assertText(page, text);
    };
    await step('Undo', first);
    await step('Redo', second);
    await step('Undo', first);
    await page.locator('.text-view').focus();
    await page.keyboard.press('Control+Shift+z');
    await assertText(page, second);
    assert.equal(await page.getByRole('button', { name: 'Redo' }).isDisabled(), true);
    await page.context().close();
  });

  test('for screen readers: the chosen character, its surprise and its candidates; a text is busy while it is written', async () => {
    const page = await openWrite();
    await written(page, 'The ');
    const view = page.locator('.text-view');
    assert.equal(await view.getAttribute('aria-busy'), 'false');
    assert.equal(await said(page), '');
    const role = await page
      .locator('output')
      .evaluate((output) => output.closest('[aria-live]') ?? output.tagName);
    assert.equal(role, 'OUTPUT', 'a live region by itself, in none that is off');
    await view.press('ArrowRight');
    assert.equal(await said(page), '“T”, position 1, in the prompt');
    for (let k = 0; k < 4; k++) await page.keyboard.press('ArrowRight');
    const [symbol = '', percent = ''] = await page
      .locator('.candidates li')
      .first()
      .evaluate((row) => ['.symbol', '.figure'].map((part) => row.querySelector(part)?.textContent ?? ''));
    const bits = /Surprise (\d\.\d\d bits)/.exec(await page.locator('.candidates + .hint').innerText())?.[1];
    const heard = (await said(page)) ?? '';
    assert.match(
      heard,
      new RegExp(`^“.”, position 5, surprise ${bits}\\. Candidates: 1 “${symbol}” ${percent}, 2 `),
    );
    assert.match(heard, /, 8 \S+ \d+\.\d %/);
    await page.getByLabel('length').fill('1000000');
    await page.getByRole('button', { name: 'Write', exact: true }).click();
    await page.locator('.text-view[aria-busy="true"]').waitFor();
    await page.keyboard.press('Escape');
    await page.locator('.text-view[aria-busy="false"]').waitFor();
    await page.context().close();
  });

  test('the text appears while it is written', async () => {
    const page = await openWrite();
    await page.getByLabel('length').fill('1000000');
    await page.getByRole('button', { name: 'Write', exact: true }).click();
    const lengths = await page.evaluate(async () => {
      const view = document.querySelector('.text-view') as HTMLElement;
      const seen: number[] = [];
      const end = performance.now() + 20_000;
      while (seen.length < 4 && performance.now() < end) {
        await new Promise(requestAnimationFrame);
        const height = view.scrollHeight;
        if (height > (seen.at(-1) ?? view.clientHeight))
          seen.push(view.ariaBusy === 'true' ? height : Number.NaN);
      }
      return seen;
    });
    assert.equal(lengths.length, 4);
    assert.ok(lengths.every(Number.isFinite), `${lengths}`);
    await page.keyboard.press('Escape');
    await page.getByText('writing …').waitFor({ state: 'detached' });
    await page.context().close();
  });

  test('copied text has the line ends of the text, and none where the page broke a line', async () => {
    const page = await openWrite({ viewport: { width: 390, height: 844 } });
    const { text } = await written(page, 'The ');
    const first = text.search(/\S/);
    const last = text.trimEnd().length - 1;
    // The first frame has not measured how wide the page is.
    await page.waitForFunction(
      (lines) => document.querySelectorAll('.text-view-text > div').length > lines,
      text.split('\n').length,
    );
    await page.locator('.text-view').scrollIntoViewIfNeeded();
    await dragOver(page, first, last);
    assert.equal(await copiedText(page), text.slice(first, last + 1));
    await page.context().close();
  });

  test('on a phone, the candidates stand directly below the text', async () => {
    const page = await openWrite({ viewport: { width: 390, height: 844 } });
    await written(page, 'The ');
    await page.locator('.text-view').press('Home');
    for (let k = 0; k < 6; k++) await page.keyboard.press('ArrowRight');
    const top = async (selector: string) => (await page.locator(selector).boundingBox())?.y ?? Number.NaN;
    await page.locator('.candidates').waitFor();
    assert.ok((await top('.text-view')) < (await top('.candidates')));
    assert.ok((await top('.candidates')) < (await top('.command')));
    await page.context().close();
  });

  test('the fields are the options of generate: names, help, kinds, choices, defaults and groups', async () => {
    const page = await openWrite();
    await page.locator('#option-temperature').waitFor();
    const facts = optionFacts('sampling').filter(({ name }) => !ELSEWHERE.includes(name));
    const fields = await page.locator('.controls .field').evaluateAll((all) =>
      all.map((field) => {
        const control = field.querySelector('input, select') as HTMLInputElement | HTMLSelectElement;
        const choices = control instanceof HTMLSelectElement ? [...control.options] : [];
        return {
          name: control.id.replace('option-', ''),
          words: field.querySelector('label')?.textContent,
          kind: control.type,
          choices: choices.map(({ text }) => text).sort(),
          placeholder: control.getAttribute('placeholder'),
          group: field.closest('details')?.querySelector('summary')?.firstChild?.textContent,
          hasHelp:
            (document.getElementById(control.getAttribute('aria-describedby') ?? '')?.textContent ?? '') !==
            '',
        };
      }),
    );
    const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
    const kinds: Record<string, string> = { boolean: 'checkbox', choice: 'select-one' };
    assert.deepEqual(
      fields.sort(byName),
      facts
        .map(({ name, kind, choices, defaultValue, common, group }) => {
          const shown = defaultValue === undefined ? '' : String(defaultValue);
          return {
            ...{ name, words: optionWords(name), kind: kinds[kind] ?? 'text' },
            choices: kind === 'choice' ? [...new Set([shown || '–', ...choices])].sort() : [],
            placeholder: kinds[kind] ? null : shown,
            group: common ? undefined : group,
            hasHelp: true,
          };
        })
        .sort(byName),
    );
    await page.context().close();
  });
});
