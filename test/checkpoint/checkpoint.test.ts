import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts';
import { checkpointTensors, decodeCheckpoint, encodeCheckpoint } from '../../src/checkpoint/codec.ts';
import { METADATA_KEY } from '../../src/checkpoint/metadata.ts';
import { bytesSource } from '../../src/checkpoint/safetensors/byte-source.ts';
import type { TensorArray } from '../../src/checkpoint/safetensors/number-types.ts';
import {
  decodeSafetensors,
  encodeSafetensors,
  type TensorToStore,
} from '../../src/checkpoint/safetensors/safetensors.ts';
import { withoutTraining } from '../../src/checkpoint/weights-only.ts';
import { Vocabulary } from '../../src/data/vocabulary.ts';
import { CheckpointError } from '../../src/errors.ts';
import { NO_REGULARIZATION } from '../../src/model/regularization.ts';
import { joined, madeCheckpoint } from './made-checkpoint.ts';

const kinds = [
  { cell: 'lstm' },
  { cell: 'gru' },
  { cell: 'gru', reset: 'after' },
  { cell: 'rnn' },
  { cell: 'lstm', embeddingSize: 5 },
] as const;
for (const kind of kinds) {
  for (const precision of ['float32', 'float64'] as const) {
    test(`${Object.values(kind).join(', ')}, ${precision}: what is read is what was written`, () => {
      const checkpoint = madeCheckpoint({ ...kind, precision, moments: precision === 'float32' ? 1 : 2 });
      const read = decodeCheckpoint(joined(encodeCheckpoint(checkpoint)), 'x');
      assert.ok(read.vocabulary.equals(checkpoint.vocabulary));
      assert.deepEqual({ ...read, vocabulary: undefined }, { ...checkpoint, vocabulary: undefined });
    });
  }
}

test('vocabularies of bytes and of graphemes; a model without a training state', () => {
  const bytes = new Vocabulary({
    kind: 'byte',
    normalize: 'none',
    symbols: ['\u0000', 'a', '\u00ff'],
    hasUnknown: false,
  });
  const graphemes = new Vocabulary({
    kind: 'grapheme',
    normalize: 'none',
    symbols: ['e\u0301', '\u{1F468}\u200d\u{1F469}'],
    hasUnknown: false,
    unicodeVersion: '15.0',
  });
  for (const vocabulary of [bytes, graphemes]) {
    const { training: _, ...checkpoint } = madeCheckpoint({ vocabulary });
    const read = decodeCheckpoint(joined(encodeCheckpoint(checkpoint)), 'x');
    assert.deepEqual(read.vocabulary.symbols, vocabulary.symbols);
    assert.equal(read.vocabulary.unicodeVersion, vocabulary.unicodeVersion);
    assert.equal(read.training, undefined);
  }
});

test('stores dropout in the shape, as always; without regularization it is 0', () => {
  const checkpoint = madeCheckpoint();
  const dropoutIn = (one: Checkpoint) => {
    const { metadata } = decodeSafetensors(joined(encodeCheckpoint(one)), 'x');
    return JSON.parse(metadata.get(METADATA_KEY) ?? '').config.dropout;
  };
  assert.equal(dropoutIn(checkpoint), 0.25);
  assert.equal(dropoutIn({ ...checkpoint, regularization: undefined }), 0);
  const read = decodeCheckpoint(joined(encodeCheckpoint(checkpoint)), 'x');
  assert.deepEqual(read.regularization, checkpoint.regularization);
  assert.equal(Object.hasOwn(read.config, 'dropout'), false);
  const older = withMetadata((json) => delete json.regularization);
  assert.deepEqual(
    decodeCheckpoint(older, 'x').regularization,
    { ...NO_REGULARIZATION, dropout: 0.25 },
    'a checkpoint of an earlier version',
  );
});

