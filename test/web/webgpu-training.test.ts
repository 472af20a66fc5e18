/** The Train page with a GPU, in headless Chromium on SwiftShader, which is presented as hardware. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Page, Worker } from 'playwright-core';
import { skipWithoutChromium } from '../browser/page.ts';
import { skipUnlessAskedFor } from '../engine/webgpu/software.ts';
import { sharedFolder } from '../temporary-folder.ts';
import { startRun } from './actions.ts';
import { openSite, type Site } from './site.ts';

const TEXT = 'the harbour wall stood in the rain. '.repeat(60);
const OPTIONS = { preset: '', time: '', hiddenSize: 4, layers: 1, batchSize: 2, sequenceLength: 8, seed: 7 };

/** For the worker: lets the software adapter pass for a GPU, and keeps the devices, so that a test can destroy them. */
const PRESENT_AS_HARDWARE = `
  Object.defineProperty(GPUAdapterInfo.prototype, 'isFallbackAdapter', { get: () => false });
  const request = GPUAdapter.prototype.requestDevice;
  globalThis.devices = [];
  globalThis.losesDevices = false;
  GPUAdapter.prototype.requestDevice = async function (descriptor) {
    const device = await request.call(this, descriptor);
    devices.push(device);
    if (losesDevices) setTimeout(() => device.destroy());
    return device;
  };`;
/** For the worker: loses all devices, and each that replaces one. */
const LOSE_DEVICES = `
  losesDevices = true;
  for (const device of devices) device.destroy();`;

describe('training on the GPU of a page', {
  skip: skipWithoutChromium || skipUnlessAskedFor,
  timeout: 900_000,
}, () => {
  let site: Site;
  const folder = sharedFolder();

  before(async () => {
    const browserFlags = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];
    site = await openSite(join(folder, 'site'), { browserFlags });
  });
  after(async () => {
    await site?.close();
    assert.deepEqual(site?.problems, []);
  });

  /** Goes to the Train page. @param isHardware What the adapter says about itself. */
  async function goToTrain(page: Page, isHardware: boolean): Promise<Worker> {
    const worker = page.workers()[0] ?? (await page.waitForEvent('worker'));
    if (isHardware) await worker.evaluate(PRESENT_AS_HARDWARE);
    await page.getByRole('link', { name: 'Train', exact: true }).click();
    await page.locator('#option-preset').waitFor();
    return worker;
  }

  const train = (page: Page, options: Readonly<Record<string, string | number>>) =>
    startRun(page, TEXT, { ...OPTIONS, ...options });

  const hasEngine = (page: Page, name: string) =>
    page.locator('.facts li', { hasText: `${name} engine` }).waitFor({ timeout: 300_000 });
  const stop = async (page: Page) => {
    await page.getByText(/^iteration [1-9]/).waitFor({ timeout: 300_000 });
    await page.getByRole('button', { name: 'Stop and keep the model' }).click();
    await page.getByText('you can continue the run').waitFor();
  };

  test('the CPU trains unless the GPU is chosen; a run that goes on keeps its engine until another is chosen', async () => {
    const page = await site.open('#/write');
    await goToTrain(page, true);
    await train(page, { maxIterations: 3 });
    await page.getByText('has made all its iterations').waitFor();
    await hasEngine(page, 'wasm');

    const compute = page.locator('#option-compute');
    assert.equal(await compute.count(), 0, 'the CPU of a page computes in float32 only');
    await page.getByLabel('train on the GPU').check();
    await compute.waitFor({ state: 'attached' });
    assert.deepEqual(await compute.locator('option').allTextContents(), ['float32', 'float16']);
    assert.match((await page.locator('code.block').textContent()) ?? '', / --engine webgpu( |$)/);
    await train(page, { maxIterations: '', maxEpochs: 1_000_000 });
    await hasEngine(page, 'webgpu');
    await stop(page);

    await page.getByRole('link', { name: 'Write', exact: true }).click();
    await page.reload();
    await goToTrain(page, true);
    assert.equal(await page.getByLabel('train on the GPU').isChecked(), false);
    // The finished run can go on, too: the stopped one is the other.
    const stopped = page.locator('.stored li').filter({ hasNotText: 'iteration 3 of 3' });
    await stopped.getByRole('button', { name: 'Continue' }).click();
    await hasEngine(page, 'webgpu');
    await stop(page);
    await page.getByLabel('train on the GPU').check();
    await page.getByLabel('train on the GPU').uncheck();
    await stopped.getByRole('button', { name: 'Continue' }).click();
    await hasEngine(page, 'wasm');
    await stop(page);
    await page.context().close();
  });

  test('a run whose GPU is lost goes on, at last on the CPU, and says so', async () => {
    const page = await site.open('#/write');
    const worker = await goToTrain(page, true);
    await page.getByLabel('train on the GPU').check();
    await train(page, { maxEpochs: 1_000_000 });
    await page.getByText(/^iteration [1-9]/).waitFor({ timeout: 300_000 });
    await worker.evaluate(LOSE_DEVICES);
    await hasEngine(page, 'wasm');
    assert.match(
      await page.locator('.problem', { hasText: 'wasm engine' }).innerText(),
      /The GPU .* was lost: .* Training (starts again from the beginning|continues from a copy of iteration \d+)\. Engine: .*wasm engine/i,
    );
    await stop(page);
    await page.context().close();
  });

  test('a page whose only adapter computes on the CPU offers no GPU, and says why', async () => {
    const page = await site.open('#/write');
    await goToTrain(page, false);
    await page.getByText(/^Training uses the CPU: the only adapter here, .*, is not a GPU/).waitFor();
    assert.equal(await page.getByLabel('train on the GPU').count(), 0);
    await page.context().close();
  });
});
