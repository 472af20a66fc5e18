/** A resumed run keeps its kind of engine, unless another is given. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keptEngine } from '../../src/train/start/kept-engine.ts';

const STORED = { engine: 'checkpoint', gpu: 'checkpoint' } as const;

test('of the engine and the GPU, what is given now overrides what is stored', () => {
  for (const [choice, given, expected] of [
    // Nothing is given: a GPU is kept, but not required.
    [{ engine: 'auto' }, {}, { engine: 'auto', gpu: undefined }],
    [{ engine: 'native' }, {}, { engine: 'native', gpu: undefined }],
    [{ engine: 'webgpu' }, {}, { engine: 'auto', gpu: 0 }],
    [{ engine: 'webgpu', gpu: 1 }, {}, { engine: 'auto', gpu: 1 }],
    [{ engine: 'auto', gpu: 2 }, {}, { engine: 'auto', gpu: 2 }],
    [{ engine: 'webgpu', gpu: -1 }, {}, { engine: 'auto', gpu: -1 }],
    // An engine is given.
    [{ engine: 'native', gpu: 0 }, { engine: 'flag' }, { engine: 'native', gpu: undefined }],
    [{ engine: 'auto', gpu: 0 }, { engine: 'flag' }, { engine: 'auto', gpu: undefined }],
    [{ engine: 'webgpu', gpu: -1 }, { engine: 'flag' }, { engine: 'webgpu', gpu: undefined }],
    [{ engine: 'webgpu', gpu: 1 }, { engine: 'config' }, { engine: 'webgpu', gpu: 1 }],
    // A GPU is given.
    [{ engine: 'webgpu', gpu: -1 }, { gpu: 'flag' }, { engine: 'auto', gpu: -1 }],
    [{ engine: 'native', gpu: 1 }, { gpu: 'flag' }, { engine: 'auto', gpu: 1 }],
    [{ engine: 'wasm', gpu: -1 }, { gpu: 'flag' }, { engine: 'wasm', gpu: undefined }],
    // Both are given.
    [
      { engine: 'webgpu', gpu: 1 },
      { engine: 'flag', gpu: 'flag' },
      { engine: 'webgpu', gpu: 1 },
    ],
  ] as const) {
    assert.deepEqual(keptEngine(choice, { ...STORED, ...given }), expected, JSON.stringify([choice, given]));
  }
});
