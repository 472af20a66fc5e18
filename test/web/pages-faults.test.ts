/** What goes wrong around the pages, in headless Chromium: files, space, connections, tabs, policies. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { skipWithoutChromium } from '../browser/page.ts';
import { root } from '../cli/command.ts';
import { sharedFolder } from '../temporary-folder.ts';
import { HARBOUR, hasPassed, iterationOf, openExample, startLongRun } from './actions.ts';
import { openSite, sharedSite } from './site.ts';

const example = readFileSync(join(root, 'models', 'moby-dick.safetensors'));

describe('faults around the pages', { skip: skipWithoutChromium, timeout: 900_000 }, () => {
  const folder = sharedFolder();
  const site = sharedSite(folder);

  async function openTrain(options?: BrowserContextOptions): Promise<Page> {
    const page = await site().open('#/train', options);
    await page.locator('#option-preset').waitFor();
    return page;
  }

  async function drop(page: Page, name: string, type: string, content: string): Promise<void> {
    const transfer = await page.evaluateHandle(
      (file) => {
        const data = new DataTransfer();
        data.items.add(new File([file.content], file.name, { type: file.type }));
        return data;
      },
      { name, type, content },
    );
    await page.locator('main').dispatchEvent('drop', { dataTransfer: transfer });
  }

  for (const [what, bytes] of [
    ['a checkpoint that was cut', example.subarray(0, 100_000)],
    ['a file that is something else', Buffer.from('this is not a checkpoint')],
    ['an empty file', Buffer.alloc(0)],
  ] as const)
    test(`${what} is reported by name, and the model that was open stays open`, async () => {
      const page = await site().open('#/write');
      await openExample(page);
      const file = { name: 'wrong.safetensors', mimeType: '', buffer: Buffer.from(bytes) };
      await page.locator('input[type="file"]').first().setInputFiles(file);
      await page.getByRole('alert').waitFor();
      assert.match((await page.getByRole('alert').textContent()) ?? '', /^wrong\.safetensors[ :].+\./);
      await page.getByRole('button', { name: 'Write', exact: true }).click();
      await page.getByText('characters a second').waitFor();
      await page.context().close();
    });

  test('a text that is dropped goes where texts are used; elsewhere the page says where', async () => {
    const page = await openTrain();
    await drop(page, 'story.txt', 'text/plain', HARBOUR);
    await page.getByText('14,400 characters').waitFor();
    await page.getByRole('link', { name: 'Write' }).click();
    await page.getByRole('heading', { name: 'Open a model' }).waitFor();
    await drop(page, 'story.txt', 'text/plain', HARBOUR);
    await page.getByText('story.txt is a text, not a model: drop it on the Train page').waitFor();
    await page.getByRole('button', { name: 'Close' }).click();
    await openExample(page);
    await page.getByRole('link', { name: 'Neurons' }).click();
    await page.getByLabel('text to read').waitFor();
    await drop(page, 'story.md', '', 'A story about a harbour.');
    await page.waitForFunction(
      () => document.querySelector('textarea')?.value === 'A story about a harbour.',
    );
    await drop(page, 'wrong.safetensors', '', 'this is not a checkpoint');
    await page.getByText(/^wrong\.safetensors is not a model/).waitFor();
    await page.context().close();
  });

  test('a browser without space: the run goes on unsaved, with a warning, and its model can be saved', async () => {
    const page = await openTrain();
    const session = await page.context().newCDPSession(page);
    await session.send('Storage.overrideQuotaForOrigin', {
      origin: new URL(site().url).origin,
      quotaSize: 1,
    });
    await startLongRun(page);
    await page.getByText("this browser can't store the run").waitFor();
    await page.getByRole('button', { name: 'Stop and keep the model' }).click();
    await page.getByText('Stopped. The model').waitFor();
    await page.locator('summary').first().click();
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Save', exact: true }).first().click();
    assert.match((await download).suggestedFilename(), /\.safetensors$/);
    await page.context().close();
  });

  test('space that runs out during a run: one warning, the model can still be saved, and earlier checkpoints stay', async () => {
    const page = await openTrain();
    await startLongRun(page, { checkpointEvery: '20' });
    await page.evaluate(async () => {
      const runs = await (await navigator.storage.getDirectory()).getDirectoryHandle('runs');
      for (;;) {
        for await (const id of runs.keys())
          for await (const [name, file] of (await runs.getDirectoryHandle(id)).entries())
            if (name === 'run.json' && file instanceof FileSystemFileHandle)
              if ((await file.getFile()).size > 0) return;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    });
    const session = await page.context().newCDPSession(page);
    const { origin } = new URL(site().url);
    // Less than is used already: otherwise a checkpoint could still fit when an earlier one has been replaced.
    await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 1 });
    const warning = page.getByText('the storage that the browser allows this page is full');
    await warning.waitFor();
    const before = await iterationOf(page);
    await page.waitForFunction(hasPassed, before + 60);
    assert.equal(await warning.count(), 1);
    await page.getByRole('button', { name: 'Stop and keep the model' }).click();
    await page.getByText('Stopped. The model').waitFor();
    await page.getByRole('heading', { name: 'Runs stored in this browser' }).waitFor();
    await session.send('Storage.overrideQuotaForOrigin', { origin });
    await page.locator('.stored').getByRole('button', { name: 'Open' }).first().click();
    await page.getByText('pasted-text').first().waitFor();
    await page.context().close();
  });

  test('without a connection, the example model can not be loaded, and the page says so', async () => {
    const page = await site().open('#/train', { serviceWorkers: 'block' });
    await page.locator('#option-preset').waitFor();
    await page.getByRole('link', { name: 'Write' }).click();
    await page.context().setOffline(true);
    await page.getByRole('button', { name: 'Open the example model' }).click();
    await page
      .getByText('the example model: it could not be loaded, because there is no connection')
      .waitFor();
    await page.context().setOffline(false);
    await page.getByRole('button', { name: 'Close' }).click();
    await openExample(page);
    await page.context().close();
    assert.deepEqual(
      site()
        .problems.splice(0)
        .filter((problem) => !/ERR_INTERNET_DISCONNECTED/.test(problem)),
      [],
    );
  });

  test('a hidden tab goes on training, and shows where it is when it is seen again', async () => {
    const page = await openTrain();
    await startLongRun(page);
    const before = await iterationOf(page);
    // As in a hidden tab, nothing is drawn and no frame comes.
    await page.evaluate(() => {
      Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true });
      const pending: FrameRequestCallback[] = [];
      const real = window.requestAnimationFrame;
      window.requestAnimationFrame = (callback) => pending.push(callback);
      document.dispatchEvent(new Event('visibilitychange'));
      Object.assign(window, {
        showAgain() {
          window.requestAnimationFrame = real;
          for (const callback of pending) real(callback);
        },
      });
    });
    // No frame comes, but the document changes.
    await page.waitForFunction(hasPassed, before + 5, { polling: 50 });
    const hidden = await iterationOf(page);
    // @ts-expect-error: set above
    await page.evaluate(() => window.showAgain());
    await page.waitForFunction(hasPassed, hidden + 5);
    const session = await page.context().newCDPSession(page);
    await session.send('Page.setWebLifecycleState', { state: 'frozen' });
    // A second in which the page does nothing: what is tested, and nothing is waited for.
    await sleep(1000);
    await session.send('Page.setWebLifecycleState', { state: 'active' });
    const frozen = await iterationOf(page);
    await page.waitForFunction(hasPassed, frozen);
    await page.getByRole('button', { name: 'Stop and keep the model' }).click();
    await page.getByText('Stopped. The model').waitFor();
    await page.context().close();
  });

  test('a page that can not be isolated trains with one thread, and says so', async () => {
    const plain = await openSite(join(folder, 'plain'), { isolated: false });
    try {
      const page = await plain.open('#/train', { serviceWorkers: 'block' });
      await page.locator('#option-preset').waitFor();
      await startLongRun(page);
      assert.match((await page.locator('.facts').textContent()) ?? '', /1 thread/);
      await page.getByRole('button', { name: 'Stop and keep the model' }).click();
      await page.getByText('Stopped. The model').waitFor();
      await page.locator('summary').first().click();
      await page.getByText('this page is not cross-origin isolated, so it uses only one thread').waitFor();
      assert.deepEqual(
        plain.problems.filter((problem) => !/serviceWorker|service worker/i.test(problem)),
        [],
      );
    } finally {
      await plain.close();
    }
  });

  test('a host whose policy forbids blob: workers gets one thread, with a notice', async () => {
    const policy = "worker-src 'self'";
    const strict = await openSite(join(folder, 'strict'), { policy });
    try {
      const page = await strict.open('#/train');
      await page.locator('#option-preset').waitFor();
      await startLongRun(page, { threads: '2' });
      await page.getByText(/One thread computes, not 2/).waitFor();
      await page.getByRole('button', { name: 'Stop and keep the model' }).click();
      await page.getByText('Stopped. The model').waitFor();
      assert.deepEqual(
        strict.problems.filter((problem) => !/worker-src/.test(problem)),
        [],
      );
    } finally {
      await strict.close();
    }
  });
});
