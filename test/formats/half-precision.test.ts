/** Parameters in half precision: rounding, writing and reading in each format, files of other programs, and the commands. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts';
import { encodeCheckpoint } from '../../src/checkpoint/codec.ts';
import { bytesSource } from '../../src/checkpoint/safetensors/byte-source.ts';
import { fromHalf, largestHalf, toHalf } from '../../src/checkpoint/safetensors/half-precision.ts';
import { surveyFolder } from '../../src/checkpoint/storage/run-survey.node.ts';
import { HALF_PRECISIONS, type HalfPrecision } from '../../src/checkpoint/stored-precision.ts';
import { exportCheckpoint } from '../../src/formats/export.ts';
import { encodeOnnx } from '../../src/formats/onnx/encode.ts';
import { openCheckpoint } from '../../src/formats/open.ts';
import { LanguageModel } from '../../src/index.ts';
import { joined, madeCheckpoint } from '../checkpoint/made-checkpoint.ts';
import { charRnn } from '../cli/command.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { python } from './python.ts';

const [SIGN, ALL] = [0x8000, 0x10000];

for (const precision of HALF_PRECISIONS) {
  const numbers = fromHalf(
    Uint16Array.from({ length: ALL }, (_, bits) => bits),
    precision,
  );
  const rounded = (value: number) => toHalf(Float64Array.of(value), precision)[0] as number;
  const infinity = numbers.indexOf(Number.POSITIVE_INFINITY);

  test(`${precision}: every number keeps its bits`, () => {
    for (const [bits, value] of numbers.entries()) {
      if (Number.isNaN(value)) assert.ok(Number.isNaN(numbers[rounded(value)]), `${bits}`);
      else assert.equal(rounded(value), bits);
    }
  });

  test(`${precision}: rounds to the nearest number, and from halfway to the even one`, () => {
    for (let below = 0; below < infinity; below++) {
      const low = numbers[below] as number;
      // Above the largest number, the spacing goes on as if there were another.
      const high =
        below + 1 < infinity ? (numbers[below + 1] as number) : 2 * low - (numbers[below - 1] as number);
      const halfway = (low + high) / 2;
      const even = below % 2 === 0 ? below : below + 1;
      const cases: [number, number][] = [
        [halfway, even],
        [halfway * (1 - 2 ** -50), below],
        [halfway * (1 + 2 ** -50), below + 1],
      ];
      for (const [value, bits] of cases) {
        assert.equal(rounded(value), bits, `${value}`);
        assert.equal(rounded(-value), bits + SIGN, `${-value}`);
      }
    }
  });

  test(`${precision}: the largest number, and what is beyond it`, () => {
    assert.equal(largestHalf(precision), numbers[infinity - 1]);
    for (const value of [largestHalf(precision) * 1.01, 1e300, Number.POSITIVE_INFINITY]) {
      assert.equal(rounded(value), infinity);
      assert.equal(rounded(-value), infinity + SIGN);
    }
    for (const value of [Number.MIN_VALUE, 1e-50]) assert.equal(rounded(-value), SIGN, 'to zero');
  });
}

/** The model of a checkpoint with its parameters rounded, as float32. */
function roundedModel(
  { training: _, meanSquare: __, ...model }: Checkpoint,
  precision: HalfPrecision,
): Checkpoint {
  return {
    ...model,
    precision: 'float32',
    parameters: fromHalf(toHalf(model.parameters, precision), precision),
  };
}

const withoutMethods = ({ vocabulary: _, weightTypes: __, training: ___, ...rest }: Checkpoint) => rest;

const HOLDERS = [
  ['safetensors', 'float16'],
  ['safetensors', 'bfloat16'],
  ['pytorch', 'float16'],
  ['pytorch', 'bfloat16'],
  ['npz', 'float16'],
  ['onnx', 'float16'],
  ['onnx', 'bfloat16'],
] as const;

