/** Drawing on the device: the shader against its definition, and whole calls of `generate` on the software adapter. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  type DrawControls,
  type Engine,
  type Generate,
  NEUTRAL_CONTROLS,
  type Tensor,
} from '../../../src/engine/engine.ts';
import type { Layout } from '../../../src/engine/layout.ts';
import { ReferenceEngine } from '../../../src/engine/reference/reference-engine.ts';
import { UnsupportedError } from '../../../src/errors.ts';
import { makeStates } from '../../../src/model/states.ts';
import { MersenneTwister } from '../../../src/util/mersenne-twister.ts';
import { RandomValues } from '../random-values.ts';
import { holdDevice, softwareEngine } from './engines.ts';
import { skipWithoutSoftwareGpu as skip } from './software.ts';

let release = () => {};
before(async () => {
  if (!skip) release = await holdDevice();
});
after(() => release());

const H = 5;

function layoutOf(V: number): Layout {
  return [
    { kind: 'embedding', name: 'embedding', vocabularySize: V, outputSize: H },
    { kind: 'recurrent', name: 'layer 1', cell: 'lstm', input: 'dense', inputSize: H, hiddenSize: H },
    { kind: 'recurrent', name: 'layer 2', cell: 'rnn', input: 'dense', inputSize: H, hiddenSize: H },
    { kind: 'linear', name: 'decoder', inputSize: H, outputSize: V },
  ];
}

/** Log-probabilities of V tokens, from very likely to very unlikely. */
function predictionOf(V: number): Float32Array {
  const weights = Array.from({ length: V }, (_, v) => Math.exp(-((v * 7) % 11)) + (v % 3 === 0 ? 0.01 : 0));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return Float32Array.from(weights, (weight) => Math.log(weight / sum));
}

/** One token for each uniform number, all from one prediction. */
async function drawOnce(
  engine: Engine,
  prediction: Float32Array,
  uniforms: Float64Array,
  controls: Partial<DrawControls> = {},
): Promise<Int32Array> {
  const [V, N] = [prediction.length, uniforms.length];
  const layout = layoutOf(V);
  const output = engine.tensor('float', [N, V]);
  engine.write(
    output,
    Float32Array.from({ length: N * V }, (_, i) => prediction[i % V] as number),
  );
  return engine.generate({
    ...{ weights: engine.vector(layout), states: makeStates(engine, layout, N), output, uniforms },
    slots: Int32Array.from({ length: N }, (_, n) => n),
    rows: Array(N).fill({ controls: { ...NEUTRAL_CONTROLS, ...controls } }),
    draws: 'device',
  });
}

function countsOf(drawn: Int32Array, V: number): number[] {
  const counts: number[] = Array(V).fill(0);
  for (const token of drawn) counts[token] = (counts[token] as number) + 1;
  return counts;
}

/** The middles of N intervals of equal length: each token gets N times its probability, rounded up or down. */
const evenly = (N: number) => Float64Array.from({ length: N }, (_, n) => (n + 0.5) / N);

for (const [V, temperature] of [
  [9, 1],
  [9, 0.3],
  [9, 20],
  [64, 1],
  [65, 2],
  [1000, 1.5],
] as const)
  test(`of ${V} tokens at temperature ${temperature}, each is drawn as often as its probability says`, {
    skip,
  }, async () => {
    const N = 1000;
    const prediction = predictionOf(V);
    const engine = await softwareEngine();
    const counts = countsOf(await drawOnce(engine, prediction, evenly(N), { temperature }), V);
    await engine.close();
    const weights = Array.from(prediction, (log) => Math.exp(log / temperature));
    const sum = weights.reduce((total, weight) => total + weight, 0);
    counts.forEach((count, v) => {
      const due = (N * (weights[v] as number)) / sum;
      assert.ok(Math.abs(count - due) <= 1.01, `token ${v}: ${count} times, expected ${due}`);
    });
  });

test('random draws follow the order of the tokens: the extreme numbers give the first and the last', {
  skip,
}, async () => {
  const engine = await softwareEngine();
  const uniforms = Float64Array.of(0, 0.2499, 0.2501, 0.4999, 0.5001, 1 - 2 ** -32);
  const quarters = Float32Array.from([0, 1, 0, 1, 2].map((quarter) => Math.log(quarter / 4)));
  assert.deepEqual([...(await drawOnce(engine, quarters, uniforms))], [1, 1, 3, 3, 4, 4]);
  await engine.close();
});

test('temperature 0 takes the first of the largest, and so does a temperature near it', {
  skip,
}, async () => {
  const engine = await softwareEngine();
  const uniforms = Float64Array.of(0, 0.3, 0.7, 0.999);
  for (const V of [9, 200]) {
    const prediction = predictionOf(V);
    prediction[0] = -0.1;
    for (const temperature of [0, 1e-30, 0.01])
      assert.deepEqual([...(await drawOnce(engine, prediction, uniforms, { temperature }))], [0, 0, 0, 0]);
    prediction[5] = prediction[3] = 0;
    assert.deepEqual([...(await drawOnce(engine, prediction, uniforms, { temperature: 0 }))], [3, 3, 3, 3]);
  }
  await engine.close();
});

test('a biased token is drawn more or less often, and an excluded one never', { skip }, async () => {
  const engine = await softwareEngine();
  const even = new Float32Array(4).fill(Math.log(1 / 4));
  const logitBias = Float64Array.of(Number.NEGATIVE_INFINITY, Math.log(3), 0, Number.NEGATIVE_INFINITY);
  for (const [temperature, expected] of [
    [1, [0, 75, 25, 0]],
    [1e30, [0, 50, 50, 0]],
    [0, [0, 100, 0, 0]],
  ] as const)
    assert.deepEqual(
      countsOf(await drawOnce(engine, even, evenly(100), { temperature, logitBias }), 4),
      expected,
    );
  await engine.close();
});