test('keeps the facts of another program', () => {
  const { training: _, ...checkpoint } = madeCheckpoint();
  const origin = {
    program: 'char-rnn',
    options: { rnn_size: 3, model: 'lstm' },
    iteration: 9,
    trainLosses: { iterations: Int32Array.of(1, 2), values: Float64Array.of(4, 3) },
    validationLosses: { iterations: Int32Array.of(9), values: Float64Array.of(2.5) },
    notices: ['a function was left out'],
    sampleOnly: 'it has batch normalisation',
  };
  const read = decodeCheckpoint(joined(encodeCheckpoint({ ...checkpoint, origin })), 'x');
  assert.deepEqual(read.origin, origin);
});

test("tensors have PyTorch's names, shapes and gate order", () => {
  const checkpoint = madeCheckpoint();
  const { tensors } = decodeSafetensors(joined(encodeCheckpoint(checkpoint)), 'x');
  assert.deepEqual(tensors.get('rnn.weight_ih_l0')?.shape, [12, 6]);
  assert.deepEqual(tensors.get('rnn.weight_hh_l1')?.shape, [12, 3]);
  assert.deepEqual(tensors.get('rnn.bias_ih_l0')?.shape, [12]);
  assert.deepEqual(tensors.get('decoder.weight')?.shape, [6, 3]);
  // Ours: i, f, o, g. nn.LSTM's: i, f, g, o.
  const stored = tensors.get('rnn.weight_ih_l0')?.values as Float32Array;
  const gate = (values: ArrayLike<number>, index: number) =>
    Array.from(values).slice(index * 18, (index + 1) * 18);
  assert.deepEqual(gate(stored, 2), gate(checkpoint.parameters.subarray(0, 72), 3));
  assert.deepEqual(gate(stored, 3), gate(checkpoint.parameters.subarray(0, 72), 2));
  const gru = decodeSafetensors(joined(encodeCheckpoint(madeCheckpoint({ cell: 'gru' }))), 'x');
  assert.ok(gru.tensors.has('gru_v1.weight_ih_l0'), 'a gru that is not nn.GRU has another name');
  const embedded = decodeSafetensors(joined(encodeCheckpoint(madeCheckpoint({ embeddingSize: 5 }))), 'x');
  assert.deepEqual(embedded.tensors.get('embedding.weight')?.shape, [6, 5]);
  assert.deepEqual(embedded.tensors.get('rnn.weight_ih_l0')?.shape, [12, 5]);
});

test('a gru whose reset acts after the product is an nn.GRU: r, z, n, and its z weighs the old state', () => {
  const checkpoint = madeCheckpoint({ cell: 'gru', reset: 'after' });
  const { tensors } = decodeSafetensors(joined(encodeCheckpoint(checkpoint)), 'x');
  // The first layer's weight_ih: three gates of 3 · 6.
  const [z, r, n] = [0, 18, 36].map((at) => Array.from(checkpoint.parameters.subarray(at, at + 18)));
  const stored = Array.from(tensors.get('rnn.weight_ih_l0')?.values as Float32Array);
  assert.deepEqual(stored, [...(r ?? []), ...(z ?? []).map((value) => -value), ...(n ?? [])]);
  const moment = tensors.get('train.moment0.rnn.weight_ih_l0')?.values as Float32Array;
  const [square] = checkpoint.training.moments;
  assert.deepEqual(moment.subarray(18, 36), square?.subarray(0, 18), 'a mean of squares keeps its sign');
});

/** The result of decoding some bytes: `read`, or the code of a CheckpointError. Any other error fails the test. */
function outcome(bytes: Uint8Array): 'read' | string {
  try {
    decodeCheckpoint(bytes, 'evil.safetensors');
    return 'read';
  } catch (error) {
    assert.ok(error instanceof CheckpointError, `${error instanceof Error ? error.stack : error}`);
    return error.code;
  }
}

test('truncated anywhere: a named error', () => {
  const bytes = joined(encodeCheckpoint(madeCheckpoint()));
  for (let length = 0; length < bytes.length; length++) {
    const code = outcome(bytes.slice(0, length));
    assert.match(code, /^checkpoint-(empty|truncated|other-kind)$/, `${length} bytes: ${code}`);
  }
  assert.equal(outcome(joined([bytes, Uint8Array.of(0)])), 'checkpoint-malformed');
});