for (const [format, precision] of HOLDERS) {
  test(`${format}, ${precision}: reads back the rounded model, without notices`, () => {
    for (const kind of [
      { cell: 'lstm', embeddingSize: 5 },
      { cell: 'gru', reset: 'after' },
      { cell: 'gru', precision: 'float64' },
    ] as const) {
      const checkpoint = madeCheckpoint(kind);
      const { parts, check, notices } = exportCheckpoint(checkpoint, format, {
        precision,
        pytorchModules: false,
      });
      const bytes = joined(parts);
      check(bytesSource(bytes), 'x');
      const read = openCheckpoint(bytes, 'x');
      assert.deepEqual(withoutMethods(read), withoutMethods(roundedModel(checkpoint, precision)));
      assert.deepEqual([...new Set(read.weightTypes)], [precision]);
      assert.match(
        notices.join('\n'),
        /^left out: the training state .*\nleft out: the mean squared gradient[\s\S]*\nrounded to b?float16: /,
      );
      // Stored again, the numbers are the same.
      const again = exportCheckpoint(read, format, { precision, pytorchModules: false });
      assert.deepEqual(joined(again.parts), bytes);
      assert.deepEqual(again.notices, []);
    }
  });

  test(`${format}, ${precision}: does not accept a file with other numbers, or other types of numbers`, () => {
    const checkpoint = madeCheckpoint();
    const parameters = checkpoint.parameters.map((value, at) => (at === 7 ? value * 1.02 : value));
    const { check } = exportCheckpoint(checkpoint, format, { precision });
    const refuses = (model: Checkpoint, stored: HalfPrecision | 'float32', message: RegExp) => {
      const { parts } = exportCheckpoint(model, format, { precision: stored });
      assert.throws(() => check(bytesSource(joined(parts)), 'x'), {
        code: 'checkpoint-export-differs',
        message,
      });
    };
    refuses({ ...checkpoint, parameters }, precision, /tensor \S+ differs/);
    refuses(
      roundedModel(checkpoint, precision),
      'float32',
      /stored as float32, expected b?float16|tensor \S+ differs|its parameters/,
    );
  });
}

test('half precision halves the size of the weights', () => {
  const { training: _, meanSquare: __, ...checkpoint } = madeCheckpoint({ hiddenSize: 64 });
  const size = (precision: HalfPrecision | 'float32') =>
    joined(exportCheckpoint(checkpoint, 'safetensors', { precision }).parts).length;
  const saved = size('float32') - size('float16');
  assert.ok(Math.abs(saved - 2 * checkpoint.parameters.length) < 200, `${saved}`);
});

test('names what a format does not have, and numbers that are too large, with a remedy', () => {
  const refusal = (
    checkpoint: Checkpoint,
    format: 'npz' | 'torch7' | 'safetensors',
    precision: HalfPrecision,
  ) => {
    try {
      exportCheckpoint(checkpoint, format, { precision });
    } catch (error) {
      const { code, message, remedies } = error as {
        code: string;
        message: string;
        remedies: { set: object }[];
      };
      assert.equal(code, 'checkpoint-not-convertible');
      return { message, set: remedies[0]?.set };
    }
    throw new Error('it was written');
  };
  const model = madeCheckpoint();
  const npz = refusal(model, 'npz', 'bfloat16');
  assert.match(npz.message, /NumPy has no bfloat16/);
  assert.deepEqual(npz.set, { precision: 'float16' });
  for (const precision of HALF_PRECISIONS)
    assert.match(refusal(model, 'torch7', precision).message, /always holds float64/);

  const large = madeCheckpoint();
  large.parameters[5] = 65_520;
  const beyond = refusal(large, 'safetensors', 'float16');
  assert.match(beyond.message, /too large for float16, which holds at most 65,504/);
  assert.deepEqual(beyond.set, { precision: 'bfloat16' });
  large.parameters[5] = 65_519;
  exportCheckpoint(large, 'safetensors', { precision: 'float16' });
  large.parameters[5] = 3.4e38;
  assert.deepEqual(refusal(large, 'safetensors', 'bfloat16').set, { precision: 'float32' });
  const double = madeCheckpoint({ precision: 'float64' });
  double.parameters[5] = -1e39;
  assert.deepEqual(refusal(double, 'safetensors', 'bfloat16').set, { precision: 'float64' });
});

