/** Models as ONNX graphs: writing and reading, the results of an ONNX runtime, and damaged files. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { type TestContext, test } from 'node:test';
import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts';
import { checkpointMetadata } from '../../src/checkpoint/codec.ts';
import { HALF_PRECISIONS } from '../../src/checkpoint/stored-precision.ts';
import { recurrentModules } from '../../src/engine/layout.ts';
import { CheckpointError } from '../../src/errors.ts';
import { exportCheckpoint } from '../../src/formats/export.ts';
import { encodeOnnx } from '../../src/formats/onnx/encode.ts';
import { openCheckpoint } from '../../src/formats/open.ts';
import { MessageWriter } from '../../src/formats/protobuf.ts';
import { layoutOf, MAX_LAYERS } from '../../src/model/config.ts';
import { joined, madeCheckpoint } from '../checkpoint/made-checkpoint.ts';
import { eachKind } from './kinds.ts';
import { largestError, logProbabilities } from './log-probabilities.ts';
import { originals } from './originals.ts';

const TOKENS = Array.from({ length: 60 }, (_, step) => (step * step + 3 * step) % 6);

for (const { name, checkpoint } of eachKind()) {
  test(`${name}: reads back what was written, without the training state and its statistics`, () => {
    const { training: _, meanSquare: __, ...model } = checkpoint;
    const read = openCheckpoint(joined(encodeOnnx(checkpoint)), 'x.onnx');
    assert.deepEqual({ ...read, vocabulary: undefined }, { ...model, vocabulary: undefined });
    assert.ok(read.vocabulary.equals(model.vocabulary));
  });
}

test('float64 stays float64', () => {
  const checkpoint = madeCheckpoint({ precision: 'float64' });
  const read = openCheckpoint(joined(encodeOnnx(checkpoint)), 'x.onnx');
  assert.deepEqual(read.parameters, checkpoint.parameters);
});

/** The part of onnxruntime-node's interface that is used here. The package is too large to be a dependency. */
interface Runtime {
  readonly InferenceSession: {
    create(bytes: Uint8Array): Promise<{
      run(feeds: Record<string, unknown>): Promise<Record<string, RuntimeTensor>>;
      release(): Promise<void>;
    }>;
  };
  readonly Tensor: new (type: string, data: unknown, shape: readonly number[]) => RuntimeTensor;
}
interface RuntimeTensor {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}

function runtime(context: TestContext): Runtime | undefined {
  try {
    return createRequire(import.meta.url)('onnxruntime-node');
  } catch {
    context.skip(
      'onnxruntime-node is not installed: npm install --no-save --ignore-scripts onnxruntime-node',
    );
    return undefined;
  }
}

/** Zero states of all layers. */
function zeroStates(
  { Tensor }: Runtime,
  { config }: Checkpoint,
  rows: number,
): Record<string, RuntimeTensor> {
  const zeros = () =>
    new Tensor('float32', new Float32Array(rows * config.hiddenSize), [1, rows, config.hiddenSize]);
  return Object.fromEntries(
    recurrentModules(layoutOf(config)).flatMap(({ cell }, layer) => [
      [`h_l${layer}`, zeros()],
      ...(cell === 'lstm' ? [[`c_l${layer}`, zeros()]] : []),
    ]),
  );
}

for (const { name, checkpoint } of eachKind()) {
  test(`${name}: onnxruntime computes the same, at once and in pieces, for any number of rows`, async (context) => {
    const ort = runtime(context);
    if (!ort) return;
    const session = await ort.InferenceSession.create(joined(encodeOnnx(checkpoint)));
    const run = (tokens: readonly number[], rows: number, states: Record<string, RuntimeTensor>) => {
      // Every row reads the same text.
      const repeated = BigInt64Array.from(tokens.flatMap((token) => Array(rows).fill(BigInt(token))));
      return session.run({ tokens: new ort.Tensor('int64', repeated, [tokens.length, rows]), ...states });
    };
    const expected = await logProbabilities(checkpoint, TOKENS);
    const whole = await run(TOKENS, 1, zeroStates(ort, checkpoint, 1));
    assert.deepEqual(whole.log_probabilities?.dims, [60, 1, 6]);
    const error = largestError(whole.log_probabilities?.data ?? [], expected);
    context.diagnostic(`largest error ${error.toExponential(1)}`);
    assert.ok(error <= 5e-6, `${error}`);

    const start = await run(TOKENS.slice(0, 20), 3, zeroStates(ort, checkpoint, 3));
    const carried = Object.fromEntries(
      Object.entries(start)
        .filter(([output]) => output.endsWith('_next'))
        .map(([output, tensor]) => [output.replace('_next', ''), tensor]),
    );
    const rest = await run(TOKENS.slice(20), 3, carried);
    const secondRow = (rest.log_probabilities?.data ?? new Float32Array()).filter(
      (_, at) => Math.floor(at / 6) % 3 === 1,
    );
    assert.ok(largestError(secondRow, expected.slice(20 * 6)) <= 5e-6, 'in pieces');
    await session.release();
  });
}

