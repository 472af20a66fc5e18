/** The library in a page: is bundled, then trains and samples in headless Chromium. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { train } from '../../src/index.ts';
import { bundle, skipWithoutChromium, withPage } from './page.ts';

const source = fileURLToPath(new URL('../../src', import.meta.url));
const text = 'the harbour wall stood in the rain. '.repeat(40);
const options = { hiddenSize: 8, batchSize: 2, sequenceLength: 10, maxIterations: 5 };

/** The program of the page. */
const program = `
  import { LanguageModel, memoryStorage, train } from './browser.ts';
  export async function run() {
    const losses = [];
    let checkpoint, engine;
    for await (const event of train({ text: ${JSON.stringify(text)}, ...${JSON.stringify(options)} })) {
      if (event.type === 'started') engine = event.engine;
      if (event.type === 'iteration') losses.push(event.trainLoss);
      if (event.type === 'finished') checkpoint = event.checkpoint;
    }
    const model = LanguageModel.fromBytes(new LanguageModel(checkpoint).toBytes());
    let sample = '';
    for await (const piece of model.generate({ prompt: 'the ', length: 30 })) sample += piece;
    const half = LanguageModel.fromBytes(model.toBytes('safetensors', 'float16'));
    let halfSample = '';
    for await (const piece of half.generate({ prompt: 'the ', length: 30 })) halfSample += piece;
    return { losses, sample, halfSample, engine, place: memoryStorage().place };
  }`;
const stdin = { contents: program, resolveDir: source, loader: 'ts' } as const;

test('the entry point for pages is bundled without Node; a page without a GPU and before an engine starts loads less than 400 kB', async () => {
  const { metafile } = await build({
    ...{ stdin, bundle: true, platform: 'browser', minify: true, write: false, metafile: true },
    // Bundlers put what is imported only on demand, the kernels and the GPU engine, into other files.
    ...{ format: 'esm', splitting: true, outdir: 'out' },
  });
  const { outputs } = metafile;
  const [entry = ''] = Object.keys(outputs).filter((name) => outputs[name]?.entryPoint === '<stdin>');
  const loaded = new Set([entry]);
  for (const name of loaded) {
    for (const { kind, path } of outputs[name]?.imports ?? [])
      if (kind === 'import-statement') loaded.add(path);
  }
  const size = (names: Iterable<string>) =>
    [...names].reduce((sum, name) => sum + (outputs[name]?.bytes ?? 0), 0);
  const first = size(loaded);
  assert.ok(first > 10_000 && first < 400_000, `${first} bytes`);
  const later = size(Object.keys(outputs)) - first;
  assert.ok(later > 10_000 && later < 520_000, `${later} bytes for kernels and the GPU`);
});

for (const isolated of [true, false]) {
  const where = isolated ? 'isolated, with workers' : 'not isolated, on its own thread';
  test(`a page, ${where}, trains and samples, with the same losses as in Node`, {
    skip: skipWithoutChromium,
  }, async () => {
    const there = await withPage({ isolated }, async (page) => {
      await page.addScriptTag({ content: await bundle({ stdin }) });
      return page.evaluate<{ losses: number[]; sample: string; halfSample: string; engine: string }>(
        'page.run()',
      );
    });
    const here: number[] = [];
    for await (const event of train({ text, ...options }))
      if (event.type === 'iteration') here.push(event.trainLoss);
    assert.equal(here.length, 5);
    assert.match(there.engine, /WebAssembly/);
    // With fused multiply-add, the bits are equal.
    if (there.engine.includes(', fused')) assert.deepEqual(there.losses, here);
    else
      for (const [i, loss] of there.losses.entries()) assert.ok(Math.abs(loss - (here[i] as number)) < 1e-5);
    assert.equal([...there.sample].length, 30);
    assert.equal([...there.halfSample].length, 30, 'from weights in half precision');
  });
}