test('changed bits in the header: reads the file or throws a named error', () => {
  const bytes = joined(encodeCheckpoint(madeCheckpoint()));
  const headerSize = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
  fc.assert(
    fc.property(fc.integer({ min: 0, max: headerSize - 1 }), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const evil = bytes.slice();
      evil[at] = (evil[at] ?? 0) ^ flip;
      outcome(evil);
    }),
    { numRuns: 2000 },
  );
});

/** A file with this header and some data. */
function file(header: unknown, dataSize = 0): Uint8Array {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(json.length), true);
  return joined([length, json, new Uint8Array(dataSize)]);
}

const huge = 2 ** 53 - 1;
const evil: [string, Uint8Array, string][] = [
  ['a header of 2^63 bytes', Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0x80, 0x7b), 'checkpoint-other-kind'],
  ['no JSON', file('{"a'), 'checkpoint-malformed'],
  ['very many empty arrays', file(`{"a":[${'[],'.repeat(100_000)}[]]}`), 'checkpoint-malformed'],
  ['very many numbers', file(`{"a":[${'0,'.repeat(100_000)}0]}`), 'checkpoint-malformed'],
  ['an array', file('[1]'), 'checkpoint-other-kind'],
  ['deeply nested arrays', file(`{"a":${'['.repeat(200_000)}`), 'checkpoint-malformed'],
  [
    'a size larger than any memory',
    file({ a: { dtype: 'F32', shape: [huge, huge], data_offsets: [0, 8] } }, 8),
    'checkpoint-malformed',
  ],
  [
    'offsets beyond the file',
    file({ a: { dtype: 'F32', shape: [1000], data_offsets: [0, 4000] } }, 8),
    'checkpoint-truncated',
  ],
  ['a gap', file({ a: { dtype: 'U8', shape: [1], data_offsets: [1, 2] } }, 2), 'checkpoint-malformed'],
  [
    'an overlap',
    file(
      {
        a: { dtype: 'U8', shape: [2], data_offsets: [0, 2] },
        b: { dtype: 'U8', shape: [2], data_offsets: [1, 3] },
      },
      3,
    ),
    'checkpoint-malformed',
  ],
  [
    'a negative shape',
    file({ a: { dtype: 'U8', shape: [-1], data_offsets: [0, 1] } }, 1),
    'checkpoint-malformed',
  ],
  [
    'an unknown type',
    file({ a: { dtype: 'F12', shape: [1], data_offsets: [0, 2] } }, 2),
    'checkpoint-malformed',
  ],
  ['a tensor that is null', file({ a: null }), 'checkpoint-malformed'],
  [
    'a prototype',
    file('{"__proto__":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}'),
    'checkpoint-other-kind',
  ],
  [
    "another program's safetensors",
    file({ a: { dtype: 'U8', shape: [1], data_offsets: [0, 1] } }, 1),
    'checkpoint-other-kind',
  ],
  ['a text', new TextEncoder().encode('Once upon a time there was a text'), 'checkpoint-other-kind'],
  ['a zip archive', Uint8Array.of(0x50, 0x4b, 3, 4, 0, 0, 0, 0, 0, 0), 'checkpoint-other-kind'],
  ['a Torch7 file', Uint8Array.of(4, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0), 'checkpoint-other-kind'],
];
for (const [what, bytes, code] of evil) {
  test(`hostile file: ${what}`, () => assert.equal(outcome(bytes), code));
}

