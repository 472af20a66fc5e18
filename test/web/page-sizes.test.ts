/** How much the pages load before the reader can write: docs/decisions/pages.md gives the reasons. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { skipWithoutChromium } from '../browser/page.ts';
import { sharedFolder } from '../temporary-folder.ts';
import { loadedFiles, pageScripts, sizeOf } from './page-sizes.ts';
import { sharedSite } from './site.ts';

describe('the size of the pages', { skip: skipWithoutChromium, timeout: 900_000 }, () => {
  const folder = sharedFolder();
  const site = sharedSite(folder);
  const built = join(folder, 'site');

  test('the scripts of the page take at most 60 kB, the first load with the engine at most 170 kB', async () => {
    assert.ok((await sizeOf(built, pageScripts(built), 'gzip')) <= 60_000);
    const loaded = await loadedFiles(site());
    const html = readFileSync(join(built, 'index.html'), 'utf8');
    for (const name of pageScripts(built))
      assert.match(html, new RegExp(`(src|rel="modulepreload" href)="${name}"`));
    for (const part of [
      /^index\.html$/,
      /^style-/,
      /^main-/,
      /^worker-/,
      /^kernels\/fused-shared-\w{8}\.wasm$/,
    ])
      assert.equal(loaded.filter((name) => part.test(name)).length, 1, loaded.join(' '));
    // Nothing that only other pages need.
    const others = /^(training|reading|model-files|stored-runs|train|runs?|sweeps)-/;
    assert.deepEqual(
      loaded.filter((name) => others.test(name)),
      [],
    );
    const bytes = await sizeOf(built, loaded, 'gzip');
    assert.ok(bytes <= 170_000, `${bytes} bytes`);
  });
});