/** A safetensors file with its header changed. */
function withHeader(file: Uint8Array, change: (header: Record<string, object>) => unknown): Uint8Array {
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length)));
  const json = new TextEncoder().encode(JSON.stringify(change(header)));
  const start = new Uint8Array(8);
  new DataView(start.buffer).setBigUint64(0, BigInt(json.length), true);
  return joined([start, json, file.subarray(8 + length)]);
}

test('a file that lies about its numbers: a notice or a named error', () => {
  const { training: _, ...model } = madeCheckpoint();
  const facts = (change: Record<string, unknown>) => (header: Record<string, object>) => {
    const { char_rnn: own } = header.__metadata__ as { char_rnn: string };
    return { ...header, __metadata__: { char_rnn: JSON.stringify({ ...JSON.parse(own), ...change }) } };
  };
  const half = joined(encodeCheckpoint(model, 'float16'));
  const other = openCheckpoint(withHeader(half, facts({ storedAs: 'bfloat16' })), 'x');
  assert.match(other.notices?.join() ?? '', /stored as float16, but the model was float32; read as float32/);
  const undeclared = openCheckpoint(withHeader(half, facts({ storedAs: undefined })), 'x');
  assert.match(undeclared.notices?.join() ?? '', /stored as float16/);
  const double = openCheckpoint(withHeader(half, facts({ precision: 'float64' })), 'x');
  assert.equal(double.precision, 'float32');
  assert.match(double.notices?.join() ?? '', /the model was float64; read as float32/);
  const plain = openCheckpoint(
    withHeader(joined(encodeCheckpoint(model)), facts({ storedAs: 'float16' })),
    'x',
  );
  assert.deepEqual(plain.parameters, model.parameters);
  for (const storedAs of ['int16', 16, 'float32'])
    assert.throws(() => openCheckpoint(withHeader(half, facts({ storedAs })), 'x'), {
      code: 'checkpoint-malformed',
      message: /at storedAs/,
    });
  // Twice as many numbers as there are bytes for.
  const wide = withHeader(half, (header) => ({
    ...header,
    'decoder.bias': { ...header['decoder.bias'], dtype: 'F32' },
  }));
  assert.throws(() => openCheckpoint(wide, 'x'), { code: 'checkpoint-malformed' });
});

test('a training state next to converted weights is left out, also in the list of a folder', async (context) => {
  const folder = temporaryFolder(context);
  const path = join(folder, 'a.safetensors');
  writeFileSync(path, joined(encodeCheckpoint(madeCheckpoint(), 'bfloat16')));
  const read = openCheckpoint(new Uint8Array(readFileSync(path)), 'x');
  assert.equal(read.training, undefined);
  assert.match(read.notices?.join() ?? '', /training state was left out/);
  const { runs, models } = await surveyFolder(folder);
  assert.deepEqual(runs, []);
  assert.deepEqual([...new Set(models[0]?.weightTypes)], ['bfloat16']);
});

const TORCH = `
import json, struct, sys, torch
source, folder = sys.argv[1:]
TYPES = {'F32': torch.float32, 'I64': torch.int64, 'U8': torch.uint8}
NAMES = {torch.float32: 'F32', torch.float16: 'F16', torch.bfloat16: 'BF16', torch.int64: 'I64', torch.uint8: 'U8'}
with open(source, 'rb') as file:
    header = json.loads(file.read(struct.unpack('<Q', file.read(8))[0]))
    data = file.read()
def tensor(place):
    begin, end = place['data_offsets']
    return torch.frombuffer(bytearray(data[begin:end]), dtype=TYPES[place['dtype']]).reshape(place['shape'])
tensors = {name: tensor(place) for name, place in header.items() if name != '__metadata__'}
def save(path, tensors, metadata):
    at, places, parts = 0, {'__metadata__': metadata} if metadata else {}, []
    for name, values in tensors.items():
        raw = values.contiguous().view(torch.uint8) if values.dim() else values
        parts.append(bytes(raw.flatten().tolist()))
        places[name] = {'dtype': NAMES[values.dtype], 'shape': list(values.shape), 'data_offsets': [at, at + len(parts[-1])]}
        at += len(parts[-1])
    text = json.dumps(places).encode()
    with open(path, 'wb') as file:
        file.write(struct.pack('<Q', len(text)) + text + b''.join(parts))
def cast(type, names):
    return {name: t.to(type) if t.dtype == torch.float32 and names(name) else t for name, t in tensors.items()}
save(folder + '/float16', cast(torch.float16, lambda name: True), header['__metadata__'])
save(folder + '/bfloat16', cast(torch.bfloat16, lambda name: True), None)
save(folder + '/mixed', cast(torch.float16, lambda name: 'rnn.' in name), header['__metadata__'])
`;

