/** The static site offline, in headless Chromium: after its first load, it needs no host. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { buildPages } from '../../scripts/build-pages.mjs';
import { pageFiles } from '../../src/ui/server/pages.node.ts';
import { skipWithoutChromium } from '../browser/page.ts';
import { root } from '../cli/command.ts';
import { sharedFolder } from '../temporary-folder.ts';
import { openExample, startRun } from './actions.ts';
import { eventually } from './eventually.ts';
import { openBrowser, openSite } from './site.ts';

const example = join(root, 'models', 'moby-dick.safetensors');

/** Waits until the service worker has the kernels that this browser can use. */
async function waitForKernels(page: Page): Promise<void> {
  const hasKernels = () =>
    page.evaluate(async () => {
      const hash = document.querySelector<HTMLMetaElement>('meta[name="kernels"]')?.content;
      const names = [`kernels/fused-shared-${hash}.wasm`, `kernels/fused-${hash}.wasm`];
      return (await Promise.all(names.map((name) => caches.match(name)))).every(Boolean);
    });
  await eventually(async () => assert.ok(await hasKernels(), 'the service worker has no kernels'));
}

describe('offline', { skip: skipWithoutChromium, timeout: 900_000 }, () => {
  const folder = sharedFolder();

  for (const isolated of [false, true])
    test(`loaded once from a host ${isolated ? 'with' : 'without'} headers, a page opens a file, writes and trains offline`, async () => {
      const site = await openSite(join(folder, String(isolated)), { isolated });
      try {
        const page = await site.open('#/write');
        // What a first visit does by itself.
        await page.waitForFunction(() => crossOriginIsolated && navigator.serviceWorker.controller !== null);
        await waitForKernels(page);
        const kernels = site.requested.filter((path) => path.startsWith('/kernels/'));
        const plain = kernels.map((path) => path.replace(/-[0-9A-F]{8}\.wasm$/, ''));
        assert.deepEqual(plain.toSorted(), ['/kernels/fused', '/kernels/fused-shared']);
        await page.context().setOffline(true);
        const before = site.requested.length;
        await page.reload();
        await page.locator('input[type="file"]').first().setInputFiles(example);
        await page.getByRole('button', { name: 'Write', exact: true }).click();
        await page.getByText('characters a second').waitFor();
        await page.getByRole('link', { name: 'Train', exact: true }).click();
        const options = { preset: '', time: '', hiddenSize: 12, threads: 2, maxIterations: 5 };
        await startRun(page, 'the harbour wall stood in the rain. '.repeat(200), options);
        await page.getByText('has made all its iterations').waitFor();
        assert.match(await page.locator('.facts').innerText(), /2 threads/);
        await page.getByRole('link', { name: 'Neurons' }).click();
        await page.getByRole('button', { name: 'Read' }).waitFor();
        // The browser itself looks for another version of the service worker.
        const requested = site.requested.slice(before).filter((path) => path !== '/service-worker.js');
        assert.deepEqual(requested, []);
        assert.deepEqual(site.problems, []);
      } finally {
        await site.close();
      }
    });

  test('the example model is not fetched before the reader asks for it, and a kernel only once', async () => {
    const site = await openSite(join(folder, 'example'));
    try {
      const page = await site.open('#/write');
      await page.getByRole('button', { name: 'Open the example model' }).waitFor();
      await waitForKernels(page);
      const models = () => site.requested.filter((path) => path.startsWith('/models/'));
      assert.deepEqual(models(), []);
      await openExample(page);
      assert.deepEqual(models(), ['/models/moby-dick.safetensors']);
      await page.reload();
      await openExample(page);
      assert.equal(models().length, 1);
      assert.equal(site.requested.filter((path) => path.startsWith('/kernels/fused-shared-')).length, 1);
      assert.deepEqual(site.problems, []);
    } finally {
      await site.close();
    }
  });

  test('a page that stays open while its host gets a new version computes with the kernel of its own', async () => {
    const pages = join(folder, 'updated');
    await buildPages(pages);
    const files = pageFiles('site', pages);
    let isUpdated = false;
    const find = async (path: string) =>
      isUpdated && path.startsWith('/kernels/') ? undefined : files.get(path.slice(1))?.read();
    const browser = await openBrowser();
    try {
      const url = await browser.serveFiles(pages, find, {
        'Cross-Origin-Opener-Policy': 'same-origin',
        'Cross-Origin-Embedder-Policy': 'require-corp',
      });
      const page = await browser.open(`${url}/#/write`);
      await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
      await waitForKernels(page);
      const program = join(pages, 'service-worker.js');
      const updated = readFileSync(program, 'utf8')
        .replace(/\b[0-9a-f]{12}\b/, '0123456789ab')
        .replaceAll(/"[0-9A-F]{8}"/g, '"00000000"');
      writeFileSync(program, updated);
      isUpdated = true;
      await page.evaluate(async () => {
        const changed = new Promise((resolve) =>
          navigator.serviceWorker.addEventListener('controllerchange', resolve),
        );
        await (await navigator.serviceWorker.getRegistration())?.update();
        await changed;
      });
      await openExample(page);
      await page.getByRole('button', { name: 'Write', exact: true }).click();
      await page.getByText('characters a second').waitFor();
    } finally {
      await browser.close();
    }
  });
});
