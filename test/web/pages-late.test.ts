/** What comes late or in between, in headless Chromium: another model, a new version of the site, the page's own reload. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { buildPages } from '../../scripts/build-pages.mjs';
import { skipWithoutChromium } from '../browser/page.ts';
import { root } from '../cli/command.ts';
import { sharedFolder } from '../temporary-folder.ts';
import { dropFiles, openExample } from './actions.ts';
import { holdRequests } from './page-worker.ts';
import { openBrowser, openSite, sharedSite } from './site.ts';
import { assertText, textOf } from './text.ts';

const example = join(root, 'models', 'moby-dick.safetensors');

describe('late and in between', { skip: skipWithoutChromium, timeout: 900_000 }, () => {
  const folder = sharedFolder();
  const site = sharedSite(folder);

  test('a model that is opened while a text is written ends the writing, and the text stays', async () => {
    const page = await site().open('#/write');
    await openExample(page);
    await page.getByLabel('prompt').first().fill('Call me Ishmael');
    // Few enough for all lines to be in the document, however late the other model comes.
    await page.getByLabel('length').fill('20000');
    const other = { name: 'other.safetensors', bytes: readFileSync(example) };
    await dropFiles(page, [other], 'Write');
    await page.locator('summary', { hasText: /^other\.safetensors$/ }).waitFor();
    await page.getByText('writing …').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Write', exact: true }).waitFor();
    assert.deepEqual(await page.getByRole('alert').allTextContents(), []);
    const before = await textOf(page);
    assert.match(before, /^Call me Ishmael/);
    await page.getByLabel('length').fill('50');
    await page.getByRole('button', { name: 'Continue', exact: true }).click();
    await page.getByText('characters a second').waitFor();
    const after = await textOf(page);
    assert.ok(after.startsWith(before));
    assert.equal(after.length, before.length + 50);
    await page.context().close();
  });

  test('settings that the model refuses change nothing: the branch that is shown and all texts stay', async () => {
    const page = await site().open('#/write');
    await openExample(page);
    const write = page.getByRole('button', { name: 'Write', exact: true });
    await page.getByLabel('length').fill('20');
    const shownText = page.locator('.text-view-text');
    for (const prompt of ['First', 'Second']) {
      await page.getByLabel('prompt').first().fill(prompt);
      await write.click();
      await shownText.getByText(prompt).waitFor();
      await page.getByRole('button', { name: 'Stop' }).waitFor({ state: 'detached' });
    }
    const branches = page.getByLabel('branch');
    await branches.selectOption('0');
    await shownText.getByText('First').waitFor();
    const text = await textOf(page);
    const refused = async (temperature: string) => {
      await page.getByLabel('temperature', { exact: true }).fill(temperature);
      await write.click();
      await page.getByRole('alert').getByText(temperature).waitFor();
    };
    for (const temperature of ['hot', '-1']) {
      await refused(temperature);
      assert.equal(await branches.inputValue(), '0', temperature);
      await assertText(page, text);
    }
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.locator('.text-view-text').getByText('Second').waitFor();
    // With another model, the texts are prompts: nothing is written after them.
    await page.locator('input[type="file"]').first().setInputFiles(example);
    await page.locator('.command').waitFor({ state: 'detached' });
    await refused('hot');
    assert.deepEqual([await branches.locator('option').count(), await branches.inputValue()], [2, '1']);
    await page.context().close();
  });

  test('Neurons shows the same unit again after another page, also if it was left while it read', async () => {
    const page = await site().open('#/neurons');
    await openExample(page);
    const go = (name: string) => page.getByRole('navigation').getByRole('link', { name }).click();
    await page.getByLabel('text to read').fill('The whale went down.\nThe boat did not.\n'.repeat(40));
    const held = await holdRequests(page);
    await page.getByRole('button', { name: 'Read', exact: true }).click();
    await go('Write');
    await page.getByRole('heading', { name: 'Write', exact: true }).waitFor();
    await held.release();
    // Once it has the text, the page asks for the gates.
    await held.asked('gates');
    assert.match(page.url(), /#\/write$/);
    await go('Neurons');
    await page.getByRole('heading', { name: /^Unit \d/ }).waitFor();
    await page.locator('.units > div > button').last().click();
    await page.getByLabel('part').selectOption('z');
    const unit = await page.getByRole('heading', { name: /^Unit \d/ }).innerText();
    const address = page.url();
    await go('Write');
    await page.getByRole('heading', { name: 'Write', exact: true }).waitFor();
    await go('Neurons');
    await page.getByRole('heading', { name: unit, exact: true }).waitFor();
    assert.equal(page.url(), address);
    await page.context().close();
  });

  test('a setting that changes just after the reader chose another page does not bring the first page back', async () => {
    const page = await site().open('#/neurons');
    await openExample(page);
    await page.getByLabel('text to read').fill('The whale went down.\nThe boat did not.\n'.repeat(40));
    await page.getByRole('button', { name: 'Read', exact: true }).click();
    await page.locator('.units > div > button').nth(1).waitFor();
    await page.evaluate(() => {
      document.querySelector<HTMLElement>('nav a[href="#/write"]')?.click();
      document.querySelectorAll<HTMLElement>('.units > div > button')[1]?.click();
    });
    await page.getByRole('heading', { name: 'Write' }).waitFor();
    assert.match(page.url(), /#\/write$/);
    await page.context().close();
  });

  test('the dial shows the value that the text was written with, not the one that is set next', async () => {
    const page = await site().open('#/neurons');
    await openExample(page);
    await page.getByLabel('text to read').fill('The whale went down.\nThe boat did not.\n'.repeat(8));
    await page.getByRole('button', { name: 'Read', exact: true }).click();
    await page.getByRole('button', { name: 'Write with the unit held' }).click();
    await page.getByText('Mean length of a line').waitFor();
    const [caption, command] = [page.getByText(/^held at/), page.locator('.dial code')];
    const before = [await caption.innerText(), await command.innerText()];
    await page.locator('.dial').getByRole('button', { name: 'low' }).click();
    assert.deepEqual([await caption.innerText(), await command.innerText()], before);
    await page.context().close();
  });

  test('a page that the reader already uses is not loaded again to isolate it', async () => {
    const plain = await openSite(join(folder, 'plain'), { isolated: false });
    try {
      // A file of the site that is not one of its pages: no service worker runs yet.
      const page = await plain.open('service-worker.js');
      await page.context().addInitScript(() => {
        const register = navigator.serviceWorker.register.bind(navigator.serviceWorker);
        navigator.serviceWorker.register = async (...given) => {
          await new Promise<void>((resolve) => addEventListener('go', () => resolve()));
          return register(...given);
        };
      });
      await page.goto(`${plain.url}#/train`);
      await page.getByPlaceholder('paste a text').fill('a text that took long to write');
      await page.evaluate(async () => {
        dispatchEvent(new Event('go'));
        await navigator.serviceWorker.ready;
      });
      // The page says instead that the reader may do it.
      await page.locator('input[type="file"].hidden-file').first().setInputFiles(example);
      await page.locator('.menu > summary').click();
      await page.getByText('load the page again for more threads').waitFor();
      const text = await page.getByPlaceholder('paste a text').inputValue();
      assert.equal(text, 'a text that took long to write');
      await page.reload();
      await page.waitForFunction(() => crossOriginIsolated);
    } finally {
      await plain.close();
    }
  });

  test('a new version of the site replaces the old one, although the browser may keep files for ten minutes', async () => {
    const pages = join(folder, 'versions');
    await buildPages(pages);
    const browser = await openBrowser();
    try {
      const url = await browser.serveFiles(pages, undefined, {
        'Cache-Control': 'max-age=600',
        'Cross-Origin-Opener-Policy': 'same-origin',
        'Cross-Origin-Embedder-Policy': 'require-corp',
      });
      const page = await browser.open(`${url}/#/train`);
      await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
      const change = (name: string, from: RegExp, to: string) => {
        const path = join(pages, name);
        const content = readFileSync(path, 'utf8');
        assert.match(content, from);
        writeFileSync(path, content.replace(from, to));
      };
      change('index.html', /<body/, '<body data-version="2"');
      change('service-worker.js', /\b[0-9a-f]{12}\b/, '0123456789ab');
      await page.evaluate(async () => {
        const changed = new Promise((resolve) =>
          navigator.serviceWorker.addEventListener('controllerchange', resolve),
        );
        await (await navigator.serviceWorker.getRegistration())?.update();
        await changed;
      });
      await page.reload();
      assert.equal(await page.locator('body').getAttribute('data-version'), '2');
    } finally {
      await browser.close();
    }
  });
});