test('reads what PyTorch saves in half precision, completely or in part; it rounds to the same bits', (context) => {
  const interpreter = python(context, 'torch');
  if (!interpreter) return;
  const folder = temporaryFolder(context);
  const { training: _, ...model } = madeCheckpoint({ hiddenSize: 24 });
  // Subnormal numbers of float16, ties, and zeros.
  model.parameters.set([
    2 ** -24,
    1.5 * 2 ** -24,
    2 ** -26,
    -0,
    1 + 2 ** -11,
    1 + 3 * 2 ** -11,
    1 + 2 ** -8,
    65504,
  ]);
  writeFileSync(join(folder, 'model'), joined(encodeCheckpoint(model)));
  const made = spawnSync(interpreter, ['-c', TORCH, join(folder, 'model'), folder], { encoding: 'utf8' });
  assert.equal(made.status, 0, made.stderr);
  const read = (name: string) => openCheckpoint(new Uint8Array(readFileSync(join(folder, name))), name);
  for (const precision of HALF_PRECISIONS) {
    assert.deepEqual(read(precision).parameters, roundedModel(model, precision).parameters, precision);
    assert.match(
      read(precision).notices?.join('\n') ?? '',
      new RegExp(`stored as ${precision}, .*as float32`),
    );
  }
  assert.match(read('bfloat16').notices?.join('\n') ?? '', /metadata is missing/);
  const mixed = read('mixed');
  assert.match(mixed.notices?.join('\n') ?? '', /stored as float16 and float32/);
  assert.deepEqual(mixed.parameters.slice(-6), model.parameters.slice(-6), 'the bias of the decoder');
  assert.deepEqual(mixed.parameters.slice(0, 400), roundedModel(model, 'float16').parameters.slice(0, 400));
});

/** A folder with `full.safetensors`, and `half.safetensors` in a half precision. */
async function converted(context: TestContext, precision: HalfPrecision, checkpoint = madeCheckpoint()) {
  const folder = temporaryFolder(context);
  writeFileSync(join(folder, 'full.safetensors'), joined(encodeCheckpoint(checkpoint)));
  const run = (...words: string[]) => charRnn(words, { cwd: folder });
  const made = await run('convert', 'full.safetensors', 'half.safetensors', '--precision', precision);
  assert.equal(made.code, 0, made.stderr);
  return { folder, run, made };
}

