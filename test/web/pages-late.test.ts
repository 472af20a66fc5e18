/** What comes late or in between, in headless Chromium: another model, a new version of the site, the page's own reload. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { buildPages } from '../../scripts/build-pages.mjs';
import { skipWithoutChromium } from '../browser/page.ts';
import { root } from '../cli/command.ts';
import { sharedFolder } from '../temporary-folder.ts';
import { openExample } from './actions.ts';
import { openBrowser, openSite, sharedSite } from './site.ts';

const example = join(root, 'models', 'moby-dick.safetensors');

describe('late and in between', { skip: skipWithoutChromium, timeout: 240_000 }, () => {
  const folder = sharedFolder();
  const site = sharedSite(folder);

  test('a model that is opened while a text is written ends the writing, and the text stays', async () => {
    const page = await site().open('#/write');
    await openExample(page);
    await page.getByLabel('prompt').first().fill('Call me Ishmael');
    await page.getByLabel('length').fill('100000');
    await page.getByRole('button', { name: 'Write', exact: true }).click();
    await page.getByText('Call me Ishmael').nth(1).waitFor();
    await page.locator('input[type="file"]').first().setInputFiles(example);
    await page.getByText('writing …').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Write', exact: true }).waitFor();
    assert.deepEqual(await page.getByRole('alert').allTextContents(), []);
    const text = () => page.locator('.text-view-text').innerText();
    assert.match(await text(), /Call me Ishmael/);
    const before = (await text()).length;
    await page.getByLabel('length').fill('50');
    await page.getByRole('button', { name: 'Continue', exact: true }).click();
    await page.getByText('characters a second').waitFor();
    assert.ok((await text()).length > before);
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
    const shown = () => shownText.innerText();
    await branches.selectOption('0');
    await shownText.getByText('First').waitFor();
    const text = await shown();
    const refused = async (temperature: string) => {
      await page.getByLabel('temperature', { exact: true }).fill(temperature);
      await write.click();
      await page.getByRole('alert').getByText(temperature).waitFor();
    };
    for (const temperature of ['hot', '-1']) {
      await refused(temperature);
      assert.deepEqual([await branches.inputValue(), await shown()], ['0', text], temperature);
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
    await page.getByRole('button', { name: 'Read', exact: true }).click();
    await go('Write');
    await page.waitForTimeout(1000);
    assert.match(page.url(), /#\/write$/);
    await go('Neurons');
    await page.getByRole('heading', { name: /^Unit \d/ }).waitFor();
    await page.locator('.units > div > button').last().click();
    await page.getByLabel('part').selectOption('z');
    const unit = await page.getByRole('heading', { name: /^Unit \d/ }).innerText();
    const address = page.url();
    await go('Write');
    await go('Neurons');
    await page.getByRole('heading', { name: unit, exact: true }).waitFor();
    assert.equal(page.url(), address);
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
        await new Promise((resolve) => setTimeout(resolve, 500));
      });
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
