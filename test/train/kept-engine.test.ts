/** A resumed run keeps its kind of engine, unless another is given. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { ReferenceEngine } from '../../src/engine/reference/reference-engine.ts';
import type { MakeEngine } from '../../src/engine/select.ts';
import { readCheckpointFile } from '../../src/formats/read.node.ts';
import { keptEngine, openedEngine } from '../../src/train/start/kept-engine.ts';
import { train } from '../../src/train/train.node.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const STORED = { engine: 'checkpoint', gpu: 'checkpoint' } as const;

test('of the engine and the GPU, what is given now overrides what is stored', () => {
  for (const [choice, given, expected] of [
    // Nothing is given.
    [{ engine: 'auto' }, {}, { engine: 'auto', gpu: undefined }],
    [{ engine: 'native' }, {}, { engine: 'native', gpu: undefined }],
    [{ engine: 'webgpu' }, {}, { engine: 'webgpu', gpu: undefined }],
    [{ engine: 'webgpu', gpu: 1 }, {}, { engine: 'webgpu', gpu: 1 }],
    [{ engine: 'auto', gpu: 2 }, {}, { engine: 'auto', gpu: 2 }],
    [{ engine: 'webgpu', gpu: -1 }, {}, { engine: 'auto', gpu: -1 }],
    // An engine is given.
    [{ engine: 'native', gpu: 0 }, { engine: 'flag' }, { engine: 'native', gpu: undefined }],
    [{ engine: 'auto', gpu: 0 }, { engine: 'flag' }, { engine: 'auto', gpu: undefined }],
    [{ engine: 'webgpu', gpu: -1 }, { engine: 'flag' }, { engine: 'webgpu', gpu: undefined }],
    [{ engine: 'webgpu', gpu: 1 }, { engine: 'config' }, { engine: 'webgpu', gpu: 1 }],
    // A GPU is given.
    [{ engine: 'webgpu', gpu: -1 }, { gpu: 'flag' }, { engine: 'auto', gpu: -1 }],
    [{ engine: 'webgpu', gpu: 1 }, { gpu: 'flag' }, { engine: 'webgpu', gpu: 1 }],
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

test('a stored GPU is not required', () => {
  const opened = (engine: 'auto' | 'webgpu' | 'native', gpu?: number, given = {}) =>
    openedEngine({ engine, gpu }, { ...STORED, ...given });
  assert.deepEqual(opened('webgpu'), { engine: 'auto', gpu: 0 });
  assert.deepEqual(opened('webgpu', 2), { engine: 'auto', gpu: 2 });
  assert.deepEqual(opened('webgpu', 2, { gpu: 'flag' }), { engine: 'auto', gpu: 2 });
  assert.deepEqual(opened('webgpu', 2, { engine: 'flag' }), { engine: 'webgpu', gpu: 2 });
  assert.deepEqual(opened('auto', 1), { engine: 'auto', gpu: 1 });
  assert.deepEqual(opened('native'), { engine: 'native', gpu: undefined });
});

test('a run that is resumed where no GPU works says so, and returns to the GPU where one works', async (context) => {
  const checkpointDir = temporaryFolder(context);
  const text = 'the harbour wall stood in the rain. '.repeat(30);
  let hasGpu = true;
  const asked: unknown[] = [];
  const makeEngine: MakeEngine = async ({ engine: name, gpu }) => {
    asked.push([name, gpu]);
    const engine = new ReferenceEngine('float32');
    const isGpu = hasGpu && (name === 'webgpu' || gpu === 0);
    if (isGpu) Object.assign(engine, { description: { ...engine.description, name: 'webgpu' } });
    const notice =
      isGpu || (gpu ?? -1) < 0 ? undefined : "GPU 0 can't be used, so the CPU computes: it left.";
    return { engine, notice };
  };
  const notices = async (maxIterations: number, more: object) => {
    const shape = { hiddenSize: 2, layers: 1, batchSize: 2, sequenceLength: 5, baseline: false };
    const input = { text, checkpointDir, maxIterations, makeEngine, ...more };
    const found: string[] = [];
    for await (const event of train('resume' in more ? input : { ...shape, ...input }))
      if (event.type === 'notice') found.push(event.message);
    return found.filter((line) => line.includes('GPU'));
  };
  const stored = async () => {
    const { training } = await readCheckpointFile(join(checkpointDir, 'last.safetensors'));
    return [training?.options.engine, training?.options.gpu];
  };
  assert.deepEqual(await notices(1, { engine: 'webgpu' }), []);
  hasGpu = false;
  assert.deepEqual(await notices(2, { resume: checkpointDir }), [
    'the run has `engine` webgpu: it continues with the reference engine, and returns to the GPU when it is resumed where one works',
    "GPU 0 can't be used, so the CPU computes: it left.",
  ]);
  assert.deepEqual(await stored(), ['webgpu', undefined]);
  hasGpu = true;
  assert.deepEqual(await notices(3, { resume: checkpointDir }), [
    'the run continues with the GPU engine, as before',
  ]);
  // The CPU, once chosen, stays.
  assert.deepEqual(await notices(4, { resume: checkpointDir, gpu: -1 }), []);
  assert.deepEqual(await stored(), ['auto', -1]);
  assert.deepEqual(await notices(5, { resume: checkpointDir }), []);
  assert.deepEqual(asked, [
    ['webgpu', undefined],
    ['auto', 0],
    ['auto', 0],
    ['auto', -1],
    ['auto', -1],
  ]);
});
