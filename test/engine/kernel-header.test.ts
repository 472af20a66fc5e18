/** That the constants of the kernels are those of the program. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { KERNEL_HEADER, kernelHeader } from '../../scripts/kernel-header.ts';

test('native/kernels/generated.h is that of src/engine/', () => {
  assert.equal(
    readFileSync(KERNEL_HEADER, 'utf8'),
    kernelHeader(),
    'npm run build:native; npm run build:wasm',
  );
});
