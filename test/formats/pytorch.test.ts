/** Compares PyTorch's results for our checkpoints, with its own modules and the generated one. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts';
import { HALF_PRECISIONS, type StoredPrecision } from '../../src/checkpoint/stored-precision.ts';
import { CheckpointError } from '../../src/errors.ts';
import { exportCheckpoint } from '../../src/formats/export.ts';
import { openCheckpoint } from '../../src/formats/open.ts';
import { pythonModule } from '../../src/formats/python-module.ts';
import { LanguageModel } from '../../src/index.ts';
import { joined, madeCheckpoint } from '../checkpoint/made-checkpoint.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { eachKind } from './kinds.ts';
import { largestError, logProbabilities } from './log-probabilities.ts';
import { originals } from './originals.ts';
import { python } from './python.ts';

const TOKENS = Array.from({ length: 60 }, (_, step) => (step * step + 3 * step) % 6);
const program = fileURLToPath(new URL('pytorch.py', import.meta.url));

interface Computed {
  readonly module: number[];
  readonly pieces: number[];
  readonly own: number[] | null;
  readonly greedy: string;
  readonly sampled: string;
}

test('PyTorch computes the same as our engines, with its own modules and the generated one', async (context) => {
  const interpreter = python(context, 'torch');
  if (!interpreter) return;
  const folder = temporaryFolder(context);
  const module = join(folder, 'model.py');
  writeFileSync(module, pythonModule('model.safetensors'));
  const made = [
    ...eachKind(),
    { name: 'lstm, float64', checkpoint: madeCheckpoint({ precision: 'float64' }) },
  ];
  const exported = (checkpoint: Checkpoint, precision?: StoredPrecision) =>
    joined(exportCheckpoint(checkpoint, 'pytorch', { precision, pytorchModules: false }).parts);
  const inHalf = HALF_PRECISIONS.flatMap((precision) =>
    [madeCheckpoint(), madeCheckpoint({ cell: 'gru', embeddingSize: 5 })].map((checkpoint) => {
      const file = exported(checkpoint, precision);
      return { name: `${checkpoint.config.cell}, ${precision}`, file, checkpoint: openCheckpoint(file, 'x') };
    }),
  );
  const computedHere = [...made.map((one) => ({ ...one, file: exported(one.checkpoint) })), ...inHalf].map(
    async (one) => ({
      ...one,
      tokens: TOKENS,
      expected: await logProbabilities(one.checkpoint, TOKENS),
    }),
  );
  const cases = [
    ...(await Promise.all(computedHere)),
    ...originals().map((one) => ({ ...one, file: exported(one.checkpoint) })),
  ];
  const words = cases.map(({ file, tokens }, index) => {
    const path = join(folder, `${index}.safetensors`);
    writeFileSync(path, file);
    return [path, tokens];
  });
  const { stdout, stderr, status } = spawnSync(interpreter, [program, module, JSON.stringify(words)], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  assert.equal(status, 0, stderr);
  const lines = stdout.trim().split('\n');
  assert.equal(lines.length, cases.length);
  const worst = { float32: 0, float64: 0 };
  for (const [index, { name, checkpoint, expected }] of cases.entries()) {
    const computed: Computed = JSON.parse(lines[index] as string);
    const { config, precision } = checkpoint;
    assert.equal(computed.own === null, config.reset === 'before', name);
    for (const actual of [computed.module, computed.pieces, computed.own ?? computed.module]) {
      const error = largestError(actual, expected);
      worst[precision] = Math.max(worst[precision], error);
      assert.ok(error <= (precision === 'float64' ? 1e-12 : 5e-6), `${name}: ${error}`);
    }
    const model = new LanguageModel(checkpoint, { engine: 'reference' });
    let greedy = '';
    for await (const text of model.generate({ prompt: 'a', length: 40, temperature: 0 })) greedy += text;
    assert.equal(computed.greedy, greedy, `${name}: the most likely text`);
    assert.equal([...computed.sampled].length, 40);
    assert.ok(!computed.sampled.includes('\ufffd'), 'the unknown symbol is never drawn');
    await model.close();
  }
  context.diagnostic(
    `largest error ${worst.float32.toExponential(1)} in float32, ${worst.float64.toExponential(1)} in float64, over ${cases.length} models`,
  );
});

test('the generated module loads a checkpoint with a training state and statistics for dynamic evaluation', (context) => {
  const interpreter = python(context, 'torch');
  if (!interpreter) return;
  const folder = temporaryFolder(context);
  const checkpoint = madeCheckpoint();
  assert.ok(checkpoint.meanSquare);
  writeFileSync(join(folder, 'model.safetensors'), joined(exportCheckpoint(checkpoint, 'safetensors').parts));
  writeFileSync(join(folder, 'model.py'), pythonModule('model.safetensors'));
  const words = ['-c', 'import model; model.load()'];
  const { stderr, status } = spawnSync(interpreter, words, { cwd: folder, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
});

test('refuses to export the gru of the original for PyTorch, and suggests alternatives', () => {
  const gru = madeCheckpoint({ cell: 'gru' });
  assert.throws(
    () => exportCheckpoint(gru, 'pytorch'),
    (error: unknown) =>
      error instanceof CheckpointError &&
      error.code === 'checkpoint-not-convertible' &&
      /nn\.GRU[\s\S]*asModule: true[\s\S]*--gru-reset after/.test(error.message),
  );
});
