/** That the WebAssembly in the repository is made from its sources. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { buildWasm, CLANG_VERSION, hasToolchain, PRODUCTS } from '../../scripts/build-wasm.mjs';

const skip = hasToolchain() ? false : `clang-19 and lld-19 of version ${CLANG_VERSION} are not here`;

for (const product of PRODUCTS) {
  test(`${product.path} is that of the sources, byte for byte`, { skip }, () => {
    const kept = readFileSync(new URL(`../../${product.path}`, import.meta.url), 'utf8');
    assert.ok(kept === buildWasm(product), 'it differs: npm run build:wasm');
  });
}
