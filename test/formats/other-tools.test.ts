/** Checkpoints saved again by Python tools: with other number types, without metadata, with tensors missing, added or reordered. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts';
import { encodeCheckpoint } from '../../src/checkpoint/codec.ts';
import { surveyFolder } from '../../src/checkpoint/storage/run-survey.node.ts';
import { Vocabulary } from '../../src/data/vocabulary.ts';
import { CheckpointError } from '../../src/errors.ts';
import { encodeNpz } from '../../src/formats/npz/npz.ts';
import { decodeZip, encodeZip } from '../../src/formats/npz/zip.ts';
import { encodeOnnx } from '../../src/formats/onnx/encode.ts';
import { GRAPH, MODEL, TENSOR, TYPES } from '../../src/formats/onnx/schema.ts';
import { openCheckpoint } from '../../src/formats/open.ts';
import { fieldsOf, MessageWriter } from '../../src/formats/protobuf.ts';
import { readCheckpointFile } from '../../src/formats/read.node.ts';
import { NO_REGULARIZATION } from '../../src/model/regularization.ts';
import { joined, madeCheckpoint } from '../checkpoint/made-checkpoint.ts';
import { charRnn } from '../cli/command.ts';
import { temporaryFolder } from '../temporary-folder.ts';

interface RawTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

interface RawFile {
  readonly tensors: ReadonlyMap<string, RawTensor>;
  readonly metadata: Readonly<Record<string, string>> | undefined;
}

/** Parses a safetensors file like Python's `safe_open`, without the program's own reader. */
function parseSafetensors(file: Uint8Array): RawFile {
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length)));
  const { __metadata__: metadata, ...places } = header;
  const tensors = new Map<string, RawTensor>();
  for (const [name, place] of Object.entries(places)) {
    const {
      dtype,
      shape,
      data_offsets: offsets,
    } = place as {
      dtype: string;
      shape: number[];
      data_offsets: [number, number];
    };
    const bytes = file.slice(8 + length + offsets[0], 8 + length + offsets[1]);
    tensors.set(name, { dtype, shape, bytes });
  }
  return { tensors, metadata };
}

/** What `save_file(tensors, path, metadata)` writes. */
function buildSafetensors({ tensors, metadata }: RawFile): Uint8Array {
  const header: Record<string, unknown> = metadata ? { __metadata__: metadata } : {};
  let at = 0;
  for (const [name, { dtype, shape, bytes }] of tensors) {
    header[name] = { dtype, shape, data_offsets: [at, at + bytes.length] };
    at += bytes.length;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(json.length), true);
  return joined([length, json, ...[...tensors.values()].map(({ bytes }) => bytes)]);
}

/** The file of a checkpoint with a change. */
function changed(checkpoint: Checkpoint, change: (raw: RawFile) => RawFile): Uint8Array {
  return buildSafetensors(change(parseSafetensors(joined(encodeCheckpoint(checkpoint)))));
}

const withoutTraining = ({ tensors, metadata }: RawFile): RawFile => ({
  tensors: new Map([...tensors].filter(([name]) => !name.startsWith('train.'))),
  metadata,
});

function cast(raw: RawFile, dtype: string, convert: (value: number) => Uint8Array): RawFile {
  const tensors = new Map(
    [...raw.tensors].map(([name, tensor]): [string, RawTensor] => {
      if (tensor.dtype !== 'F32') return [name, tensor];
      const values = new Float32Array(tensor.bytes.buffer);
      return [name, { ...tensor, dtype, bytes: joined(Array.from(values, convert)) }];
    }),
  );
  return { ...raw, tensors };
}

const asBfloat16 = (value: number) => new Uint8Array(Float32Array.of(value).buffer).slice(2);
const asFloat64 = (value: number) => new Uint8Array(Float64Array.of(value).buffer);
/** 0.25 with the sign of the value: 0x3400 is 0.25 in half precision. */
const asFloat16 = (value: number) => Uint8Array.of(0, value < 0 ? 0xb4 : 0x34);

