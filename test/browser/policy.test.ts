/** If a page's Content-Security-Policy forbids what the fast engine needs, a slower one is used, with a notice. The page never hangs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { bundle, skipWithoutChromium, withPage } from './page.ts';

interface Result {
  readonly engine?: string;
  readonly notices: readonly string[];
  readonly losses: readonly number[];
  readonly error?: string;
}

/** Trains when the page is opened, and writes the result into its title. */
const program = `
  import { train } from './browser.ts';
  async function run(options) {
    const result = { notices: [], losses: [] };
    try {
      for await (const event of train({ text: 'the harbour wall stood in the rain. '.repeat(40), hiddenSize: 8, batchSize: 2,
        sequenceLength: 10, maxIterations: 3, ...options })) {
        if (event.type === 'started') result.engine = event.engine;
        if (event.type === 'notice') result.notices.push(event.message);
        if (event.type === 'iteration') result.losses.push(event.trainLoss);
      }
    } catch (error) {
      result.error = error.code + ': ' + error.message;
    }
    document.title = JSON.stringify(result);
  }
  run(OPTIONS);`;
const resolveDir = fileURLToPath(new URL('../../src', import.meta.url));

async function trainedUnder(
  policy: string | undefined,
  options: object = {},
  isolated = true,
): Promise<Result> {
  const contents = program.replace('OPTIONS', JSON.stringify(options));
  const script = await bundle({ stdin: { contents, resolveDir, loader: 'ts' } });
  return withPage({ isolated, policy, script }, async (page) => {
    await page.waitForFunction(() => document.title.startsWith('{'), undefined, { timeout: 60_000 });
    return JSON.parse(await page.title());
  });
}

const SELF = "default-src 'self'";
const WASM = `${SELF}; script-src 'self' 'wasm-unsafe-eval'`;
for (const [name, policy, engine, notice] of [
  ['everything allowed', `${WASM}; worker-src blob:`, /wasm engine.*2 threads/, undefined],
  [
    'no blob: workers',
    WASM,
    /wasm engine.*1 thread$/,
    /^One thread computes, not 2: workers could not be started \(.*worker-src/,
  ],
  ['no workers at all', `${WASM}; worker-src 'none'`, /wasm engine.*1 thread$/, /One thread computes, not 2/],
  [
    'no WebAssembly',
    `${SELF}; worker-src blob:`,
    /reference engine/,
    /reference engine computes.*'wasm-unsafe-eval'/,
  ],
  ['neither', SELF, /reference engine/, /reference engine computes/],
] as const) {
  test(`a page with ${name} trains`, { skip: skipWithoutChromium }, async () => {
    const result = await trainedUnder(policy, { threads: 2 });
    assert.equal(result.error, undefined);
    assert.equal(result.losses.length, 3);
    assert.match(result.engine ?? '', engine);
    if (notice) assert.match(result.notices.join('\n'), notice);
    else assert.doesNotMatch(result.notices.join('\n'), /computes/);
  });
}

test('an engine that is named but not allowed is an error', { skip: skipWithoutChromium }, async () => {
  const result = await trainedUnder(SELF, { engine: 'wasm' });
  assert.match(
    result.error ?? '',
    /^unsupported: the WebAssembly engine does not work here: .*'wasm-unsafe-eval'/,
  );
  assert.match(result.error ?? '', /engine: "reference"/);
});

test('a page that is not isolated gets fewer threads, with a notice', {
  skip: skipWithoutChromium,
}, async () => {
  const result = await trainedUnder(undefined, { threads: 4 }, false);
  assert.match(result.engine ?? '', /1 thread$/);
  assert.match(result.notices.join('\n'), /One thread computes, not 4: the page is not isolated/);
});
