/** Damaged or malicious Torch7 files give a named error quickly, without allocating memory for missing data. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CheckpointError } from '../../../src/errors.ts';
import { decodeTorch7 } from '../../../src/formats/torch7/index.ts';
import { Storage, Table, Tensor, TorchObject } from '../../../src/formats/torch7/values.ts';
import { joined } from '../../checkpoint/made-checkpoint.ts';
import { allFixtures, fixtureFile } from './fixtures.ts';
import {
  allReferences,
  fixtureGraph,
  modulesOf,
  nodesOf,
  put,
  tableAt,
  torch7File,
  valueAt,
} from './graphs.ts';

/** The error code from decoding. */
function refusal(bytes: Uint8Array): string {
  try {
    decodeTorch7(bytes, 'evil.t7');
  } catch (error) {
    assert.ok(error instanceof CheckpointError, error instanceof Error ? error.stack : String(error));
    assert.match(error.message, /^evil\.t7: /);
    return error.code;
  }
  return 'read';
}

for (const name of allFixtures) {
  test(`${name} truncated anywhere: a named error`, () => {
    const bytes = fixtureFile(name);
    for (let length = 0; length < bytes.length; length += 1 + Math.floor(bytes.length / 200)) {
      assert.match(refusal(bytes.subarray(0, length)), /^torch7-(truncated|malformed)$/, `${length} bytes`);
    }
    assert.equal(refusal(joined([bytes, Uint8Array.of(0)])), 'torch7-malformed');
  });
}

/** Encodes numbers in 4 bytes, a bigint in 8, a text as its bytes. */
function binary(...parts: (number | bigint | string)[]): Uint8Array {
  return joined(
    parts.map((part) => {
      if (typeof part === 'string') return new TextEncoder().encode(part);
      return new Uint8Array(
        typeof part === 'bigint' ? BigInt64Array.of(part).buffer : Int32Array.of(part).buffer,
      );
    }),
  );
}

const tableOfOne = (value: Uint8Array) => joined([binary(3, 1, 1, 2, 1, 'a'), value]);
const object = (className: string, ...parts: (number | bigint | string)[]) =>
  binary(4, 2, 3, 'V 1', className.length, className, ...parts);
const BIG = 2n ** 62n;

const raw: [string, Uint8Array, RegExp][] = [
  ['nothing', new Uint8Array(), /truncated/],
  ['an unknown type', binary(99), /malformed/],
  ['a table of 2^31 − 1 entries', binary(3, 1, 2 ** 31 - 1), /malformed/],
  ['a table of −1 entries', binary(3, 1, -1), /malformed/],
  ['a key that is nil', binary(3, 1, 1, 0, 0), /malformed/],
  ['a string of 2 GB', tableOfOne(binary(2, 2 ** 31 - 1, 'ab')), /truncated/],
  ['a string of −1 bytes', tableOfOne(binary(2, -1)), /malformed/],
  ['a tensor of 2^31 − 1 axes', tableOfOne(object('torch.DoubleTensor', 2 ** 31 - 1)), /malformed/],
  ['a tensor of −1 axes', tableOfOne(object('torch.DoubleTensor', -1)), /malformed/],
  ['a tensor whose storage is itself', tableOfOne(object('torch.DoubleTensor', 0, 1n, 4, 2)), /malformed/],
  ['a storage of 2^62 numbers', tableOfOne(object('torch.DoubleStorage', BIG)), /malformed/],
  ['a storage of 2^40 numbers', tableOfOne(object('torch.DoubleStorage', 2n ** 40n)), /truncated/],
  ['a storage of −1 numbers', tableOfOne(object('torch.DoubleStorage', -1n)), /malformed/],
  ['a function of 2 GB', tableOfOne(binary(8, 2, 2 ** 31 - 1)), /truncated/],
  ['ASCII: not a number', new TextEncoder().encode('3\n1\nx\n'), /malformed/],
  ['ASCII: a long number', new TextEncoder().encode(`3\n1\n${'9'.repeat(100_000)}`), /malformed/],
  ['ASCII: a table of 10^9 entries', new TextEncoder().encode('3\n1\n1000000000\n'), /malformed/],
  ['ASCII: a fraction as a size', new TextEncoder().encode('3\n1\n1.5\n'), /malformed/],
  ['a vocab.t7', torch7File(Table.of({ a: 1, b: 2 })), /unsupported/],
  ['a table that is its own entry', binary(3, 1, 1, 2, 1, 'a', 3, 1), /unsupported/],
  ['a number', binary(1, 0n), /unsupported/],
];
for (const [what, bytes, code] of raw) {
  test(`hostile file: ${what}`, () => assert.match(refusal(bytes), code));
}

test('hostile file: objects 300,000 deep, and 300,000 objects', () => {
  const deep = new Int32Array(6 * 300_000);
  const flat = new Int32Array(3 + 6 * 300_000);
  flat.set([3, 1, 300_000]);
  for (let level = 0; level < 300_000; level++) {
    // A table with one entry, whose key is true.
    deep.set([3, level + 1, 1, 5, 1], level * 5);
    flat.set([5, 1, 3, level + 2, 0], 3 + level * 5);
  }
  assert.equal(refusal(new Uint8Array(deep.buffer)), 'torch7-too-large');
  assert.equal(refusal(new Uint8Array(flat.buffer)), 'torch7-too-large');
});

