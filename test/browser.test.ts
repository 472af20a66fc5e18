/** The library in a page: bundled, then trained and sampled in headless Chromium. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';

const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  existsSync,
);
const source = fileURLToPath(new URL('../src', import.meta.url));

/** The program of the page. */
const page = `
  import { LanguageModel, memoryStorage, train } from './browser.ts';
  export async function run() {
    const text = 'the harbour wall stood in the rain. '.repeat(40);
    const losses = [];
    let checkpoint;
    for await (const event of train({ text, hiddenSize: 8, batchSize: 2, sequenceLength: 10, maxIterations: 5 })) {
      if (event.type === 'iteration') losses.push(event.trainLoss);
      if (event.type === 'finished') checkpoint = event.checkpoint;
    }
    const model = LanguageModel.fromBytes(new LanguageModel(checkpoint).toBytes());
    let sample = '';
    for await (const piece of model.generate({ prompt: 'the ', length: 30 })) sample += piece;
    return { losses, sample, place: memoryStorage().place };
  }`;

async function bundled(format: 'iife' | 'esm'): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: page, resolveDir: source, loader: 'ts' },
    bundle: true,
    platform: 'browser',
    format,
    globalName: 'page',
    write: false,
    minify: true,
  });
  return outputFiles[0]?.text ?? '';
}

test('the browser face bundles without Node, in less than 350 kB, most of it kernels', async () => {
  const code = await bundled('iife');
  assert.ok(code.length > 10_000 && code.length < 350_000, `${code.length} characters`);
});

test('a page trains and samples, with the numbers of Node', {
  skip: executablePath ? false : 'no Chromium here',
}, async () => {
  const browser = await chromium.launch({ executablePath: executablePath as string, args: ['--no-sandbox'] });
  try {
    const tab = await browser.newPage();
    // An address of this machine is a secure context, which cryptography needs.
    await tab.route('http://localhost/', (route) =>
      route.fulfill({ contentType: 'text/html', body: '<!doctype html>' }),
    );
    await tab.goto('http://localhost/');
    await tab.addScriptTag({ content: await bundled('iife') });
    const there = await tab.evaluate('page.run()');
    const code = await bundled('esm');
    const here = await (await import(`data:text/javascript,${encodeURIComponent(code)}`)).run();
    assert.equal(here.losses.length, 5);
    assert.deepEqual(there, here);
  } finally {
    await browser.close();
  }
});