test('converts weights in half precision to float32, with a notice', () => {
  const checkpoint = madeCheckpoint();
  const half = openCheckpoint(
    changed(checkpoint, (raw) => cast(withoutTraining(raw), 'F16', asFloat16)),
    'x',
  );
  assert.deepEqual(
    half.parameters,
    checkpoint.parameters.map((value) => (value < 0 ? -0.25 : 0.25)),
  );
  assert.equal(half.precision, 'float32');
  assert.match(half.notices?.join('\n') ?? '', /weights are stored as float16.*read as float32/);
  const brain = openCheckpoint(
    changed(checkpoint, (raw) => cast(raw, 'BF16', asBfloat16)),
    'x',
  );
  const cut = new Uint32Array(checkpoint.parameters.slice().buffer).map((bits) => bits & 0xffff_0000);
  assert.deepEqual(brain.parameters, new Float32Array(cut.buffer));
  assert.match(brain.notices?.join('\n') ?? '', /bfloat16[\s\S]*its run can.t be resumed/);
  assert.equal(brain.training, undefined, 'these are not the weights of the run');
});

test('every number of half precision: subnormal, the largest, zeros; one that is not finite is refused', () => {
  const named = [
    [0x0001, 2 ** -24],
    [0x03ff, 1023 * 2 ** -24],
    [0x0400, 2 ** -14],
    [0x7bff, 65504],
    [0x8000, -0],
    [0xc000, -2],
    [0x3555, 0.333251953125],
  ] as const;
  for (const [bits, value] of named) {
    const bytes = () => Uint8Array.of(bits & 0xff, bits >> 8);
    const file = changed(madeCheckpoint(), (raw) => cast(withoutTraining(raw), 'F16', bytes));
    assert.ok(
      openCheckpoint(file, 'x').parameters.every((number) => Object.is(number, value)),
      `${value}`,
    );
  }
  const infinite = changed(madeCheckpoint(), (raw) =>
    cast(withoutTraining(raw), 'F16', () => Uint8Array.of(0, 0x7c)),
  );
  assert.throws(() => openCheckpoint(infinite, 'x'), {
    code: 'checkpoint-malformed',
    message: /not a finite/,
  });
});

test('reads weights in double precision as float64', () => {
  const checkpoint = madeCheckpoint();
  const read = openCheckpoint(
    changed(checkpoint, (raw) => cast(withoutTraining(raw), 'F64', asFloat64)),
    'x',
  );
  assert.deepEqual(read.parameters, Float64Array.from(checkpoint.parameters));
  assert.match(
    read.notices?.join('\n') ?? '',
    /stored as float64, but the model was float32; read as float64/,
  );
});

