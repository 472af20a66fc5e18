/** Files from other machines, devices and versions give the same model. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromFloat16, toFloat16 } from '../../../src/checkpoint/safetensors/half-precision.ts';
import { decodeTorch7 } from '../../../src/formats/torch7/index.ts';
import { readTorch7 } from '../../../src/formats/torch7/read/decode.ts';
import { LuaFunction, Storage, Table, Tensor, TorchObject } from '../../../src/formats/torch7/values.ts';
import { NO_REGULARIZATION } from '../../../src/model/regularization.ts';
import { MersenneTwister } from '../../../src/util/mersenne-twister.ts';
import { type FirstNetwork, firstCheckpoint, firstLogProbabilities, type Weights } from './first-network.ts';
import { fixtureFile, fixtureNumbers } from './fixtures.ts';
import { allReferences, fixtureGraph, modulesOf, nodesOf, put, tableAt, torch7File } from './graphs.ts';
import { largestError, logProbabilities } from './log-probabilities.ts';

for (const [device, precision] of [
  ['Cuda', 'float32'],
  ['Cl', 'float32'],
  ['CudaDouble', 'float64'],
] as const) {
  test(`tensors of a GPU (torch.${device}Tensor) are read like plain ones`, () => {
    const name = precision === 'float64' ? 'gru16x2' : 'float_lstm16x2';
    const root = fixtureGraph(name);
    for (const value of allReferences(root)) {
      if (value instanceof Tensor || value instanceof Storage)
        Object.assign(value, { className: value.className.replace(/\.(Float|Double)/, `.${device}`) });
    }
    const read = decodeTorch7(torch7File(root), 'x.t7');
    assert.equal(read.precision, precision);
    assert.deepEqual(read, decodeTorch7(fixtureFile(name), name));
  });
}

test('numbers of 16 bits', () => {
  const root = fixtureGraph('float_lstm16x2');
  for (const value of allReferences(root)) {
    if (value instanceof Tensor && value.storage) {
      value.storage = halfOf(value.storage);
      Object.assign(value, { className: value.className.replace('Float', 'Half') });
    }
  }
  const full = decodeTorch7(fixtureFile('float_lstm16x2'), 'x.t7');
  for (const kind of ['binary', 'ascii'] as const) {
    const half = decodeTorch7(torch7File(root, kind), 'x.t7');
    assert.equal(half.precision, 'float32');
    assert.deepEqual(
      half.parameters,
      full.parameters.map((value) => fromFloat16(toFloat16(value))),
    );
  }
});

test('decimal numbers halfway between two of 16 bits become the even one', () => {
  const numbers = [1 + 2 ** -11, 1 + 3 * 2 ** -11, -3 * 2 ** -25];
  const bytes = new Uint8Array(new Float32Array(numbers).buffer);
  const floats = new Storage('torch.FloatStorage', { name: 'Float', bytes: 4 }, bytes);
  const file = Buffer.from(torch7File(floats, 'ascii')).toString('latin1');
  // The file has nine digits of each: halfway needs all of them.
  const half = file
    .replace('18\ntorch.FloatStorage', '17\ntorch.HalfStorage')
    .replace(/\n[^\n]+\n$/, `\n${numbers.join(' ')}\n`);
  const { value } = readTorch7(Buffer.from(half, 'latin1'));
  assert.ok(value instanceof Storage);
  assert.deepEqual([...new Uint16Array(value.bytes.slice().buffer)], [0x3c00, 0x3c02, 0x8002]);
});

const halves = new Map<Storage, Storage>();
function halfOf(storage: Storage): Storage {
  if (storage.className !== 'torch.FloatStorage') return storage;
  const known = halves.get(storage);
  if (known) return known;
  const floats = new Float32Array(storage.bytes.slice().buffer);
  const bytes = new Uint8Array(Uint16Array.from(floats, toFloat16).buffer);
  const half = new Storage('torch.HalfStorage', { name: 'Half', bytes: 2 }, bytes);
  halves.set(storage, half);
  return half;
}

test('every number of 16 bits is what IEEE 754 says', () => {
  assert.deepEqual(
    [0x0000, 0x0001, 0x03ff, 0x0400, 0x3555, 0x3c00, 0x7bff, 0xc000, 0xfc00].map(fromFloat16),
    [0, 2 ** -24, 1023 * 2 ** -24, 2 ** -14, 1365 / 4096, 1, 65504, -2, Number.NEGATIVE_INFINITY],
  );
  for (let bits = 0; bits < 0x10000; bits++) {
    const value = fromFloat16(bits);
    if (Number.isNaN(value)) assert.ok(Number.isNaN(fromFloat16(toFloat16(value))));
    else assert.equal(toFloat16(value), bits);
  }
});

test('respects strides: weights stored column by column, each in a separate storage', () => {
  const root = fixtureGraph('gru16x2');
  for (const fields of modulesOf(root, 'nn.Linear')) {
    const weight = fields.get('weight');
    assert.ok(weight instanceof Tensor && weight.storage);
    const [rows = 0, columns = 0] = weight.sizes;
    const all = new Float64Array(weight.storage.bytes.slice().buffer);
    const values = new Float64Array(rows * columns + 7);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++)
        values[7 + column * rows + row] = all[weight.offset - 1 + row * columns + column] as number;
    }
    const turned = new Tensor({
      className: weight.className,
      sizes: weight.sizes,
      strides: [1, rows],
      offset: 8,
    });
    turned.storage = new Storage(
      'torch.DoubleStorage',
      weight.storage.element,
      new Uint8Array(values.buffer),
    );
    put(fields, 'weight', turned);
  }
  assert.deepEqual(decodeTorch7(torch7File(root), 'x'), decodeTorch7(fixtureFile('gru16x2'), 'x'));
});

test('ignores the order of modules, nodes and inputs, and the names of maps', () => {
  for (const name of ['lstm24x3_drop25', 'gru16x2', 'rnn16x2']) {
    const root = fixtureGraph(name);
    for (const list of ['modules', 'forwardnodes', 'backwardnodes'])
      tableAt(root, 'protos', 'rnn', list).values.reverse();
    for (const data of [...nodesOf(root, 'nn.CAddTable'), ...nodesOf(root, 'nn.CMulTable')]) {
      const inputs = tableAt(data, 'mapindex').list();
      put(data, 'mapindex', Table.list(inputs.reverse()));
    }
    for (const data of nodesOf(root, 'nn.Linear')) put(tableAt(data, 'annotations'), 'name', null);
    assert.deepEqual(decodeTorch7(torch7File(root), name), decodeTorch7(fixtureFile(name), name));
  }
});

test('classes without a version, as the oldest files have them', () => {
  const root = fixtureGraph('lstm16x2');
  for (const value of allReferences(root))
    if (!(value instanceof Table)) Object.assign(value, { version: undefined });
  assert.deepEqual(decodeTorch7(torch7File(root), 'x'), decodeTorch7(fixtureFile('lstm16x2'), 'x'));
});

test('skips functions, with a notice', () => {
  const root = fixtureGraph('rnn16x2');
  for (const type of [6, 7, 8] as const) {
    const made = new LuaFunction(type, Uint8Array.of(0x1b, 0x4c, 0x4a, 2));
    made.upvalues = Table.list([Table.of({ name: '_ENV', id: 1, value: root })]);
    root.add(`function ${type}`, made);
  }
  const { origin, ...read } = decodeTorch7(torch7File(root), 'x');
  const { origin: _, ...expected } = decodeTorch7(fixtureFile('rnn16x2'), 'x');
  assert.deepEqual(read, expected);
  assert.deepEqual(origin?.notices, ['it holds 3 Lua functions, which were left out']);
});

test('sorts a vocabulary together with the weights', async () => {
  const fixture = fixtureNumbers('gru16x2');
  const root = fixtureGraph('gru16x2');
  const exchanged = (symbol: string) => (symbol === 'a' ? 'r' : symbol === 'r' ? 'a' : symbol);
  const vocab = tableAt(root, 'vocab');
  vocab.keys.splice(0, vocab.size, ...vocab.keys.map((symbol) => exchanged(String(symbol))));
  const read = decodeTorch7(torch7File(root), 'x');
  const symbols = fixture.vocab_bytes.map((byte) => exchanged(String.fromCharCode(byte)));
  const rows = await logProbabilities(read, [...fixture.text].map(exchanged).join(''), 'float64');
  assert.ok(largestError(read, rows, fixture.logprobs, symbols) <= 1e-12);
  assert.match(String(read.origin?.notices), /not sorted/);
});

const random = new MersenneTwister(1);
function weights(outputs: number, inputs: number): Weights {
  const numbers = (length: number) => Float64Array.from({ length }, () => random.nextUniform() * 2 - 1);
  return { weight: numbers(outputs * inputs), bias: numbers(outputs) };
}

for (const dropout of [0, 0.25]) {
  test(`a checkpoint of the original's first weeks, dropout ${dropout}`, async () => {
    const network: FirstNetwork = {
      vocabulary: ['\n', 'a', 'b', 'c', '\u00ff'],
      hiddenSize: 4,
      layers: [
        { input: weights(16, 5), state: weights(16, 4) },
        { input: weights(16, 4), state: weights(16, 4) },
      ],
      decoder: weights(5, 4),
      dropout,
    };
    const read = decodeTorch7(torch7File(firstCheckpoint(network)), 'x');
    assert.deepEqual(read.config, { cell: 'lstm', layers: 2, hiddenSize: 4, vocabularySize: 5 });
    assert.deepEqual(read.regularization, { ...NO_REGULARIZATION, dropout });
    const tokens = [0, 3, 1, 1, 2, 4, 0];
    const text = tokens.map((token) => network.vocabulary[token]).join('');
    const rows = await logProbabilities(read, text, 'float64');
    const expected = firstLogProbabilities(network, tokens);
    assert.ok(largestError(read, rows, expected, network.vocabulary) <= 1e-13);
    assert.equal(read.origin?.notices.length, dropout > 0 ? 1 : 0);
  });
}

test("first-version dropout between layers scales the input of the next map, but not the layer's state", () => {
  const root = fixtureGraph('lstm24x3_drop25');
  for (const fields of modulesOf(root, 'nn.Dropout')) put(fields, 'v2', null);
  const read = decodeTorch7(torch7File(root), 'x');
  const modern = decodeTorch7(fixtureFile('lstm24x3_drop25'), 'x');
  assert.deepEqual(read.config, modern.config);
  const [layer1, layer] = [96 * 62 + 96 + 96 * 24 + 96, 96 * 24 + 96 + 96 * 24 + 96];
  const isScaled = (index: number) => {
    if (index < layer1) return false;
    const within = (index - layer1) % layer;
    return within < (index < layer1 + 2 * layer ? 96 * 24 : 62 * 24);
  };
  assert.deepEqual(
    read.parameters,
    modern.parameters.map((value, index) => (isScaled(index) ? value * 0.75 : value)),
  );
});

test('a map without a bias has bias 0', () => {
  const root = fixtureGraph('rnn16x2');
  for (const fields of modulesOf(root, 'nn.Linear')) put(fields, 'bias', null);
  const { parameters } = decodeTorch7(torch7File(root), 'x');
  assert.equal(parameters.filter((value) => value === 0).length, 4 * 16 + 62);
});

test('rejects other modules, with their names', () => {
  const root = fixtureGraph('lstm16x2');
  for (const data of nodesOf(root, 'nn.Sigmoid').slice(0, 1))
    put(data, 'module', new TorchObject('nn.HardTanh', new Table()));
  assert.throws(() => decodeTorch7(torch7File(root), 'x'), /torch7|HardTanh/);
});
