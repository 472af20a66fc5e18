/** The engine contract in a page, with shared memory and without. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { bundle, skipWithoutChromium, withPage } from './page.ts';

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

for (const [isolated, threads] of [
  [true, '2 threads'],
  [false, '1 thread'],
] as const) {
  test(`the engine contract in a page, ${threads}`, { skip: skipWithoutChromium }, async () => {
    const code = await bundle({
      entryPoints: [here('contract-page.ts')],
      alias: { 'node:test': here('node-test.ts'), 'node:assert/strict': here('node-assert.ts') },
    });
    await withPage({ isolated }, async (page) => {
      await page.addScriptTag({ content: code });
      assert.ok((await page.evaluate<string>('page.describeEngine()')).endsWith(threads));
      const results = await page.evaluate<{ passed: number; failures: string[] }>('page.runTests()');
      assert.deepEqual(results.failures, []);
      assert.ok(results.passed > 20, `${results.passed} passed`);
    });
  });
}