test('statistics: finite, not negative, of the right shape; if a tensor is missing, there are none', () => {
  const { tensors, metadata } = decodeSafetensors(joined(encodeCheckpoint(madeCheckpoint())), 'x');
  const name = 'mean_square.decoder.bias';
  const { shape, values } = tensors.get(name) as TensorToStore;
  const withBias = (bias: TensorToStore | undefined) => {
    const changed = new Map<string, TensorToStore>(tensors);
    if (bias) changed.set(name, bias);
    else changed.delete(name);
    return joined(encodeSafetensors({ tensors: changed, metadata }));
  };
  for (const value of [-1e-9, Number.NaN, Number.POSITIVE_INFINITY]) {
    const bias = { shape, values: (values as Float32Array).slice().fill(value, 1, 2) };
    assert.equal(outcome(withBias(bias)), 'checkpoint-malformed', `${value}`);
  }
  assert.equal(outcome(withBias({ shape: [2, 3], values })), 'checkpoint-malformed');
  const read = decodeCheckpoint(withBias(undefined), 'x');
  assert.equal(read.meanSquare, undefined);
  assert.ok(read.training);
});

test('without the training state, a file has the parameters alone: no state, no statistics', () => {
  const checkpoint = madeCheckpoint();
  const file = joined(encodeCheckpoint(checkpoint));
  const parts = withoutTraining(bytesSource(file), 'x');
  const smaller = joined(
    parts.map((part) => (part instanceof Uint8Array ? part : file.subarray(part.begin, part.end))),
  );
  const other = [...decodeSafetensors(smaller, 'x').tensors.keys()].filter((name) =>
    /^(train|mean_square)\./.test(name),
  );
  assert.deepEqual(other, []);
  const read = decodeCheckpoint(smaller, 'x');
  assert.deepEqual([read.training, read.meanSquare], [undefined, undefined]);
  assert.deepEqual(read.parameters, checkpoint.parameters);
});

/** The parts of a checkpoint's JSON that tests change. */
interface Metadata {
  readonly config: object;
  regularization?: object;
  readonly training: { average?: object; readonly stability: { readonly good: { average?: object } } };
}

/** The file of a checkpoint with its JSON changed. */
function withMetadata(change: (json: Metadata) => void): Uint8Array {
  const { tensors, metadata } = decodeSafetensors(joined(encodeCheckpoint(madeCheckpoint())), 'x');
  const json = JSON.parse(metadata.get('char_rnn') ?? '');
  change(json);
  return joined(encodeSafetensors({ tensors, metadata: new Map([['char_rnn', JSON.stringify(json)]]) }));
}

const lies: [string, (json: Metadata) => void, string][] = [
  ['a newer version', (json) => Object.assign(json, { formatVersion: 5 }), 'checkpoint-newer'],
  ['a billion layers', (json) => Object.assign(json.config, { layers: 1e9 }), 'checkpoint-malformed'],
  ['a billion units', (json) => Object.assign(json.config, { hiddenSize: 1e9 }), 'checkpoint-malformed'],
  ['another cell', (json) => Object.assign(json.config, { cell: 'gru' }), 'checkpoint-malformed'],
  [
    'another precision: that of the tensors is right',
    (json) => Object.assign(json, { precision: 'float64' }),
    'read',
  ],
  [
    'another vocabulary size',
    (json) => Object.assign(json.config, { vocabularySize: 5 }),
    'checkpoint-malformed',
  ],
  [
    'a batch of another size',
    (json) => Object.assign(json.training, { batchSize: 5 }),
    'checkpoint-malformed',
  ],
  ['more moments: a model without a run', (json) => Object.assign(json.training, { moments: 2 }), 'read'],
  [
    'a learning rate of 0, to which one may decay',
    (json) => Object.assign(json.training, { learningRate: 0 }),
    'read',
  ],
  [
    'a negative learning rate',
    (json) => Object.assign(json.training, { learningRate: -1e-9 }),
    'checkpoint-malformed',
  ],
  [
    'a negative learning rate in the state to return to',
    (json) => Object.assign(json.training.stability.good, { learningRate: -1 }),
    'checkpoint-malformed',
  ],
  [
    'options with very many values',
    (json) => Object.assign(json.training, { options: { a: Array(20_000).fill([]) } }),
    'checkpoint-malformed',
  ],
  [
    'a position before the start of the text',
    (json) =>
      Object.assign(json.training, {
        shapeChange: { batchOffset: -8, heldOut: { batchSize: 4, sequenceLength: 5 } },
      }),
    'checkpoint-malformed',
  ],
  [
    'all recurrent weights dropped',
    (json) => Object.assign(json.regularization ?? {}, { weightDrop: 1 }),
    'checkpoint-malformed',
  ],
  [
    'an average that began at a later iteration',
    (json) => Object.assign(json.training, { average: { since: 8 } }),
    'checkpoint-malformed',
  ],
  [
    'an average that began after the state to return to',
    (json) => Object.assign(json.training.stability.good, { average: { since: 1 } }),
    'checkpoint-malformed',
  ],
  [
    'an average that began at no iteration',
    (json) => Object.assign(json.training, { average: { since: 0.5 } }),
    'checkpoint-malformed',
  ],
  ['weights without an average', (json) => delete json.training.average, 'checkpoint-malformed'],
  [
    'weights to return to without an average',
    (json) => delete json.training.stability.good.average,
    'checkpoint-malformed',
  ],
  ['a negative iteration', (json) => Object.assign(json.training, { iteration: -1 }), 'checkpoint-malformed'],
];
for (const [what, change, code] of lies) {
  test(`inconsistent metadata: ${what}`, () => assert.equal(outcome(withMetadata(change)), code));
}

