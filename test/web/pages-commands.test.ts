/** The pages in headless Chromium: the commands that they show write the same texts, byte for byte. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { LanguageModel, train } from '../../src/index.ts';
import { skipWithoutChromium } from '../browser/page.ts';
import { root } from '../cli/command.ts';
import { sharedFolder } from '../temporary-folder.ts';
import { modelBytes, openExample, setOptions, writeHeld } from './actions.ts';
import { bytesOf, piped, sampled, splitCommand, written, writtenAfter } from './commands.ts';
import { openSite, sharedSite } from './site.ts';
import { copiedText, textOf } from './text.ts';

const example = join(root, 'models', 'moby-dick.safetensors');

describe('the commands of the pages', { skip: skipWithoutChromium, timeout: 900_000 }, () => {
  const folder = sharedFolder();
  const site = sharedSite(folder);
  /** A new folder without models, where the program uses the example. */
  const empty = () => mkdtempSync(join(folder, 'empty-'));

  test('Write gives the text of the copied command, byte for byte', async () => {
    const page = await site().open('#/write');
    await openExample(page);
    // The model does not know the whale, which the page shows as it was typed.
    const { text, words } = await written(page, 'Call me🐋 ');
    // As it is printed, in a folder without models.
    assert.equal(text.replace('🐋', ''), sampled(words, empty()));
    await page.context().close();
  });

  test('after Continue, and after another candidate was taken, the command writes the text on the page', async () => {
    const page = await site().open('#/write');
    await openExample(page);
    const first = await written(page, 'The ');
    const continued = await writtenAfter(page, () => page.getByRole('button', { name: 'Continue' }).click());
    assert.ok(continued.text.startsWith(first.text));
    assert.equal(continued.text.length, first.text.length + 120);
    await page.locator('.text-view').press('ArrowRight');
    for (let k = 0; k < 60; k++) await page.keyboard.press('ArrowRight');
    const other = page.locator('.candidates button:enabled').first();
    const taken = await writtenAfter(page, () => other.click());
    assert.equal(taken.text.slice(0, 60), continued.text.slice(0, 60));
    assert.notEqual(taken.text[60], continued.text[60]);
    for (const { text, words } of [continued, taken]) {
      assert.match(text, /\n/);
      assert.equal(text, sampled(words, empty()));
    }
    await page.context().close();
  });

  test('the command of a text that was stopped, or ended after a time, writes as much of it', async () => {
    const page = await site().open('#/write');
    await openExample(page);
    await page.getByLabel('prompt').first().fill('Call me ');
    await page.evaluate(() => {
      new MutationObserver(() => {
        if (document.querySelector('.text-view[aria-busy="true"] .text-view-text > div'))
          document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true }));
      }).observe(document.body, { childList: true, subtree: true, attributes: true });
    });
    const write = () => page.getByRole('button', { name: 'Write', exact: true }).click();
    await setOptions(page, { length: 100_000 });
    const stopped = await writtenAfter(page, write);
    assert.equal(stopped.text, sampled(stopped.words, empty()));
    await page.reload();
    await openExample(page);
    await page.getByLabel('prompt').first().fill('Call me ');
    await setOptions(page, { length: 100_000, seconds: 0.05 });
    const timed = await writtenAfter(page, write);
    assert.equal(timed.text, sampled(timed.words, empty()));
    assert.ok(!timed.words.includes('--seconds'));
    await page.context().close();
  });

  test('with an rnn, Write gives the text of its command', async () => {
    const file = join(folder, 'rnn.safetensors');
    const options = { cell: 'rnn', hiddenSize: 8, batchSize: 4, maxIterations: 5 } as const;
    for await (const event of train({ text: 'é — ü\n'.repeat(200), ...options }))
      if (event.type === 'finished') writeFileSync(file, new LanguageModel(event.checkpoint).toBytes());
    const page = await site().open('#/write');
    await page.locator('input[type="file"]').first().setInputFiles(file);
    const { text, words } = await written(page, 'é\n');
    assert.equal(text, sampled(['sample', file, ...words.slice(2)]));
    await page.context().close();
  });

  test('a page that is not isolated has one thread without shared memory, and writes the same text', async () => {
    const plain = await openSite(join(folder, 'plain'), { isolated: false });
    try {
      // Otherwise the site isolates itself.
      const page = await plain.open('#/write', { serviceWorkers: 'block' });
      await openExample(page);
      const { text, words } = await written(page, 'Call me ');
      assert.equal(await page.evaluate(() => crossOriginIsolated), false);
      assert.equal(text, sampled(words, empty()));
    } finally {
      await plain.close();
    }
  });

  test('Write computes an int8 file in int8, and gives the text of `sample --quantize int8`', async () => {
    const file = join(folder, 'int8.safetensors');
    const model = LanguageModel.fromBytes(readFileSync(example));
    writeFileSync(file, model.toBytes('safetensors', 'int8'));
    await model.close();
    const page = await site().open('#/write');
    await page.locator('input[type="file"]').first().setInputFiles(file);
    const { text, words } = await written(page, 'Call me ');
    const flags = words.slice(2);
    assert.equal(text, sampled(['sample', example, '--quantize', 'int8', ...flags]));
    assert.equal(text, sampled(['sample', file, ...flags]));
    assert.notEqual(text, sampled(['sample', file, '--quantize', 'none', ...flags]));
    await page.context().close();
  });

  test('with an int8 file, a held unit and a fitted temperature, Write gives the text of its command', async () => {
    // A name that a shell and the program could misunderstand.
    const cwd = empty();
    const name = "-it's int8.safetensors";
    const model = LanguageModel.fromBytes(readFileSync(example));
    const { temperature } = await model.fitTemperature(
      'Call me Ishmael. Some years ago, never mind how long. ',
    );
    writeFileSync(join(cwd, name), model.toBytes('safetensors', 'int8'));
    await model.close();
    const page = await site().open('#/write');
    await page.locator('input[type="file"]').first().setInputFiles(join(cwd, name));
    // Fields allow spaces around a number.
    const settings = { temperature: ` ${temperature} `, seed: '7' };
    const free = await written(page, 'The ', settings);
    const held = await written(page, 'The ', { ...settings, hold: '2.57=0.9,1.3=-0.5' });
    assert.notEqual(held.text, free.text);
    for (const { text, words } of [free, held]) assert.equal(text, sampled(words, cwd));
    assert.ok(held.words.includes(String(temperature)));
    await page.context().close();
  });

  test('backslashes mean the same in the fields and in the command', async () => {
    const page = await site().open('#/write');
    await openExample(page);
    // In a field, escapes; in the prompt, two characters, of which the model does not know the first.
    const { text, words } = await written(page, String.raw`The \n`, { stop: String.raw`\n` });
    assert.equal(text.replace('\\', ''), sampled(words, empty()));
    assert.ok(text.length < 60, 'the text ends with its first line');
    await page.context().close();
    const file = join(folder, 'backslash.safetensors');
    const latex = String.raw`\newline \begin{a} `.repeat(60);
    for await (const event of train({ text: latex, hiddenSize: 8, batchSize: 4, maxIterations: 5 }))
      if (event.type === 'finished') writeFileSync(file, new LanguageModel(event.checkpoint).toBytes());
    const other = await site().open('#/write');
    await other.locator('input[type="file"]').first().setInputFiles(file);
    const literal = await written(other, String.raw`\newline`);
    assert.equal(literal.text, sampled(['sample', file, ...literal.words.slice(2)]));
    await other.context().close();
  });

  test('the text with a unit held is that of the command below it', async () => {
    const page = await site().open('#/neurons');
    await openExample(page);
    await page.getByLabel('text to read').fill('The whale went down.\nThe boat did not.\n'.repeat(8));
    await page.getByRole('button', { name: 'Read', exact: true }).click();
    await writeHeld(page);
    const text = await page.locator('.two-texts pre').first().textContent();
    const command = await page.locator('.dial code').innerText();
    const words = splitCommand(command.replace(/^npx char-rnn /, ''));
    assert.equal(text, sampled([...words, '--echo', '0'], empty()));
    await page.context().close();
  });

  test('with a model over bytes, the first half of a character can be taken: the model and the command continue it', async () => {
    // What a shell or `printf` could change.
    const prompt = "-ü 'é' %d\\ ";
    const bytes = await modelBytes({ text: `${prompt}— —\n`.repeat(60), tokens: 'byte' });
    const cwd = empty();
    writeFileSync(join(cwd, 'bytes.safetensors'), bytes);
    const page = await site().open('#/write');
    await page.locator('input[type="file"]').first().setInputFiles(join(cwd, 'bytes.safetensors'));
    await written(page, prompt);
    const view = page.locator('.text-view');
    await view.press('Home');
    for (let k = 0; k < prompt.length; k++) await view.press('ArrowRight');
    await page.getByText(`position ${prompt.length + 1}, surprise`).waitFor();
    const half = page.locator('.candidates li:not([aria-current="true"])', { hasText: '\\xE2' });
    await writtenAfter(page, () => half.getByRole('button').click());
    for (const continues of [false, true]) {
      const next = page.getByRole('button', { name: 'Continue', exact: true });
      const { text } = continues
        ? await writtenAfter(page, () => next.click())
        : { text: await textOf(page) };
      const command = await page.locator('.command code').innerText();
      assert.match(
        command,
        /^printf '\\055ü '\\''é'\\'' %%d\\\\ \\342.* \| npx char-rnn sample .* --prime-file -$/,
      );
      assert.deepEqual(bytesOf(text), piped(command, cwd));
    }
    await page.context().close();
  });

  test('with a model over bytes, the texts below a held unit have characters, not the numbers of bytes', async () => {
    const text = 'é — ü '.repeat(200);
    const file = join(empty(), 'bytes.safetensors');
    const options = { tokens: 'byte', hiddenSize: 8, batchSize: 4, maxIterations: 5 } as const;
    for await (const event of train({ text, ...options }))
      if (event.type === 'finished') writeFileSync(file, new LanguageModel(event.checkpoint).toBytes());
    const page = await site().open('#/neurons');
    await page.locator('input[type="file"]').first().setInputFiles(file);
    await page.getByLabel('text to read').fill(text);
    await page.getByRole('button', { name: 'Read', exact: true }).click();
    await writeHeld(page);
    for (const written of await page.locator('.two-texts pre').allTextContents())
      assert.doesNotMatch(written, /\\x[0-9A-F]{2}/);
    // The text that was read has the numbers of its bytes. A copy of it is the text.
    assert.match(await textOf(page), /^\\xC3\\xA9 /);
    await page.locator('.text-view').focus();
    await page.evaluate(() =>
      getSelection()?.selectAllChildren(document.querySelector('.text-view-text') as Element),
    );
    assert.equal(await copiedText(page), text);
    await page.context().close();
  });
});