/** Graphs that no training could have produced. */
const graphs: [string, string, RegExp, (root: Table) => void][] = [
  [
    'a node that is its own input',
    'gru16x2',
    /cycle/,
    (root) => {
      for (const data of nodesOf(root, 'nn.Identity')) put(data, 'mapindex', Table.list([data]));
    },
  ],
  [
    'a dropout that is its own input',
    'lstm24x3_drop25',
    /cycle/,
    (root) => {
      for (const data of nodesOf(root, 'nn.Dropout')) put(data, 'mapindex', Table.list([data]));
    },
  ],
  [
    'gates that are their own input',
    'lstm16x2',
    /cycle|unsupported/,
    (root) => {
      for (const data of nodesOf(root, 'nn.Sigmoid')) {
        put(data, 'module', new TorchObject('nn.Narrow', Table.of({ dimension: 2, index: 1, length: 16 })));
        put(data, 'mapindex', Table.list([data]));
      }
    },
  ],
  [
    'a layer below itself',
    'rnn16x2',
    /cycle/,
    (root) => {
      const [decoder] = nodesOf(root, 'nn.LogSoftMax').map(inputOf);
      const top = inputOf(decoder as Table);
      for (const data of nodesOf(root, 'nn.Linear').filter(
        (linear) => moduleOf(inputOf(linear)) === 'OneHot',
      ))
        put(data, 'mapindex', Table.list([top]));
    },
  ],
  [
    'a missing output',
    'lstm16x2',
    /unsupported/,
    (root) => {
      const data = tableAt(valueAt(root, 'protos', 'rnn', 'outnode'), 'data');
      put(data, 'mapindex', Table.list(tableAt(data, 'mapindex').list().slice(1)));
    },
  ],
  ['a weight that is NaN', 'rnn16x2', /malformed/, (root) => setFirst(root, Number.NaN)],
  [
    'weights beyond their storage',
    'rnn16x2',
    /malformed/,
    (root) => eachWeight(root, (weight) => Object.assign(weight, { offset: 1e12 })),
  ],
  [
    'weights before their storage',
    'rnn16x2',
    /malformed/,
    (root) => eachWeight(root, (weight) => Object.assign(weight, { offset: -5 })),
  ],
  [
    'negative strides',
    'rnn16x2',
    /malformed/,
    (root) => eachWeight(root, (weight) => Object.assign(weight, { strides: [-16, 1] })),
  ],
  [
    'weights of 2^40 rows with a stride of 0',
    'rnn16x2',
    /malformed/,
    (root) => eachWeight(root, (weight) => Object.assign(weight, { sizes: [2 ** 40, 1], strides: [0, 0] })),
  ],
  [
    'integer weights',
    'rnn16x2',
    /unsupported/,
    (root) => {
      for (const value of allReferences(root))
        if (value instanceof Storage) Object.assign(value, { element: { name: 'Long', bytes: 8 } });
      for (const value of allReferences(root))
        if (value instanceof Storage) Object.assign(value, { className: 'torch.LongStorage' });
    },
  ],
  ['a vocabulary of one symbol', 'gru16x2', /vocabulary/, (root) => put(root, 'vocab', Table.of({ a: 1 }))],
  [
    'a vocabulary that repeats a number',
    'gru16x2',
    /vocabulary/,
    (root) => put(root, 'vocab', Table.of({ a: 1, b: 1 })),
  ],
  ['a smaller vocabulary', 'gru16x2', /malformed/, (root) => put(root, 'vocab', Table.of({ a: 1, b: 2 }))],
  ['no vocabulary', 'gru16x2', /malformed/, (root) => put(root, 'vocab', null)],
  ['a dropout of 2', 'lstm24x3_drop25', /malformed/, (root) => eachDropout(root, 2)],
  ['a dropout of −1', 'lstm24x3_drop25', /malformed/, (root) => eachDropout(root, -1)],
  ['no network', 'gru16x2', /malformed/, (root) => put(tableAt(root, 'protos'), 'rnn', null)],
];
for (const [what, name, code, change] of graphs) {
  test(`hostile graph: ${what}`, () => {
    const root = fixtureGraph(name);
    change(root);
    assert.match(refusal(torch7File(root)), code);
  });
}

/** The first input of a node. */
function inputOf(data: Table): Table {
  return tableAt(data, 'mapindex', 1);
}

function moduleOf(data: Table): string | undefined {
  const module = data.get('module');
  return module instanceof TorchObject ? module.className : undefined;
}

function eachWeight(root: Table, change: (weight: Tensor) => void): void {
  for (const fields of modulesOf(root, 'nn.Linear')) {
    const weight = fields.get('weight');
    assert.ok(weight instanceof Tensor);
    change(weight);
  }
}

function setFirst(root: Table, value: number): void {
  eachWeight(root, ({ storage, offset }) => {
    assert.ok(storage);
    const { buffer, byteOffset } = storage.bytes;
    new DataView(buffer, byteOffset).setFloat64((offset - 1) * 8, value, true);
  });
}

function eachDropout(root: Table, p: number): void {
  for (const fields of modulesOf(root, 'nn.Dropout')) put(fields, 'p', p);
}
