/** The kernels have the same constants as the program. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { KERNEL_HEADER, kernelHeader } from '../../scripts/kernel-header.ts';

test('native/kernels/generated.h is up to date with src/engine/', () => {
  assert.equal(
    readFileSync(KERNEL_HEADER, 'utf8'),
    kernelHeader(),
    'npm run build:native; npm run build:wasm',
  );
});
