/** The part of the contract suite for arrays, embedding, linear map, loss, dropout and updates. */
import assert from 'node:assert/strict';
import { dropoutKey, dropThreshold, keeps, positionKey } from '../../src/engine/dropout-mask.ts';
import {
  type Engine,
  type FloatArray,
  type Tensor,
  UPDATE_REPORT,
  UPDATE_REPORT_LENGTH,
} from '../../src/engine/engine.ts';
import { type Layout, parameterSlices } from '../../src/engine/layout.ts';
import { UPDATE_RULES, type UpdateRule, type UpdateRuleKind } from '../../src/engine/update-rules.ts';
import { largestDifference } from '../compare.ts';
import type { ContractPart } from './contract-suite.ts';
import { RandomValues, sizeOf } from './random-values.ts';

const V = 9;
const H = 6;
const layout: Layout = [
  { kind: 'embedding', name: 'embedding', vocabularySize: V, outputSize: H },
  { kind: 'recurrent', name: 'layer 1', cell: 'lstm', input: 'dense', inputSize: H, hiddenSize: H },
  { kind: 'recurrent', name: 'layer 2', cell: 'rnn', input: 'dense', inputSize: H, hiddenSize: H },
  { kind: 'linear', name: 'decoder', inputSize: H, outputSize: V },
];
const T = 4;
const B = 3;

/** Each rule with some parameters, and its step for one element: from the gradient, the moments before it, and the number of updates. */
const RULES: {
  readonly [K in UpdateRuleKind]: {
    readonly rule: UpdateRule<K>;
    step(g: number, moments: readonly number[], updates: number): number;
  };
} = {
  rmsprop: {
    rule: { kind: 'rmsprop', alpha: 0.9, epsilon: 1e-8 },
    step: (g, [m = 0]) => g / (Math.sqrt(0.9 * m + 0.1 * g * g) + 1e-8),
  },
  adam: {
    rule: { kind: 'adam', beta1: 0.9, beta2: 0.99, epsilon: 1e-8 },
    step(g, [m = 0, v = 0], t) {
      const mean = (0.9 * m + 0.1 * g) / (1 - 0.9 ** t);
      const square = (0.99 * v + 0.01 * g * g) / (1 - 0.99 ** t);
      return mean / (Math.sqrt(square) + 1e-8);
    },
  },
};

async function read(engine: Engine, tensor: Tensor): Promise<FloatArray> {
  return (await engine.read(tensor)) as FloatArray;
}