test('the commands and the library use a model in half precision, without a notice each time', async (context) => {
  const { folder, run, made } = await converted(context, 'bfloat16');
  assert.match(made.stdout, /^wrote half\.safetensors, [\d.]+ kB$/m);
  assert.match(made.stdout, /^left out: the training state[\s\S]*^rounded to bfloat16: two to three digits/m);
  writeFileSync(
    join(folder, 'rounded.safetensors'),
    joined(encodeCheckpoint(roundedModel(madeCheckpoint(), 'bfloat16'))),
  );
  writeFileSync(join(folder, 'book.txt'), 'a\u00e9\u20ac\na'.repeat(200));
  const same = async (...words: string[]) => {
    const outcomes = ['half.safetensors', 'rounded.safetensors'].map(async (name) => {
      const { code, stdout, stderr } = await run(...words.map((word) => word.replace('MODEL', name)));
      assert.equal(code, 0, stderr);
      return [stdout, stderr].map((text) => text.replaceAll(name, 'MODEL'));
    });
    const [half, rounded] = await Promise.all(outcomes);
    assert.deepEqual(half, rounded);
  };
  await same('sample', 'MODEL', '--length', '30', '--seed', '2');
  await same('eval', 'MODEL', 'book.txt');
  const start = ['--batch', '2', '--seq', '5', '--max-iterations', '2', '--log', 'plain', '--checkpoint-dir'];
  const tuned = await run('train', 'book.txt', '--init-from', 'half.safetensors', ...start, 'cv');
  assert.equal(tuned.code, 0, tuned.stderr);
  // Where exact weights matter, it says that these are not.
  assert.match(tuned.stdout, /^the checkpoint to start from: its weights are rounded to bfloat16$/m);
  const mean = await run('average', 'half.safetensors', 'full.safetensors', '-o', 'mean.safetensors');
  assert.match(mean.stdout, /^half\.safetensors: its weights are rounded to bfloat16$/m);
  assert.doesNotMatch(mean.stdout, /^full.*rounded/m);
  const inspected = await run('inspect', 'half.safetensors', '--tensors');
  assert.match(inspected.stdout, /format +safetensors, [\d.]+ kB\n.*float32, stored as bfloat16\n/);
  assert.match(inspected.stdout, /rnn\.weight_ih_l0 +\[12, 6\] +bfloat16 /);
  const json = JSON.parse((await run('inspect', 'half.safetensors', '--json')).stdout);
  assert.deepEqual([json.storedAs, json.precision], [['bfloat16'], 'float32']);
  assert.equal(json.bytes, readFileSync(join(folder, 'half.safetensors')).length);
  const listed = await run('ls', '.');
  assert.match(listed.stdout, /^model: \S*half\.safetensors, lstm 2×3, bfloat16, /m);
  const resumed = await run('train', '--resume', 'half.safetensors');
  assert.equal(resumed.code, 1);
  assert.match(resumed.stderr, /no training state to resume\. It holds its parameters as bfloat16/);
  assert.match(resumed.stderr, /--init-from half\.safetensors/);

  const model = await LanguageModel.load(join(folder, 'half.safetensors'), { engine: 'reference' });
  assert.deepEqual(model.checkpoint.parameters, roundedModel(madeCheckpoint(), 'bfloat16').parameters);
  const bytes = model.toBytes('safetensors', 'bfloat16');
  assert.deepEqual(bytes, new Uint8Array(readFileSync(join(folder, 'half.safetensors'))));
  assert.throws(() => model.toBytes('npz', 'float8' as 'float16'), { code: 'option', option: 'precision' });
  await model.close();
});

test('convert keeps half precision where the format can, unless another precision is given', async (context) => {
  const { folder, run } = await converted(context, 'float16');
  const typesOf = (name: string) => [
    ...new Set(
      openCheckpoint(new Uint8Array(readFileSync(join(folder, name))), name).weightTypes ?? ['float32'],
    ),
  ];
  for (const [name, type] of [
    ['a.safetensors', 'float16'],
    ['a.npz', 'float16'],
    ['a.onnx', 'float32'],
    ['a.t7', 'float32'],
  ] as const) {
    const { code, stderr } = await run('convert', 'half.safetensors', name);
    assert.equal(code, 0, stderr);
    assert.deepEqual(typesOf(name), [type], name);
  }
  await run('convert', 'half.safetensors', 'b.safetensors', '--precision', 'float32');
  assert.deepEqual(typesOf('b.safetensors'), ['float32']);
});

test('an ONNX graph casts its constants to float32', () => {
  const words = Buffer.from(joined(encodeOnnx(madeCheckpoint(), 'float16'))).toString('latin1');
  assert.equal(words.split('Cast').length - 1, 8, '3 constants for each of 2 layers, 2 of the decoder');
  assert.ok(!Buffer.from(joined(encodeOnnx(madeCheckpoint()))).includes('Cast'));
});
