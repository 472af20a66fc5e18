/** torch-rnn's models with batch normalisation and dropout, and its vocabularies. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeCheckpoint, encodeCheckpoint } from '../../../src/checkpoint/codec.ts';
import { CheckpointError } from '../../../src/errors.ts';
import { decodeTorch7 } from '../../../src/formats/torch7/index.ts';
import { symbolOrder } from '../../../src/formats/torch7/read/symbols.ts';
import { Table, TorchObject, type Value } from '../../../src/formats/torch7/values.ts';
import { doubleStorage, nnModule, tensorOn } from '../../../src/formats/torch7/write/nn-modules.ts';
import { train } from '../../../src/train/train.ts';
import { MersenneTwister } from '../../../src/util/mersenne-twister.ts';
import { joined } from '../../checkpoint/made-checkpoint.ts';
import { affine, logSoftmax, sigmoid } from './first-network.ts';
import { torch7File } from './graphs.ts';
import { largestError, logProbabilities } from './log-probabilities.ts';

interface Layer {
  /** [D + H, G·H], row-major. */
  readonly weight: Float64Array;
  readonly bias: Float64Array;
  readonly normalisation?: Normalisation | undefined;
}

interface Normalisation {
  readonly mean: Float64Array;
  readonly variance: Float64Array;
  readonly gamma: Float64Array;
  readonly beta: Float64Array;
}

interface Model {
  readonly cell: 'lstm' | 'rnn';
  readonly symbols: readonly string[];
  readonly hiddenSize: number;
  readonly embedding: Float64Array;
  readonly embeddingSize: number;
  readonly layers: readonly Layer[];
  readonly decoder: { readonly weight: Float64Array; readonly bias: Float64Array };
}

const HIDDEN = 3;
const EMBEDDING = 2;
const EPSILON = 1e-3;

function madeModel(cell: Model['cell'], normalised: boolean): Model {
  const random = new MersenneTwister(5);
  const numbers = (length: number, low = -1) =>
    Float64Array.from({ length }, () => random.nextUniform() * (1 - low) + low);
  const symbols = ['b', '\n', 'a', 'c'];
  const gates = cell === 'lstm' ? 4 : 1;
  return {
    cell,
    symbols,
    hiddenSize: HIDDEN,
    embedding: numbers(symbols.length * EMBEDDING),
    embeddingSize: EMBEDDING,
    layers: [EMBEDDING, HIDDEN].map((inputs) => ({
      weight: numbers((inputs + HIDDEN) * gates * HIDDEN),
      bias: numbers(gates * HIDDEN),
      ...(normalised && {
        normalisation: {
          mean: numbers(HIDDEN),
          variance: numbers(HIDDEN, 0.1),
          gamma: numbers(HIDDEN),
          beta: numbers(HIDDEN),
        },
      }),
    })),
    decoder: { weight: numbers(symbols.length * HIDDEN), bias: numbers(symbols.length) },
  };
}

/** The checkpoint that torch-rnn would save. @param deviation Whether to store 1 / √(variance + ε), as older versions of nn do. */
function checkpointOf(model: Model, { dropout = 0, deviation = false } = {}): Table {
  const { cell, symbols, layers, decoder, hiddenSize, embeddingSize } = model;
  const tensor = (values: Float64Array, ...sizes: number[]) => tensorOn(doubleStorage(values), sizes, 0);
  const vector = (values: Float64Array) => tensor(values, values.length);
  const modules: TorchObject[] = [
    new TorchObject(
      'nn.LookupTable',
      Table.of({ weight: tensor(model.embedding, symbols.length, embeddingSize) }),
    ),
  ];
  for (const { weight, bias, normalisation } of layers) {
    const fields = { weight: tensor(weight, weight.length / bias.length, bias.length), bias: vector(bias) };
    modules.push(nnModule(cell === 'lstm' ? 'nn.LSTM' : 'nn.VanillaRNN', fields));
    if (normalisation) {
      const { mean, variance, gamma, beta } = normalisation;
      const inverse = variance.map((value) => 1 / Math.sqrt(value + EPSILON));
      const spread: Record<string, Value> = deviation
        ? { running_std: vector(inverse) }
        : { running_var: vector(variance) };
      const parts = { running_mean: vector(mean), ...spread, weight: vector(gamma), bias: vector(beta) };
      modules.push(nnModule('nn.View'), nnModule('nn.BatchNormalization', { ...parts, eps: EPSILON }));
      modules.push(nnModule('nn.View'));
    }
    if (dropout > 0) modules.push(nnModule('nn.Dropout', { p: dropout, v2: true }));
  }
  modules.push(nnModule('nn.View'));
  const weight = tensor(decoder.weight, symbols.length, hiddenSize);
  modules.push(nnModule('nn.Linear', { weight, bias: vector(decoder.bias) }), nnModule('nn.View'));
  const net = nnModule('nn.Sequential', { modules: Table.list(modules) });
  const fields = Table.of({ net, idx_to_token: Table.list(symbols) });
  return Table.of({ i: 9, opt: new Table(), model: new TorchObject('nn.LanguageModel', fields) });
}