const bytes = new Vocabulary({
  kind: 'byte',
  normalize: 'none',
  symbols: ['\n', 'a', '\u00c3'],
  hasUnknown: false,
});
const graphemes = new Vocabulary({
  kind: 'grapheme',
  normalize: 'none',
  symbols: ['a', 'e\u0301', '\u{1F468}\u200d\u{1F469}'],
  hasUnknown: true,
});
const characters = new Vocabulary({
  kind: 'character',
  normalize: 'none',
  symbols: ['a', '\u00e9', '\u{1F600}'],
  hasUnknown: false,
});
for (const kind of [
  { cell: 'lstm' },
  { cell: 'gru', layers: 1 },
  { cell: 'gru', reset: 'after', layers: 3 },
  { cell: 'rnn' },
  { cell: 'lstm', embeddingSize: 5, precision: 'float64' },
] as const) {
  test(`${Object.values(kind).join(', ')}: without metadata the model is inferred from its tensors`, () => {
    for (const vocabulary of [bytes, graphemes, characters]) {
      const { training: _, ...model } = madeCheckpoint({ ...kind, vocabulary });
      const read = openCheckpoint(
        changed(model, ({ tensors }) => ({ tensors, metadata: undefined })),
        'x',
      );
      assert.ok(read.vocabulary.equals(vocabulary), vocabulary.kind);
      assert.deepEqual(read.config, model.config);
      assert.deepEqual(read.regularization, NO_REGULARIZATION);
      assert.deepEqual(read.parameters, model.parameters);
      assert.match(read.notices?.join('\n') ?? '', /metadata is missing[\s\S]*save_file\(.*metadata=/);
    }
  });
}

test('rejects a file without metadata and vocabulary, and says how to keep them', () => {
  const bare = changed(madeCheckpoint(), ({ tensors }) => ({
    tensors: new Map([...tensors].filter(([name]) => !name.startsWith('vocabulary.'))),
    metadata: undefined,
  }));
  assert.throws(() => openCheckpoint(bare, 'bare'), {
    code: 'checkpoint-other-kind',
    problem: /neither metadata nor a vocabulary/,
    message: /save_file\(tensors, path, metadata=/,
  });
  for (const [name, shape] of [
    ['embedding.weight', [6, 0]],
    ['rnn.weight_hh_l0', [12, 0]],
    ['rnn.weight_hh_l0', [24, 3]],
    ['decoder.weight', [0, 3]],
    ['decoder.weight', []],
  ] as const) {
    const size = shape.reduce((product: number, length) => product * length, 4);
    const lie = changed(madeCheckpoint(), ({ tensors }) => ({
      tensors: new Map([...tensors, [name, { dtype: 'F32', shape, bytes: new Uint8Array(size) }]]),
      metadata: undefined,
    }));
    assert.throws(() => openCheckpoint(lie, 'lie'), CheckpointError, `${name} [${shape}]`);
  }
  const other = buildSafetensors({
    tensors: new Map([['model.layers.0.weight', { dtype: 'F32', shape: [1], bytes: new Uint8Array(4) }]]),
    metadata: { format: 'pt' },
  });
  assert.throws(() => openCheckpoint(other, 'other'), {
    code: 'checkpoint-other-kind',
    message: /from another program/,
  });
});

test('a folder lists and opens a model without metadata, but not a file of another program', async (context) => {
  const folder = temporaryFolder(context);
  for (const vocabulary of [bytes, graphemes, characters]) {
    const made = madeCheckpoint({ cell: 'gru', vocabulary });
    const saved = changed(made, ({ tensors }) => ({ tensors, metadata: undefined }));
    const path = join(folder, 'saved.safetensors');
    writeFileSync(path, saved);
    writeFileSync(
      join(folder, 'foreign.safetensors'),
      buildSafetensors({
        tensors: new Map([['model.weight', { dtype: 'F32', shape: [1], bytes: new Uint8Array(4) }]]),
        metadata: { format: 'pt' },
      }),
    );
    const { runs, models, damaged } = await surveyFolder(folder);
    assert.deepEqual(runs, []);
    assert.deepEqual(
      models.map(({ config, ...file }) => [file.path, config]),
      [[path, made.config]],
    );
    assert.deepEqual(
      damaged.map((file) => [file.path, file.problem.code]),
      [[join(folder, 'foreign.safetensors'), 'checkpoint-other-kind']],
    );
    assert.deepEqual((await readCheckpointFile(folder)).parameters, made.parameters);
  }
  const { code, stdout } = await charRnn(['ls', folder]);
  assert.equal(code, 0);
  assert.match(stdout, /^model: .*saved\.safetensors/m);
  assert.doesNotMatch(stdout, /damaged: .*saved/);
});

test('opens a model whose training state was removed, completely or in part; a wrong shape is damage', () => {
  const checkpoint = madeCheckpoint();
  for (const isLeftOut of [
    (name: string) => name.startsWith('train.'),
    (name: string) => name.includes('moment'),
    (name: string) => name === 'train.generator',
    (name: string) => name.startsWith('train.good.rnn'),
  ]) {
    const read = openCheckpoint(
      changed(checkpoint, ({ tensors, metadata }) => ({
        tensors: new Map([...tensors].filter(([name]) => !isLeftOut(name))),
        metadata,
      })),
      'x',
    );
    assert.equal(read.training, undefined);
    assert.match(read.notices?.join('\n') ?? '', /the model can be used, but its run can't be resumed/);
    assert.deepEqual(read.parameters, checkpoint.parameters);
  }
  const misshapen = changed(checkpoint, ({ tensors, metadata }) => ({
    tensors: new Map([
      ...tensors,
      ['train.state_l0', { dtype: 'F32', shape: [1], bytes: new Uint8Array(4) }],
    ]),
    metadata,
  }));
  assert.throws(() => openCheckpoint(misshapen, 'x'), { code: 'checkpoint-malformed' });
});

test('tensors in another order, additional tensors of any type, more metadata: the same checkpoint', () => {
  const checkpoint = madeCheckpoint();
  const additional: [string, RawTensor][] = ['BOOL', 'F8_E4M3', 'I8'].map((dtype) => [
    `extra.${dtype}`,
    { dtype, shape: [3], bytes: new Uint8Array(3) },
  ]);
  additional.push(['extra.u64', { dtype: 'U64', shape: [], bytes: new Uint8Array(8) }]);
  for (const change of [
    ({ tensors, metadata }: RawFile): RawFile => ({ tensors: new Map([...tensors].sort()), metadata }),
    ({ tensors, metadata }: RawFile): RawFile => ({
      tensors: new Map([...additional, ...tensors]),
      metadata,
    }),
    ({ tensors, metadata }: RawFile): RawFile => ({ tensors, metadata: { format: 'pt', ...metadata } }),
    ({ tensors, metadata }: RawFile): RawFile => {
      const facts = Object.entries(JSON.parse(metadata?.char_rnn ?? '')).reverse();
      return { tensors, metadata: { char_rnn: JSON.stringify(Object.fromEntries(facts)) } };
    },
  ]) {
    const read = openCheckpoint(changed(checkpoint, change), 'x');
    assert.ok(read.vocabulary.equals(checkpoint.vocabulary));
    assert.deepEqual({ ...read, vocabulary: undefined }, { ...checkpoint, vocabulary: undefined });
  }
  const wrong = changed(checkpoint, ({ tensors, metadata }) => ({
    tensors: new Map([...tensors, ['decoder.bias', { dtype: 'I16', shape: [6], bytes: new Uint8Array(12) }]]),
    metadata,
  }));
  assert.throws(() => openCheckpoint(wrong, 'x'), { message: /decoder\.bias is I16, expected float32/ });
});

test('a NumPy archive with float16 arrays, and one without metadata', () => {
  const { training: _, ...model } = madeCheckpoint({ vocabulary: characters });
  const entries = decodeZip(joined(encodeNpz(model)), 'x');
  const bias = entries.get('decoder.bias.npy') as Uint8Array;
  const header = new TextDecoder('latin1').decode(bias).replace("'<f4'", "'<f2'");
  const start = 10 + new DataView(bias.buffer, bias.byteOffset).getUint16(8, true);
  const half = joined([
    Uint8Array.from(header.slice(0, start), (char) => char.charCodeAt(0)),
    Uint8Array.of(0, 0x3c, 0, 0xbc, 0, 0x40),
  ]);
  const file = (names: (name: string) => boolean) =>
    joined(
      encodeZip(
        new Map(
          [...entries, ['decoder.bias.npy', half] as const]
            .filter(([name]) => names(name))
            .map(([name, content]) => [name, [content]]),
        ),
      ),
    );
  const read = openCheckpoint(
    file(() => true),
    'x',
  );
  assert.deepEqual([...read.parameters.slice(-3)], [1, -1, 2]);
  assert.match(read.notices?.join('\n') ?? '', /float32 and float16|float16/);
  const bare = openCheckpoint(
    file((name) => !name.startsWith('metadata.')),
    'x',
  );
  assert.ok(bare.vocabulary.equals(characters));
});

test('an ONNX file whose constants were converted to half or double precision', () => {
  const { training: _, ...model } = madeCheckpoint({ vocabulary: characters });
  for (const [type, bytesOf, expected] of [
    [10, asFloat16, (value: number) => (value < 0 ? -0.25 : 0.25)],
    [
      16,
      asBfloat16,
      (value: number) => new Float32Array(joined([Uint8Array.of(0, 0), asBfloat16(value)]).buffer)[0],
    ],
    [11, asFloat64, (value: number) => value],
  ] as const) {
    // As ONNX converters do.
    const file = rewriteOnnx(joined(encodeOnnx(model)), type, bytesOf);
    const read = openCheckpoint(file, 'x');
    assert.deepEqual([...read.parameters], Array.from(model.parameters, expected));
    assert.match(read.notices?.join() ?? '', /weights are stored as/);
  }
  const whole = rewriteOnnx(joined(encodeOnnx(model)), 6, asFloat16);
  assert.throws(() => openCheckpoint(whole, 'x'), {
    code: 'checkpoint-malformed',
    message: /not an array of floats/,
  });
});

/** An ONNX model with the float32 constants of its graph in another type. */
function rewriteOnnx(model: Uint8Array, type: number, convert: (value: number) => Uint8Array): Uint8Array {
  const message = new MessageWriter();
  for (const { number, value, bytes } of fieldsOf(model, 'x')) {
    if (number === MODEL.graph && bytes) message.bytes(number, rewriteGraph(bytes, type, convert));
    else if (bytes) message.bytes(number, bytes);
    else message.varint(number, value as number);
  }
  return joined(message.parts);
}

function rewriteGraph(graph: Uint8Array, type: number, convert: (value: number) => Uint8Array): Uint8Array {
  const message = new MessageWriter();
  for (const { number, bytes = new Uint8Array() } of fieldsOf(graph, 'x')) {
    message.bytes(number, number === GRAPH.initializers ? rewriteTensor(bytes, type, convert) : bytes);
  }
  return joined(message.parts);
}

function rewriteTensor(tensor: Uint8Array, type: number, convert: (value: number) => Uint8Array): Uint8Array {
  const fields = [...fieldsOf(tensor, 'x')];
  if (!fields.some(({ number, value }) => number === TENSOR.type && value === TYPES.float32)) return tensor;
  const message = new MessageWriter();
  for (const { number, value, bytes } of fields) {
    if (number === TENSOR.raw && bytes) {
      message.bytes(number, joined(Array.from(new Float32Array(new Uint8Array(bytes).buffer), convert)));
    } else if (bytes) message.bytes(number, bytes);
    else message.varint(number, number === TENSOR.type ? type : (value as number));
  }
  return joined(message.parts);
}

test('sample, inspect and --init-from accept such a file and say what they changed; a folder does not resume it', async (context) => {
  const folder = temporaryFolder(context);
  const path = join(folder, 'half.safetensors');
  writeFileSync(
    path,
    changed(madeCheckpoint({ vocabulary: characters }), (raw) =>
      cast(withoutTraining(raw), 'F16', asFloat16),
    ),
  );
  const sampled = await charRnn(['sample', path, '-length', '20']);
  assert.equal(sampled.code, 0, sampled.stderr);
  assert.match(sampled.stderr, /half\.safetensors: its weights are stored as float16/);
  const inspected = await charRnn(['inspect', path]);
  assert.match(inspected.stdout, /no training state[\s\S]*stored as float16/);
  mkdirSync(join(folder, 'run'));
  writeFileSync(
    join(folder, 'run', 'a.safetensors'),
    joined(encodeCheckpoint(madeCheckpoint({ iteration: 3 }))),
  );
  writeFileSync(join(folder, 'run', 'last.safetensors'), changed(madeCheckpoint(), withoutTraining));
  const { runs } = await surveyFolder(join(folder, 'run'));
  assert.equal(runs[0]?.newest.path, join(folder, 'run', 'a.safetensors'));
  const stripped = await readCheckpointFile(join(folder, 'run', 'last.safetensors'));
  assert.equal(stripped.training, undefined);
});