/** The file of a checkpoint with one of its tensors changed. */
function withTensor(name: string, change: (values: TensorArray) => void): Uint8Array {
  const { tensors, metadata } = decodeSafetensors(joined(encodeCheckpoint(madeCheckpoint())), 'x');
  const read = new Map([...tensors].map(([key, { shape, values }]) => [key, { shape, values }]));
  change(read.get(name)?.values as TensorArray);
  return joined(encodeSafetensors({ tensors: read, metadata }));
}

for (const [what, name, value] of [
  ['a parameter that is infinite', 'decoder.bias', Number.POSITIVE_INFINITY],
  ['a moment that is NaN', 'train.moment0.decoder.bias', Number.NaN],
  ['a weight that is NaN', 'train.weights.decoder.bias', Number.NaN],
  ['a weight to return to that is infinite', 'train.good.weights.rnn.bias_hh_l0', Number.POSITIVE_INFINITY],
  ['a carried state that is NaN', 'train.state_l1', Number.NaN],
  ['a random generator with a wrong word', 'train.generator', 2n ** 40n],
] as const) {
  test(`hostile file: ${what}`, () => {
    const bytes = withTensor(name, (values) =>
      (values as (number | bigint)[] & TensorArray).fill(value as never),
    );
    assert.equal(outcome(bytes), 'checkpoint-malformed');
  });
}

test('without the weights of an average, a file is a model to use; a file with an average has version 3', () => {
  const { tensors, metadata } = checkpointTensors(madeCheckpoint());
  for (const lost of ['train.weights.decoder.bias', 'train.good.weights.rnn.weight_hh_l1']) {
    const kept = new Map([...tensors].filter(([name]) => name !== lost));
    assert.equal(kept.size, tensors.size - 1);
    const { training, notices } = decodeCheckpoint(
      joined(encodeSafetensors({ tensors: kept, metadata })),
      'x',
    );
    assert.equal(training, undefined);
    assert.match(notices?.[0] ?? '', /some of its tensors are missing/);
  }
  const version = ({ metadata: stored }: { metadata: ReadonlyMap<string, string> }) =>
    (JSON.parse(stored.get('char_rnn') ?? '') as { formatVersion: number }).formatVersion;
  assert.equal(version({ metadata }), 3);
  const made = madeCheckpoint();
  const { average: _, stability: __, ...plain } = made.training;
  assert.equal(version(checkpointTensors({ ...made, training: plain })), 1);
  const stability = made.training.stability;
  assert.equal(
    version(checkpointTensors({ ...made, training: { ...plain, stability } })),
    3,
    'only in the state to return to',
  );
});
