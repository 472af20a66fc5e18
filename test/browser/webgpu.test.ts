/** WebGPU in a page of headless Chromium, on SwiftShader: the engine contract, and messages without a GPU. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { skipUnlessAskedFor } from '../engine/webgpu/software.ts';
import { bundle, skipWithoutChromium, withPage } from './page.ts';

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
/** Without these, headless Chromium has no adapter. */
const SWIFTSHADER = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];

const program = () =>
  bundle({
    entryPoints: [here('webgpu-page.ts')],
    alias: { 'node:test': here('node-test.ts'), 'node:assert/strict': here('node-assert.ts') },
  });

const skip = skipWithoutChromium || skipUnlessAskedFor;

test('the engine contract on WebGPU in a page', { skip }, async () => {
  const content = await program();
  await withPage({ isolated: false, browserFlags: SWIFTSHADER }, async (page) => {
    await page.addScriptTag({ content });
    const ask = (...words: readonly (string | number)[]) =>
      page.evaluate<string>(`page.request(${words.map((word) => JSON.stringify(word)).join()})`);
    assert.match(await ask('webgpu'), /unsupported: the only adapter here, .*, is not a GPU but a program/);
    assert.match(
      await ask('auto', 0),
      /^wasm: GPU 0 can't be used, so the CPU computes: the only adapter here, /,
    );
    assert.equal(await ask('auto'), 'wasm');
    assert.match(
      await page.evaluate<string>('page.describeEngine()'),
      /swiftshader.*webgpu engine, float32$/i,
    );
    const results = await page.evaluate<{ passed: number; failures: string[] }>('page.runTests()');
    assert.deepEqual(results.failures, []);
    assert.ok(results.passed > 20, `${results.passed} passed`);
  });
});

test('a run in a page whose device is lost writes the same files', {
  skip,
}, async () => {
  const content = await program();
  await withPage({ isolated: false, browserFlags: SWIFTSHADER }, async (page) => {
    await page.addScriptTag({ content });
    assert.equal(await page.evaluate<number>('page.loseDevice()'), 1);
  });
});

test('a page without a GPU says why', { skip: skipWithoutChromium }, async () => {
  const content = await program();
  await withPage({ isolated: true }, async (page) => {
    await page.addScriptTag({ content });
    for (const [call, expected] of [
      [
        `page.request('webgpu')`,
        /^unsupported: (this page has no WebGPU|the browser gives this page no GPU)/,
      ],
      [`page.request('webgpu', 1)`, /^unsupported: there is no GPU 1 in a page/],
      [`page.request('auto', 0)`, /^wasm: GPU 0 can't be used, so the CPU computes: .*/],
      [`page.request('auto', -1)`, /^wasm(?!.*GPU)/],
    ] as const)
      assert.match(await page.evaluate<string>(call), expected);
  });
});