test('predictions that are not finite still give a token of the vocabulary', { skip }, async () => {
  const engine = await softwareEngine();
  const allNaN = new Float32Array(5).fill(Number.NaN);
  assert.deepEqual(countsOf(await drawOnce(engine, allNaN, evenly(10)), 5), [2, 2, 2, 2, 2]);
  const certain = Float32Array.of(Number.NaN, Number.NEGATIVE_INFINITY, 0, Number.NaN);
  assert.deepEqual(countsOf(await drawOnce(engine, certain, evenly(10)), 4), [0, 0, 10, 0]);
  await engine.close();
});

const V = 30;
const STEPS = 12;
const SLOTS = 6;

/** Sequences of a model with random weights. Sequence n always has slot n, the same prediction and the same uniform numbers. */
async function generating(draws: Generate['draws']) {
  const engine = await softwareEngine();
  const layout = layoutOf(V);
  const weights = new RandomValues(engine, 4).vector(layout, 2);
  const generators = Array.from({ length: SLOTS }, (_, n) => new MersenneTwister(n + 1));
  const uniforms = generators.map((generator) =>
    Array.from({ length: STEPS }, () => generator.nextUniform()),
  );
  const states = makeStates(engine, layout, SLOTS);

  /** Generates tokens in calls of some steps. @returns those of each sequence, and the bits of states and predictions after them */
  const generate = async (sequences: readonly number[], cuts: readonly number[]) => {
    const N = sequences.length;
    for (const state of states) engine.fill(state, 0.1);
    const output = engine.tensor('float', [N, V]);
    engine.write(
      output,
      sequences.flatMap(() => [...predictionOf(V)]),
    );
    const texts = sequences.map((): number[] => []);
    let from = 0;
    for (const steps of cuts) {
      const drawn = await engine.generate({
        ...{ weights, states, output, draws },
        slots: Int32Array.from(sequences),
        uniforms: Float64Array.from({ length: steps * N }, (_, i) => {
          const own = uniforms[sequences[i % N] as number] as readonly number[];
          return own[from + Math.floor(i / N)] as number;
        }),
        rows: sequences.map((n) => ({ controls: { ...NEUTRAL_CONTROLS, temperature: 0.5 + n / 5 } })),
      });
      drawn.forEach((token, i) => {
        texts[i % N]?.push(token);
      });
      from += steps;
    }
    const predictions = [...(await readAll(engine, output))];
    const hidden = await Promise.all(states.map(async (state) => [...(await readAll(engine, state))]));
    return sequences.map((n, row) => ({
      tokens: texts[row] as number[],
      prediction: predictions.slice(row * V, (row + 1) * V),
      states: hidden.map((values) => values.filter((_, i) => Math.floor(i / H) % SLOTS === n)),
    }));
  };
  return { engine, generate };
}

async function readAll(engine: Engine, tensor: Tensor): Promise<number[]> {
  return Array.from(await engine.read(tensor));
}

test('a sequence has the same tokens and the same bits alone or in a batch, in one call or in several', {
  skip,
}, async () => {
  const { engine, generate } = await generating('device');
  const all = await generate([0, 1, 2, 3, 4, 5], [STEPS]);
  assert.ok(new Set(all.map(({ tokens }) => tokens.join())).size > 1);
  assert.deepEqual(await generate([0, 1, 2, 3, 4, 5], [1, 4, 2, 5]), all);
  const order = [4, 1, 3];
  const some = order.map((n) => all[n]);
  assert.deepEqual(await generate(order, [5, 7]), some);
  for (const n of order) assert.deepEqual(await generate([n], [STEPS]), [all[n]]);
  await engine.close();
});

test('the tokens, the states and the predictions are those of drawing on the host', { skip }, async () => {
  const [device, host] = [await generating('device'), await generating('host')];
  const sequences = [2, 0, 5, 1];
  // None of these uniform numbers is so near a boundary that the precision decides.
  assert.deepEqual(await device.generate(sequences, [STEPS]), await host.generate(sequences, [STEPS]));
  await device.engine.close();
  await host.engine.close();
});

test('any number of steps takes one read, and few submits', { skip }, async () => {
  const { engine, generate } = await generating('device');
  await generate([0, 1, 2], [STEPS]);
  const before = { ...engine.counts };
  await generate([0, 1, 2], [STEPS]);
  // The others read the prediction and the states of both layers.
  assert.equal(engine.counts.reads - before.reads, 1 + 3);
  assert.ok(engine.counts.submits - before.submits < STEPS, `${engine.counts.submits - before.submits}`);
  await engine.close();
});

test('controls that the device can not apply are refused by name, as is an engine without a device', {
  skip,
}, async () => {
  const engine = await softwareEngine();
  const reference = new ReferenceEngine('float64');
  for (const controls of [
    ...[{ topK: 3 }, { topP: 0.5 }, { minP: 0.1 }],
    ...[{ repetitionPenalty: 1.1 }, { presencePenalty: 1 }, { frequencyPenalty: 1 }],
  ])
    await assert.rejects(
      drawOnce(engine, predictionOf(9), evenly(2), controls),
      (error) =>
        error instanceof UnsupportedError &&
        error.message === `the webgpu engine does not apply ${Object.keys(controls)[0]} on its device.`,
    );
  await assert.rejects(drawOnce(reference, predictionOf(9), evenly(2)), {
    message: 'the reference engine does not draw on a device.',
  });
  await engine.close();
});
