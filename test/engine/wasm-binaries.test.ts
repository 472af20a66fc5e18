/** The WebAssembly in the repository is built from the current sources. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { buildWasm, CLANG_VERSION, hasToolchain, PRODUCTS } from '../../scripts/build-wasm.mjs';

const skip = hasToolchain() ? false : `clang-19 and lld-19 of version ${CLANG_VERSION} are not installed`;

for (const product of PRODUCTS) {
  test(`${product.path} is what the sources compile to, byte for byte`, { skip }, () => {
    const kept = readFileSync(new URL(`../../${product.path}`, import.meta.url), 'utf8');
    assert.ok(kept === buildWasm(product), 'it is out of date: npm run build:wasm');
  });
}