export const operationsContract: ContractPart = (add, tolerance) => {
  const check = (what: string, run: (engine: Engine, random: RandomValues) => Promise<void>) =>
    add(what, (engine) => run(engine, new RandomValues(engine, 11)));
  const close = (actual: ArrayLike<number>, expected: ArrayLike<number>, what: string) =>
    assert.ok(largestDifference(actual, expected) <= tolerance, what);

  check('write, read, fill and copy keep row-major order', async (engine) => {
    const tensor = engine.tensor('float', [2, 3]);
    engine.write(tensor, [1, 2, 3, 4, 5, 6]);
    engine.write(tensor, [9, 8], 2);
    assert.deepEqual(Array.from(await read(engine, tensor)), [1, 2, 9, 8, 5, 6]);
    const twin = engine.tensor('float', [2, 3]);
    engine.copy(tensor, twin);
    engine.fill(tensor, 7);
    assert.deepEqual(Array.from(await read(engine, twin)), [1, 2, 9, 8, 5, 6]);
    assert.deepEqual(Array.from(await read(engine, tensor)), [7, 7, 7, 7, 7, 7]);
    assert.throws(() => engine.copy(tensor, engine.tensor('float', [3, 2])), RangeError);
    assert.throws(() => engine.write(tensor, [1, 2], 5), RangeError);
  });

  check('using a released handle is an error', async (engine) => {
    const tensor = engine.tensor('float', [2]);
    engine.release(tensor);
    assert.throws(() => engine.fill(tensor, 1), TypeError);
  });

  check('a tensor in the memory of another gives the bits of one of its own', async (engine, random) => {
    // Several panels of 16, the last of them with padding.
    const [inputSize, outputSize] = [21, 37];
    const wide: Layout = [{ kind: 'linear', name: 'decoder', inputSize, outputSize }];
    const weights = random.vector(wide);
    /** The gradient and its norm, for these tensors of three steps. */
    const backward = async ([input, outputGradient, inputGradient]: readonly [Tensor, Tensor, Tensor]) => {
      const gradient = engine.vector(wide);
      engine.linearBackward({ weights, gradient, module: 0, input, outputGradient, inputGradient });
      const report = engine.tensor('float', [UPDATE_REPORT_LENGTH]);
      const changed = engine.vector(wide);
      const moments = [engine.vector(wide)];
      const steps = engine.tensor('int', [1]);
      engine.update({
        ...{ weights: changed, gradient, moments, rule: RULES.rmsprop.rule, learningRate: 0, steps, report },
      });
      return [await engine.read(gradient), await read(engine, inputGradient), await read(engine, report)];
    };
    const values = [random.numbers(3 * B * inputSize), random.numbers(3 * B * outputSize)] as const;
    const shapes = (steps: number) => [inputSize, outputSize, inputSize].map((last) => [steps, B, last]);
    const written = (tensors: readonly Tensor[]) => {
      values.forEach((numbers, index) => {
        engine.write(tensors[index] as Tensor, numbers);
      });
      return tensors as [Tensor, Tensor, Tensor];
    };
    const own = shapes(3).map((shape) => engine.tensor('float', shape));
    const expected = await backward(written(own));
    const memory = shapes(5).map((shape) => random.floats(shape));
    const bytes = engine.bytesInUse;
    const parts = memory.map((one, index) => engine.tensorIn(one, shapes(3)[index] as number[]));
    assert.equal(engine.bytesInUse, bytes);
    assert.deepEqual(await backward(written(parts)), expected);
    // The other way round: a part has used the memory of the whole.
    own.forEach((one, index) => {
      const shape = shapes(2)[index] as number[];
      engine.write(engine.tensorIn(one, shape), random.numbers(sizeOf(shape)));
    });
    assert.deepEqual(await backward(written(own)), expected);
    const [first, part] = [memory[0] as Tensor, parts[0] as Tensor];
    assert.throws(() => engine.tensorIn(first, [3, B, inputSize + 1]), RangeError);
    assert.throws(() => engine.tensorIn(first, [3, B]), RangeError);
    assert.throws(() => engine.release(part), TypeError);
    engine.release(first);
    assert.throws(() => engine.fill(part, 1), TypeError);
  });

  check('tokens in the memory of another tensor are checked', async (engine, random) => {
    const weights = random.vector(layout);
    const memory = engine.tensor('int', [T, B]);
    const tokens = engine.tensorIn(memory, [2, B]);
    const output = engine.tensor('float', [2, B, H]);
    engine.fill(memory, V);
    assert.throws(() => engine.embeddingForward({ weights, module: 0, tokens, output }), RangeError);
  });

  check('shapes and types are checked', async (engine, random) => {
    const weights = random.vector(layout);
    const output = engine.tensor('float', [T, B, V]);
    const wide = engine.tensor('float', [T, B, H + 1]);
    assert.throws(() => engine.linearForward({ weights, module: 3, input: wide, output }), RangeError);
    assert.throws(() => engine.linearForward({ weights, module: 1, input: wide, output }), TypeError);
    const tokens = engine.tensor('int', [T, B]);
    engine.fill(tokens, V);
    const embedded = engine.tensor('float', [T, B, H]);
    assert.throws(
      () => engine.embeddingForward({ weights, module: 0, tokens, output: embedded }),
      RangeError,
    );
  });

  check('the embedding looks up rows, and sums their gradients', async (engine, random) => {
    const weights = random.vector(layout);
    const tokens = random.integers([T, B], V);
    const output = engine.tensor('float', [T, B, H]);
    engine.embeddingForward({ weights, module: 0, tokens, output });
    const table = (await engine.read(weights)).subarray(0, V * H);
    const ids = Array.from((await engine.read(tokens)) as Int32Array);
    assert.deepEqual(
      Array.from(await read(engine, output)),
      ids.flatMap((id) => Array.from(table.subarray(id * H, (id + 1) * H))),
    );
    const outputGradient = random.floats([T, B, H]);
    const gradient = engine.vector(layout);
    engine.fill(gradient, 3);
    engine.embeddingBackward({ gradient, module: 0, tokens, outputGradient });
    const given = await read(engine, outputGradient);
    const expected = new Float64Array(V * H);
    ids.forEach((id, position) => {
      for (let d = 0; d < H; d++) {
        expected[id * H + d] = (expected[id * H + d] as number) + (given[position * H + d] as number);
      }
    });
    close((await engine.read(gradient)).subarray(0, V * H), expected, 'gradient');
  });

  check('the linear map and its gradients', async (engine, random) => {
    const weights = random.vector(layout);
    const input = random.floats([T, B, H]);
    const output = engine.tensor('float', [T, B, V]);
    engine.linearForward({ weights, module: 3, input, output });
    const all = await engine.read(weights);
    const W = all.subarray(all.length - V * H - V, all.length - V);
    const bias = all.subarray(all.length - V);
    const x = await read(engine, input);
    const dot = (length: number, term: (index: number) => number) =>
      Array.from({ length }, (_, index) => term(index)).reduce((a, b) => a + b, 0);
    const at = (values: FloatArray, index: number) => values[index] as number;
    const grid = (rows: number, columns: number, value: (row: number, column: number) => number) =>
      Array.from({ length: rows * columns }, (_, i) => value(Math.floor(i / columns), i % columns));
    const N = T * B;
    close(
      await read(engine, output),
      grid(N, V, (n, v) => at(bias, v) + dot(H, (h) => at(W, v * H + h) * at(x, n * H + h))),
      'output',
    );
    const outputGradient = random.floats([T, B, V]);
    const inputGradient = engine.tensor('float', [T, B, H]);
    const gradient = engine.vector(layout);
    engine.linearBackward({ weights, gradient, module: 3, input, outputGradient, inputGradient });
    const dY = await read(engine, outputGradient);
    const got = await engine.read(gradient);
    close(
      got.subarray(got.length - V * H - V, got.length - V),
      grid(V, H, (v, h) => dot(N, (n) => at(dY, n * V + v) * at(x, n * H + h))),
      'weight',
    );
    close(
      got.subarray(got.length - V),
      grid(1, V, (_, v) => dot(N, (n) => at(dY, n * V + v))),
      'bias',
    );
    close(
      await read(engine, inputGradient),
      grid(N, H, (n, h) => dot(V, (v) => at(W, v * H + h) * at(dY, n * V + v))),
      'input',
    );
    assert.ok(
      got.subarray(0, got.length - V * H - V).every((value) => value === 0),
      'the gradients of other modules do not change',
    );
  });

  check('cross entropy: losses, weights, log-probabilities and gradient', async (engine, random) => {
    const logits = random.floats([T, B, V], 4);
    const targets = random.integers([T, B], V);
    const positionWeights = random.floats([T, B]);
    engine.write(positionWeights, [0], 4);
    const loss = engine.tensor('float', [1 + T * B]);
    const logProbabilities = engine.tensor('float', [T, B, V]);
    const gradient = engine.tensor('float', [T, B, V]);
    const x = await read(engine, logits);
    const ids = (await engine.read(targets)) as Int32Array;
    const weights = await read(engine, positionWeights);
    engine.crossEntropy({
      logits,
      targets,
      positionWeights,
      loss,
      logProbabilities,
      gradient,
      gradientScale: 0.25,
    });
    const logP: number[] = [];
    for (let n = 0; n < T * B; n++) {
      const row = Array.from(x.subarray(n * V, (n + 1) * V));
      const normalizer = Math.log(row.reduce((sum, value) => sum + Math.exp(value), 0));
      logP.push(...row.map((value) => value - normalizer));
    }
    const expected = Array.from(ids, (id, n) => -(logP[n * V + id] as number));
    close(await read(engine, logProbabilities), logP, 'log-probabilities');
    const [total, ...losses] = await read(engine, loss);
    close(losses, expected, 'losses');
    const sum = expected.reduce((s, loss, n) => s + loss * (weights[n] as number), 0);
    close([total as number], [sum], 'total');
    const alone = engine.tensor('float', [1]);
    engine.crossEntropy({ logits, targets, positionWeights, loss: alone });
    assert.deepEqual([...(await read(engine, alone))], [total], 'the sum alone');
    close(
      await read(engine, gradient),
      logP.map((value, i) => {
        const n = Math.floor(i / V);
        return 0.25 * (weights[n] as number) * (Math.exp(value) - (i % V === ids[n] ? 1 : 0));
      }),
      'gradient',
    );
    const kept = await read(engine, gradient);
    engine.crossEntropy({ logits, targets, positionWeights, loss, gradient: logits, gradientScale: 0.25 });
    assert.deepEqual(await read(engine, logits), kept, 'in place');
  });

  check(
    'dropout zeroes elements with its probability, scales the others, and is reproducible',
    async (engine) => {
      const [steps, rows, units] = [20, 10, 50];
      const input = engine.tensor('float', [steps, rows, units]);
      engine.fill(input, 1);
      const output = engine.tensor('float', [steps, rows, units]);
      const call = { probability: 0.25, seed: 3, batch: 4, site: 1, input, output };
      engine.dropout(call);
      const mask = await read(engine, output);
      const dropped = mask.filter((value) => value === 0).length / mask.length;
      assert.ok(Math.abs(dropped - 0.25) < 0.02, `dropped ${dropped}`);
      const scale = engine.description.precision === 'float64' ? 1 / 0.75 : Math.fround(1 / 0.75);
      assert.ok(
        mask.every((value) => value === 0 || value === scale),
        'scaled by 1 / (1 - p)',
      );
      engine.dropout(call);
      assert.deepEqual(await read(engine, output), mask, 'the same call, the same mask');
      for (const change of [{ seed: 4 }, { batch: 5 }, { site: 2 }]) {
        engine.dropout({ ...call, ...change });
        assert.notDeepEqual(await read(engine, output), mask, JSON.stringify(change));
      }
      const tail = engine.tensor('float', [5, rows, units]);
      engine.fill(tail, 1);
      engine.dropout({ ...call, input: tail, output: tail, firstStep: 15 });
      assert.deepEqual(await read(engine, tail), mask.slice(15 * rows * units), 'the last steps alone');
      engine.dropout({ ...call, perSequence: true });
      const constant = await read(engine, output);
      assert.deepEqual(constant.slice(0, rows * units), constant.slice(7 * rows * units, 8 * rows * units));
    },
  );

  check('dropped weights have the mask of the hash, and nothing else changes', async (engine) => {
    // Sizes that are no multiples of 16, and a matrix that reads tokens.
    const [size, tokens] = [19, 21];
    const network: Layout = [
      ...layout.slice(0, 2),
      { kind: 'recurrent', name: 'gru', cell: 'gru', input: 'tokens', inputSize: tokens, hiddenSize: size },
      { kind: 'linear', name: 'linear', inputSize: size, outputSize: 5 },
    ];
    const probability = 0.3;
    const scale = engine.description.precision === 'float64' ? 1 / 0.7 : Math.fround(1 / 0.7);
    const cases = [
      { module: 0, parameter: 'weight', drops: 'input' },
      { module: 0, parameter: 'weight', drops: 'weight' },
      { module: 2, parameter: 'weight_ih', drops: 'input' },
      { module: 2, parameter: 'weight_hh', drops: 'weight' },
      { module: 3, parameter: 'weight', drops: 'weight' },
    ] as const;
    for (const one of cases) {
      const vector = engine.vector(network);
      engine.fill(vector, 1);
      const hash = { probability, seed: 3, batch: 9, site: 5 };
      engine.dropWeights({ ...hash, ...one, vector });
      const expected = Float64Array.from({ length: vector.size }, () => 1);
      const slice = parameterSlices(network).find(
        ({ module, name }) => module === one.module && name === one.parameter,
      );
      assert.ok(slice);
      const [rows = 0, columns = 0] = slice.shape;
      const key = dropoutKey(hash);
      for (let row = 0; row < rows; row++)
        for (let column = 0; column < columns; column++) {
          // The rows of an embedding are its inputs, the tokens.
          const [output, input] = one.module === 0 ? [column, row] : [row, column];
          const position = positionKey(key, one.drops === 'weight' ? output : 0, 0);
          const isKept = keeps(position, input, dropThreshold(probability));
          expected[slice.offset + row * columns + column] = isKept ? scale : 0;
        }
      assert.deepEqual([...(await engine.read(vector))], [...expected], JSON.stringify(one));
    }
    const vector = engine.vector(network);
    const bad = { probability, seed: 1, batch: 1, site: 1, vector, drops: 'weight' } as const;
    assert.throws(() => engine.dropWeights({ ...bad, module: 3, parameter: 'weight_hh' }), TypeError);
    assert.throws(() => engine.dropWeights({ ...bad, module: 9, parameter: 'weight' }), TypeError);
  });

  check('weight decay shrinks matrices before the rule, and no bias', async (engine, random) => {
    const update = async (weightDecay: number | undefined, start: FloatArray, slope: number) => {
      const [weights, gradient] = [engine.vector(wide), engine.vector(wide)];
      engine.write(weights, start);
      engine.fill(gradient, slope);
      const moments = [engine.vector(wide), engine.vector(wide)];
      const report = engine.tensor('float', [UPDATE_REPORT_LENGTH]);
      const steps = engine.tensor('int', [1]);
      const call = { weights, gradient, moments, rule: RULES.adam.rule, learningRate: 0.01, steps, report };
      engine.update({ ...call, weightDecay });
      return { after: await engine.read(weights), report: await read(engine, report) };
    };
    // Large enough for more than one chunk in the kernels.
    const wide: Layout = [
      { kind: 'recurrent', name: 'layer', cell: 'lstm', input: 'tokens', inputSize: V, hiddenSize: 40 },
      { kind: 'linear', name: 'decoder', inputSize: 40, outputSize: V },
    ];
    const start = await engine.read(random.vector(wide));
    const plain = await update(undefined, start, 0.5);
    const decayed = await update(0.3, start, 0.5);
    const expected = start.map((value, i) => {
      const slice = parameterSlices(wide).find(({ offset, size }) => i >= offset && i < offset + size);
      const isMatrix = slice !== undefined && slice.shape.length > 1;
      return value * (isMatrix ? 1 - 0.01 * 0.3 : 1) + ((plain.after[i] as number) - value);
    });
    close(decayed.after, expected, 'weights');
    close([decayed.report[UPDATE_REPORT.weightNorm] as number], [Math.hypot(...decayed.after)], 'norm');
    assert.deepEqual((await update(0, start, 0.5)).after, plain.after, 'a decay of zero');
    const { after } = await update(0.3, start, Number.NaN);
    assert.deepEqual(after, start, 'nothing changes on a gradient that is not finite');
  });

  check('average moves one vector towards another', async (engine, random) => {
    const [vector, other] = [random.vector(layout, 2), random.vector(layout)];
    const [values, before] = [await engine.read(vector), await engine.read(other)];
    engine.average(vector, other, 0.25);
    close(
      await engine.read(other),
      before.map((value, i) => value + ((values[i] as number) - value) * 0.25),
      'average',
    );
  });

  check('read takes a range', async (engine, random) => {
    const sources = [random.floats([3, 4, 5]), random.floats([12]), random.integers([2, 6], V)];
    for (const source of sources) {
      const all = await engine.read(source);
      for (const [offset, count] of [
        [0, 3],
        [5, 7],
        [all.length, 0],
      ] as const) {
        assert.deepEqual(await engine.read(source, { offset, count }), all.slice(offset, offset + count));
      }
      await assert.rejects(engine.read(source, { offset: 1, count: all.length }), RangeError);
      await assert.rejects(engine.read(source, { offset: -1, count: 1 }), RangeError);
    }
    const vector = random.vector(layout);
    const all = await engine.read(vector);
    assert.deepEqual(await engine.read(vector, { offset: 50, count: 200 }), all.slice(50, 250));
  });

  check(
    'each update rule follows its formula; if the gradient or the loss is not finite, nothing changes',
    async (engine, random) => {
      for (const { rule, step } of Object.values(RULES)) {
        const weights = random.vector(layout);
        const gradient = random.vector(layout, 2);
        const moments = Array.from({ length: UPDATE_RULES[rule.kind].moments }, () => random.vector(layout));
        // The mean of squares is the last one, and never negative.
        const squares = moments.at(-1);
        if (squares) engine.write(squares, (await engine.read(squares)).map(Math.abs));
        const report = engine.tensor('float', [UPDATE_REPORT_LENGTH]);
        const steps = engine.tensor('int', [1]);
        engine.write(steps, [2]);
        const readMoments = () => Promise.all(moments.map((moment) => engine.read(moment)));
        const [w, g, before] = [await engine.read(weights), await engine.read(gradient), await readMoments()];
        const call = {
          weights,
          gradient,
          moments,
          rule,
          learningRate: 0.01,
          clipElement: 1.5,
          steps,
          report,
        };
        engine.update(call);
        const clipped = g.map((value) => Math.max(-1.5, Math.min(1.5, value)));
        const expected = w.map((value, i) => {
          const own = before.map((moment) => moment[i] as number);
          return value - 0.01 * step(clipped[i] as number, own, 3);
        });
        close(await engine.read(weights), expected, `${rule.kind}: weights`);
        const figures = await read(engine, report);
        close([figures[UPDATE_REPORT.rawGradientNorm] as number], [Math.hypot(...g)], 'raw norm');
        close([figures[UPDATE_REPORT.gradientNorm] as number], [Math.hypot(...clipped)], 'norm');
        close([figures[UPDATE_REPORT.weightNorm] as number], [Math.hypot(...expected)], 'weight norm');
        assert.equal(figures[UPDATE_REPORT.applied], 1);
        assert.deepEqual([...(await engine.read(steps))], [3], 'the update is counted');
        const [carried, copy] = [random.floats([2, B, H]), engine.tensor('float', [2, B, H])];
        engine.copyUnlessApplied(report, carried, copy);
        assert.ok(
          (await read(engine, copy)).every((value) => value === 0),
          'nothing is copied after an applied update',
        );

        const kept = await engine.read(weights);
        const keptMoments = await readMoments();
        engine.write(gradient, [Number.NaN], 5);
        engine.update(call);
        assert.equal((await read(engine, report))[UPDATE_REPORT.applied], 0);
        engine.write(gradient, [0], 5);
        const loss = engine.tensor('float', [1]);
        engine.write(loss, [Number.POSITIVE_INFINITY]);
        engine.update({ ...call, loss });
        const refused = await read(engine, report);
        assert.equal(refused[UPDATE_REPORT.applied], 0);
        assert.equal(refused[UPDATE_REPORT.loss], Number.POSITIVE_INFINITY);
        assert.deepEqual([...(await engine.read(steps))], [3], 'a skipped update is not counted');
        engine.copyUnlessApplied(report, carried, copy);
        assert.deepEqual(await read(engine, copy), await read(engine, carried));
        assert.deepEqual(await engine.read(weights), kept);
        assert.deepEqual(await readMoments(), keptMoments);
      }
    },
  );
};