for (const precision of HALF_PRECISIONS) {
  test(`onnxruntime computes the same from constants in ${precision}`, async (context) => {
    const ort = runtime(context);
    if (!ort) return;
    for (const { name, checkpoint } of eachKind()) {
      const file = joined(exportCheckpoint(checkpoint, 'onnx', { precision }).parts);
      const expected = await logProbabilities(openCheckpoint(file, name), TOKENS);
      const session = await ort.InferenceSession.create(file);
      const read = new ort.Tensor('int64', BigInt64Array.from(TOKENS, BigInt), [TOKENS.length, 1]);
      const outputs = await session.run({ tokens: read, ...zeroStates(ort, checkpoint, 1) });
      const error = largestError(outputs.log_probabilities?.data ?? [], expected);
      assert.ok(error <= 5e-6, `${name}: ${error}`);
      await session.release();
    }
  });
}

for (const { name, checkpoint, tokens, expected } of originals()) {
  test(`${name}: onnxruntime predicts what the original did`, async (context) => {
    const ort = runtime(context);
    if (!ort) return;
    const { parts } = exportCheckpoint(checkpoint, 'onnx');
    const session = await ort.InferenceSession.create(joined([...parts]));
    const read = new ort.Tensor('int64', BigInt64Array.from(tokens, BigInt), [tokens.length, 1]);
    const outputs = await session.run({ tokens: read, ...zeroStates(ort, checkpoint, 1) });
    const error = largestError(outputs.log_probabilities?.data ?? [], expected);
    context.diagnostic(`largest error ${error.toExponential(1)}`);
    assert.ok(error <= 5e-6, `${error}`);
    await session.release();
  });
}

test('a number too large for float32 does not become infinite', () => {
  const checkpoint = madeCheckpoint({ precision: 'float64' });
  checkpoint.parameters[5] = 1e39;
  assert.throws(() => exportCheckpoint(checkpoint, 'onnx'), /too large for float32/);
});

test('opens a model with the maximum number of layers quickly', () => {
  const deep = joined(encodeOnnx(madeCheckpoint({ layers: MAX_LAYERS, hiddenSize: 1, moments: 0 })));
  const start = process.cpuUsage();
  assert.equal(openCheckpoint(deep, 'x').config.layers, MAX_LAYERS);
  const { user } = process.cpuUsage(start);
  assert.ok(user < 2e6, `${user / 1e6} s`);
});

test('the metadata has the vocabulary for other programs', async () => {
  const file = Buffer.from(joined(encodeOnnx(madeCheckpoint())));
  assert.ok(file.includes(JSON.stringify(['\n', 'a', '\u00e9', '\u20ac', '\u{1F600}'])));
});

function codeOf(bytes: Uint8Array): string {
  try {
    openCheckpoint(bytes, 'evil.onnx');
    return 'read';
  } catch (error) {
    assert.ok(error instanceof CheckpointError, `${error instanceof Error ? error.stack : error}`);
    return error.code;
  }
}

const whole = joined(encodeOnnx(madeCheckpoint()));

/** The file with a word replaced by another of the same length. */
function replaced(from: string, to: string): Uint8Array {
  assert.equal(from.length, to.length);
  const copy = Buffer.from(whole);
  const at = copy.lastIndexOf(from);
  assert.ok(at > 0);
  copy.write(to, at);
  return new Uint8Array(copy);
}

/** The model's fields, followed by others. */
function followedBy(...parts: readonly Uint8Array[]): Uint8Array {
  return joined([whole, ...parts]);
}

const emptyFields = new Uint8Array(2_000_000).map((_, at) => (at % 2 === 0 ? 0x2a : 0));
const facts = new MessageWriter()
  .text(1, 'char_rnn')
  .text(2, [...checkpointMetadata(madeCheckpoint()).values()][0] ?? '');
const masses = new MessageWriter().text(1, 'vocabulary').text(2, `[${'[],'.repeat(100_000)}[]]`);
const manyDimensions = new MessageWriter().bytes(1, new Uint8Array(1_000_000).fill(1));
const foreign = new MessageWriter().varint(1, 8).text(2, 'pytorch').message(7, new MessageWriter());
const evil: [string, Uint8Array, string][] = [
  ['cut', whole.slice(0, -5), 'checkpoint-malformed'],
  ['a missing constant', replaced('weight_hh_l1', 'weight_hh_l7'), 'checkpoint-malformed'],
  ['another size', replaced('"hiddenSize":3', '"hiddenSize":9'), 'checkpoint-malformed'],
  ['another number of layers', replaced('"layers":2', '"layers":3'), 'checkpoint-malformed'],
  ['a vocabulary that is not a list', replaced('["\\n","a"', '{"\\n","a"'), 'checkpoint-malformed'],
  [
    'a million empty constants',
    joined(new MessageWriter().varint(1, 8).bytes(7, emptyFields).message(14, facts).parts),
    'checkpoint-malformed',
  ],
  [
    'a constant of a million dimensions',
    joined(
      new MessageWriter()
        .varint(1, 8)
        .message(7, new MessageWriter().message(5, manyDimensions))
        .message(14, facts).parts,
    ),
    'checkpoint-malformed',
  ],
  [
    'very many empty symbols',
    followedBy(...new MessageWriter().message(14, masses).parts),
    'checkpoint-malformed',
  ],
  ["another program's model", joined(foreign.parts), 'checkpoint-other-kind'],
];
for (const [what, bytes, code] of evil)
  test(`hostile file: ${what}`, () => assert.equal(codeOf(bytes), code));