/** Computes what torch-rnn does, step by step: [x h] W + b with the gates i, f, o, g. */
function twin({ cell, symbols, hiddenSize, ...model }: Model, tokens: readonly number[]): number[][] {
  const states = model.layers.map(() => ({
    c: new Array(hiddenSize).fill(0),
    h: new Array(hiddenSize).fill(0),
  }));
  return tokens.map((token) => {
    const { embeddingSize } = model;
    let x = [...model.embedding.slice(token * embeddingSize, (token + 1) * embeddingSize)];
    for (const [index, { weight, bias, normalisation }] of model.layers.entries()) {
      const state = states[index] as (typeof states)[number];
      const sums = [...bias];
      for (const [row, value] of [...x, ...state.h].entries()) {
        for (const column of sums.keys())
          sums[column] = (sums[column] as number) + value * (weight[row * bias.length + column] as number);
      }
      if (cell === 'rnn') state.h = sums.map(Math.tanh);
      else {
        const gate = (part: number, unit: number) => sums[part * hiddenSize + unit] as number;
        state.c = state.c.map(
          (c, unit) => sigmoid(gate(1, unit)) * c + sigmoid(gate(0, unit)) * Math.tanh(gate(3, unit)),
        );
        state.h = state.c.map((c, unit) => sigmoid(gate(2, unit)) * Math.tanh(c));
      }
      x = [...state.h];
      if (normalisation) {
        const { mean, variance, gamma, beta } = normalisation;
        x = x.map((value, unit) => {
          const centred = value - (mean[unit] as number);
          const scaled = centred / Math.sqrt((variance[unit] as number) + EPSILON);
          return scaled * (gamma[unit] as number) + (beta[unit] as number);
        });
      }
    }
    return logSoftmax(affine(model.decoder, x));
  });
}

const tokens = [0, 2, 1, 3, 3, 0, 2];

for (const cell of ['lstm', 'rnn'] as const) {
  for (const settings of [{}, { normalised: true }, { normalised: true, deviation: true, dropout: 0.5 }]) {
    test(`torch-rnn's ${cell} ${JSON.stringify(settings)}`, async () => {
      const { normalised = false, ...rest } = settings as { normalised?: boolean; dropout?: number };
      const model = madeModel(cell, normalised);
      const read = decodeTorch7(torch7File(checkpointOf(model, rest)), 'x');
      const { config, regularization, origin } = read;
      assert.deepEqual([config.embeddingSize, regularization?.dropout], [EMBEDDING, rest.dropout ?? 0]);
      const text = tokens.map((token) => model.symbols[token]).join('');
      const rows = await logProbabilities(read, text, 'float64');
      assert.ok(largestError(read, rows, twin(model, tokens), model.symbols) <= 1e-13);
      assert.equal(origin?.sampleOnly !== undefined, normalised);
    });
  }
}

