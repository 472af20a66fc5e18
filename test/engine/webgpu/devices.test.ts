/** Finding, naming and sharing GPUs. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { test } from 'node:test';
import type { AdapterFacts } from '../../../src/engine/webgpu/device.ts';
import { mayHaveVulkanDriver } from '../../../src/engine/webgpu/driver.node.ts';
import { webgpuInstallation } from '../../../src/engine/webgpu/installation.node.ts';
import { listAdapters, openNodeDevice, parseListing } from '../../../src/engine/webgpu/provider.node.ts';
import { openPageDevice } from '../../../src/engine/webgpu/provider-page.ts';
import { sharedDevices } from '../../../src/engine/webgpu/shared-device.ts';
import { temporaryFolder } from '../../temporary-folder.ts';
import { skipWithoutSoftwareGpu } from './software.ts';

test("Dawn's list of adapters", () => {
  const message = (...lines: string[]) =>
    ['no suitable backends found', 'Available adapters:', ...lines].join('\n');
  const listing = message(
    " * backend: 'd3d12', name: 'NVIDIA GeForce RTX 3080'",
    " * backend: 'd3d12', name: 'Joe's GPU'",
    " * backend: 'vulkan', name: 'NVIDIA GeForce RTX 3080'",
  );
  assert.deepEqual(parseListing(listing, 'win32'), [
    { backend: 'd3d12', name: 'NVIDIA GeForce RTX 3080' },
    { backend: 'd3d12', name: "Joe's GPU" },
  ]);
  assert.deepEqual(parseListing(listing, 'linux'), [{ backend: 'vulkan', name: 'NVIDIA GeForce RTX 3080' }]);
  assert.equal(parseListing(listing, 'freebsd').length, 3);
  assert.deepEqual(parseListing('something else', 'linux'), []);
});

test('where Vulkan drivers are looked for', (context) => {
  const folder = temporaryFolder(context);
  const nothing = {
    XDG_CONFIG_HOME: folder,
    XDG_CONFIG_DIRS: folder,
    XDG_DATA_HOME: folder,
    XDG_DATA_DIRS: folder,
  };
  const icd = join(folder, 'driver.json');
  assert.equal(mayHaveVulkanDriver({ ...nothing, VK_DRIVER_FILES: icd }), false);
  writeFileSync(icd, '{}');
  assert.equal(mayHaveVulkanDriver({ ...nothing, VK_DRIVER_FILES: icd }), true);
  assert.equal(mayHaveVulkanDriver({ ...nothing, VK_ICD_FILENAMES: `/nonexistent.json:${folder}` }), true);
  assert.equal(mayHaveVulkanDriver({ ...nothing, VK_DRIVER_FILES: '/nonexistent.json' }), false);
  mkdirSync(join(folder, 'vulkan', 'icd.d'), { recursive: true });
  writeFileSync(join(folder, 'vulkan', 'icd.d', 'driver.json'), '{}');
  assert.equal(mayHaveVulkanDriver(nothing), true);
});

test('the command that installs the package, by where this program is installed', (context) => {
  const folder = temporaryFolder(context);
  const commandAt = (...parts: string[]) =>
    webgpuInstallation([folder, ...parts, 'engine.js'].join(sep)).command;
  const own = ['node_modules', 'char-rnn-ts', 'dist'];
  assert.equal(commandAt('checkout', 'dist'), 'npm install --no-save --save-dev webgpu@0.6');
  assert.equal(commandAt('lib', ...own), 'npm install --global webgpu@0.6');
  assert.match(
    commandAt('_npx', '12ab', ...own),
    /^npx --package char-rnn-ts --package webgpu@0\.6 char-rnn$/,
  );
  mkdirSync(join(folder, 'project'));
  writeFileSync(join(folder, 'project', 'package.json'), '{}');
  assert.equal(commandAt('project', ...own), 'npm install webgpu@0.6');
});

test('the installed version is found without loading the package', (context) => {
  const folder = temporaryFolder(context);
  const from = join(folder, 'engine.js');
  assert.equal(webgpuInstallation(from).version, undefined);
  const own = join(folder, 'node_modules', 'webgpu');
  mkdirSync(own, { recursive: true });
  writeFileSync(join(own, 'package.json'), '{"version": "0.6.7", "main": "index.js"}');
  writeFileSync(join(own, 'index.js'), 'throw new Error("loaded");');
  assert.equal(webgpuInstallation(from).version, '0.6.7');
});

/** A device that can be destroyed. */
function fakeDevice() {
  let lose = (_: GPUDeviceLostInfo) => {};
  const lost = new Promise<GPUDeviceLostInfo>((resolve) => {
    lose = resolve;
  });
  const destroy = () => lose({ reason: 'destroyed', message: '' } as GPUDeviceLostInfo);
  return { lost, destroy } as GPUDevice;
}

test('engines share a device, which is destroyed when none needs it; a lost device is replaced', async () => {
  let opened = 0;
  const open = sharedDevices(async (number) => {
    opened++;
    if (number > 0) throw new Error(`no GPU ${number}`);
    return { device: fakeDevice(), adapter: { name: 'test' } as AdapterFacts };
  });
  const [a, b] = await Promise.all([open(0), open(0)]);
  assert.equal(a.device, b.device);
  a.release();
  a.release();
  const c = await open(0);
  assert.equal(c.device, a.device);
  b.release();
  c.release();
  await a.device.lost;
  const d = await open(0);
  assert.notEqual(d.device, a.device);
  d.device.destroy();
  await d.device.lost;
  const e = await open(0);
  assert.notEqual(e.device, d.device);
  assert.equal(opened, 3);
  await assert.rejects(open(1), /no GPU 1/);
  await assert.rejects(open(1), /no GPU 1/);
  assert.equal(opened, 5);
});

test('a page without WebGPU', async () => {
  await assert.rejects(openPageDevice(0), { code: 'unsupported', problem: /^this page has no WebGPU: / });
  await assert.rejects(openPageDevice(1), { code: 'unsupported', problem: /^there is no GPU 1 in a page/ });
});

test('SwiftShader is listed, and used only if the environment allows it', {
  skip: skipWithoutSoftwareGpu,
}, async () => {
  process.env.CHAR_RNN_GPU = 'software';
  try {
    const [adapter, ...others] = await listAdapters();
    assert.deepEqual(others, []);
    assert.match(adapter?.name ?? '', /SwiftShader/);
    assert.equal(adapter?.backend, 'vulkan');
    assert.equal(adapter?.isSoftware, true);
    assert.equal(adapter?.number, 0);
    const gpu = await openNodeDevice(0);
    assert.equal(gpu.device.limits.maxBufferSize, adapter?.limits.maxBufferSize);
    gpu.release();
    await assert.rejects(openNodeDevice(1), {
      code: 'unsupported',
      problem: /^there is no GPU 1\. The GPUs here are 0: /,
    });
    delete process.env.CHAR_RNN_GPU;
    // Its driver is still named in the environment.
    assert.deepEqual(
      (await listAdapters()).map(({ number }) => number),
      [undefined],
    );
    await assert.rejects(openNodeDevice(0), { problem: /^the only adapter here, .*, is not a GPU/ });
  } finally {
    delete process.env.CHAR_RNN_GPU;
    delete process.env.VK_ICD_FILENAMES;
  }
});