test('refuses to train a model with batch normalisation, and says why, also after a conversion', async () => {
  const read = decodeTorch7(torch7File(checkpointOf(madeModel('lstm', true))), 'x');
  const converted = decodeCheckpoint(joined(encodeCheckpoint(read)), 'y');
  for (const initial of [read, converted]) {
    await assert.rejects(
      async () => {
        for await (const _ of train({ text: 'abc\n'.repeat(2000), initFrom: initial })) break;
      },
      (error) =>
        error instanceof CheckpointError &&
        error.code === 'checkpoint-sample-only' &&
        error.message.includes('nn.BatchNormalization'),
    );
  }
});

test('rejects other networks than those of torch-rnn, with a reason', () => {
  const changes: [RegExp, (modules: Table) => void][] = [
    [/nn\.GRU/, (modules) => Object.assign(modules.values[1] as TorchObject, { className: 'nn.GRU' })],
    [
      /nn\.VanillaRNN|rnn/,
      (modules) => Object.assign(modules.values[2] as TorchObject, { className: 'nn.VanillaRNN' }),
    ],
    [
      /nn\.LookupTable/,
      (modules) => Object.assign(modules.values[0] as TorchObject, { className: 'nn.View' }),
    ],
  ];
  for (const [message, change] of changes) {
    const root = checkpointOf(madeModel('lstm', false));
    const model = root.get('model') as TorchObject;
    const net = (model.payload as Table).get('net') as TorchObject;
    change((net.payload as Table).get('modules') as Table);
    assert.throws(() => decodeTorch7(torch7File(root), 'x'), {
      code: /torch7-(unsupported|malformed)/,
      message,
    });
  }
});

test('symbols: bytes, bytes beyond ASCII as torch-rnn writes them, characters in UTF-8', () => {
  const bytes = (text: string) => Buffer.from(text).toString('latin1');
  const ascii = symbolOrder(['b', 'a', '[233]']);
  assert.equal(ascii.vocabulary.kind, 'byte');
  assert.deepEqual(ascii.vocabulary.symbols, ['a', 'b', '\u00e9']);
  assert.deepEqual(ascii.order, [1, 0, 2]);
  const characters = symbolOrder([bytes('\u{1F600}'), 'a', bytes('\u20ac')]);
  assert.equal(characters.vocabulary.kind, 'character');
  assert.deepEqual(characters.vocabulary.symbols, ['a', '\u20ac', '\u{1F600}']);
  for (const evil of [['a'], ['a', 'a'], ['a', 'word'], ['a', '\u00e2\u00ff'], []]) {
    assert.throws(() => symbolOrder(evil), { code: 'torch7-vocabulary' });
  }
});

test('rejects many layers that share one large normalisation, without allocating memory for them', () => {
  const vector = (length: number) => tensorOn(doubleStorage(new Float64Array(length)), [length], 0);
  const matrix = (rows: number, columns: number) =>
    tensorOn(doubleStorage(new Float64Array(rows * columns)), [rows, columns], 0);
  const many = vector(100_000);
  const layer = nnModule('nn.VanillaRNN', { weight: matrix(2, 1), bias: vector(1) });
  const parts = { running_mean: many, running_std: many };
  const normalised = nnModule('nn.BatchNormalization', parts);
  const refusedFor = (modules: TorchObject[], message: RegExp) => {
    const embedding = new TorchObject('nn.LookupTable', Table.of({ weight: matrix(2, 1) }));
    const net = nnModule('nn.Sequential', { modules: Table.list([embedding, ...modules]) });
    const fields = Table.of({ net, idx_to_token: Table.list(['a', 'b']) });
    const root = Table.of({ model: new TorchObject('nn.LanguageModel', fields) });
    assert.throws(() => decodeTorch7(torch7File(root), 'evil.t7'), message);
  };
  const times = (count: number, ...modules: TorchObject[]) =>
    Array.from({ length: count }, () => modules).flat();
  refusedFor(
    times(20_000, layer, normalised),
    /100000 units are normalised before layer 2, whose input size is 1/,
  );
  refusedFor(times(20_000, layer), /more than 1000 layers/);
});
