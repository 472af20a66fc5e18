/** What modern recipes for training add to the original: with all of it on, a run is still exact, and each part does what it says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RandomCuts } from '../../src/data/batches/cuts.ts';
import { RowBatches } from '../../src/data/batches/row-batches.ts';
import { MemoryTokens } from '../../src/data/tokens/memory-tokens.ts';
import { nativeVariants } from '../../src/engine/cpu/native.node.ts';
import { parameterSlices } from '../../src/engine/layout.ts';
import { ReferenceEngine } from '../../src/engine/reference/reference-engine.ts';
import type { Checkpoint, TrainInput } from '../../src/index.ts';
import { train } from '../../src/index.ts';
import { layoutOf } from '../../src/model/config.ts';
import { initialParameters } from '../../src/model/initial-parameters.ts';
import { Network } from '../../src/model/network.ts';
import { INITS } from '../../src/model/option-values.ts';
import { withStateResets } from '../../src/train/run/state-resets.ts';
import { MersenneTwister } from '../../src/util/mersenne-twister.ts';

const text = 'the harbour wall stood in the rain, and the keeper walked along it. '.repeat(20);

const EVERYTHING = {
  ...{ text, hiddenSize: 9, layers: 2, batchSize: 3, sequenceLength: 7, maxEpochs: 6, evaluateEvery: 8 },
  ...{ optimizer: 'adam', adamBeta1: 0.8, adamBeta2: 0.99, weightDecay: 0.01, meanNormClip: 0.1 },
  ...{ schedule: 'cosine', warmup: 0.1, learningRate: 0.01, accumulate: 2, init: 'scaled' },
  ...{ randomOffset: true, randomLength: true, stateReset: 0.2, average: 'ema', averageDecay: 0.9 },
  ...{ dropout: 0.2, dropoutMask: 'sequence', weightDrop: 0.2, tokenDropout: 0.1 },
} as const satisfies TrainInput;

/** Trains until an iteration, or to the end. */
async function run(input: TrainInput, until?: number): Promise<{ checkpoint: Checkpoint; rates: number[] }> {
  const controller = new AbortController();
  const rates: number[] = [];
  let checkpoint: Checkpoint | undefined;
  for await (const event of train({ ...input, signal: controller.signal })) {
    if (event.type === 'iteration') {
      rates.push(event.learningRate);
      if (event.iteration === until) controller.abort();
    }
    if (event.type === 'finished') checkpoint = event.checkpoint;
  }
  assert.ok(checkpoint);
  return { checkpoint, rates };
}

const stateOf = ({ parameters, training }: Checkpoint) => {
  const { runId: _, options: __, ...state } = training as NonNullable<typeof training>;
  return { parameters, state };
};

const engines = [...(nativeVariants().length > 0 ? ['native' as const] : []), 'wasm', 'reference'] as const;

for (const engine of engines) {
  test(`${engine}: with everything on, a resumed run has the bits of the unbroken one`, async () => {
    const whole = await run({ ...EVERYTHING, engine, threads: 2 });
    const first = await run({ ...EVERYTHING, engine, threads: 1 }, 21);
    assert.equal(first.checkpoint.training?.iteration, 21);
    const second = await run({ text, resume: first.checkpoint, engine, threads: 3 }, 40);
    const end = await run({ text, resume: second.checkpoint, engine });
    assert.deepEqual(stateOf(end.checkpoint), stateOf(whole.checkpoint));
    assert.deepEqual([...first.rates, ...second.rates, ...end.rates], whole.rates);
    assert.ok((whole.rates.at(-1) as number) < 0.0001, 'the schedule ends near zero');
  });
}

test('native and WebAssembly have the same bits with everything on', {
  skip: engines[0] !== 'native',
}, async () => {
  const [native, wasm] = await Promise.all(
    (['native', 'wasm'] as const).map((engine) => run({ ...EVERYTHING, engine }, 30)),
  );
  assert.ok(native && wasm);
  assert.deepEqual(stateOf(native.checkpoint), stateOf(wasm.checkpoint));
});

test('an iteration of several batches counts their symbols, and ends with the epochs', async () => {
  const iterations: { epoch: number; tokens: number }[] = [];
  const one = { maxEpochs: 1, accumulate: 4, randomLength: false } as const;
  const input = { ...EVERYTHING, ...one, engine: 'reference' } as const;
  let batches = 0;
  for await (const event of train(input)) {
    if (event.type === 'started') batches = event.batches.train;
    if (event.type === 'iteration') iterations.push(event);
  }
  assert.equal(iterations.length, Math.ceil(batches / 4));
  assert.equal(iterations[0]?.tokens, 4 * 3 * 7);
  assert.equal(iterations[0]?.epoch, 4 / batches);
});

test('with random lengths, an epoch has the same iterations and symbols', async () => {
  for (const accumulate of [1, 3])
    for (const split of ['rows', 'tail'] as const) {
      const epoch = async (randomLength: boolean) => {
        const tokens: number[] = [];
        const input = { ...EVERYTHING, accumulate, split, randomLength, maxEpochs: 3 };
        for await (const event of train({ ...input, engine: 'reference' }))
          if (event.type === 'iteration') tokens.push(event.tokens);
        return tokens;
      };
      const [equal, random] = [await epoch(false), await epoch(true)];
      assert.equal(random.length, equal.length);
      assert.ok(new Set(random).size > new Set(equal).size + 2);
      if (accumulate > 1) continue;
      const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
      assert.equal(sum(random), sum(equal));
    }
});

test('the learning rate of an iteration is in proportion to its length', async () => {
  // The first step of Adam is the learning rate for every parameter whose gradient is far above ε.
  const options = {
    ...{ text, hiddenSize: 9, batchSize: 3, sequenceLength: 20, optimizer: 'adam', learningRate: 0.01 },
    ...{ engine: 'reference', precision: 'float64', randomLength: true },
  } as const satisfies TrainInput;
  const lengths = new Set<number>();
  for (let seed = 1; seed <= 12; seed++)
    for (const accumulate of [1, 2]) {
      let tokens = 0;
      let step = 0;
      for await (const event of train({ ...options, seed, accumulate, maxIterations: 1 })) {
        if (event.type === 'iteration') {
          tokens = event.tokens;
          assert.equal(event.learningRate, 0.01, 'the rate of the schedule');
        }
        if (event.type !== 'finished') continue;
        const { config, parameters } = event.checkpoint;
        const first = initialParameters(layoutOf(config), new MersenneTwister(seed), 'float64', 'original');
        step = Math.max(...parameters.map((value, i) => Math.abs(value - (first[i] as number))));
      }
      const expected = (0.01 * tokens) / (3 * 20 * accumulate);
      assert.ok(Math.abs(step / expected - 1) < 1e-3, `${step}, expected ${expected}`);
      lengths.add(tokens / accumulate);
    }
  assert.ok(lengths.size > 5);
});

/** The gradient of the mean loss of a run's first two batches, of random lengths with mean T and B rows, times T. And the two lengths. */
async function gradientOfTwo({ config, vocabulary }: Checkpoint, B: number, T: number, seed: number) {
  const tokens = Int32Array.from(text, (symbol) => vocabulary.symbols.indexOf(symbol));
  const count = Math.floor(tokens.length / (B * T));
  const rows = { tokens: new MemoryTokens(tokens), offset: 0, length: count * B * T };
  const batches = new RowBatches(rows, B, new RandomCuts(T, count, seed));
  const engine = new ReferenceEngine('float64');
  const network = new Network(engine, config, { batchSize: B, sequenceLength: batches.longest });
  const [weights, gradient] = [engine.vector(network.layout), engine.vector(network.layout)];
  const first = initialParameters(network.layout, new MersenneTwister(seed), 'float64', 'original');
  engine.write(weights, first);
  const state = network.makeState();
  const sum = new Float64Array(first.length);
  const lengths: number[] = [];
  for (const index of [0, 1]) {
    const batch = await batches.batch(index);
    network.lossAndGradient(weights, gradient, batch, state);
    for (const [i, value] of (await engine.read(gradient)).entries()) sum[i] = (sum[i] as number) + value;
    lengths.push(batch.inputs.length / B);
  }
  const steps = lengths.reduce((total, length) => total + length, 0);
  return { gradient: sum.map((value) => (value * T) / steps), lengths };
}

test('batches of random lengths weigh in proportion to their lengths', async () => {
  const options = {
    ...{ text, trainFraction: 1, validationFraction: 0, hiddenSize: 5, batchSize: 3, sequenceLength: 20 },
    ...{ randomLength: true, accumulate: 2, maxIterations: 1, gradientClip: 1e9 },
    ...{ optimizer: 'adam', adamBeta1: 0.5, engine: 'reference', precision: 'float64' },
  } as const satisfies TrainInput;
  // Seeds with which the first batch is short, the second, and neither.
  for (const seed of [13, 22, 1]) {
    const { checkpoint } = await run({ ...options, seed });
    const { gradient, lengths } = await gradientOfTwo(checkpoint, 3, 20, seed);
    assert.ok(seed === 1 || Math.max(...lengths) > 1.8 * Math.min(...lengths), `${lengths}`);
    // After one update, Adam's first moment is (1 − β₁) times the gradient.
    const moment = checkpoint.training?.moments[0];
    assert.equal(moment?.length, gradient.length);
    assert.ok(moment?.every((value, i) => Math.abs(value / 0.5 - (gradient[i] as number)) < 1e-12));
  }
});

test('the norm of the gradient does not grow with the length', async () => {
  // Mostly one symbol: at first, the model has to learn how frequent it is, which every batch shows alike.
  const norms = new Map<number, number>();
  const input = {
    ...{ text: 'aaaaaaab'.repeat(500), hiddenSize: 5, batchSize: 2, sequenceLength: 40, maxIterations: 40 },
    ...{ randomLength: true, stateReset: 1, learningRate: 1e-9, gradientClip: 1e9, engine: 'reference' },
  } as const satisfies TrainInput;
  for await (const event of train(input))
    if (event.type === 'iteration') norms.set(event.tokens / 2, event.gradientNorm);
  const [short, long] = [Math.min(...norms.keys()), Math.max(...norms.keys())];
  assert.ok(short < 28 && long > 40, `${short} to ${long}`);
  const ratio = (norms.get(short) as number) / (norms.get(long) as number);
  assert.ok(ratio > 0.8 && ratio < 1.25, `${ratio}`);
});

test('memory is checked for the longest batch', async () => {
  const input = { ...EVERYTHING, sequenceLength: 50, engine: 'reference', availableMemory: 1000 } as const;
  await assert.rejects(run(input), { name: 'MemoryError', message: /3 rows × 67 steps/ });
});

test('a resumed run keeps its lengths', async () => {
  const { checkpoint } = await run({ ...EVERYTHING, engine: 'reference' }, 3);
  await assert.rejects(run({ text, resume: checkpoint, randomLength: false, engine: 'reference' }), {
    code: 'checkpoint-option',
    message: /`randomLength` is true, not false/,
  });
});

test('the seed of a run can change, unless it decides where the text is cut', async () => {
  const equal = {
    ...EVERYTHING,
    randomOffset: false,
    randomLength: false,
    seed: 1,
    engine: 'reference',
  } as const;
  for (const random of [{ randomOffset: true }, { randomLength: true }]) {
    const { checkpoint } = await run({ ...equal, ...random }, 3);
    await assert.rejects(run({ text, resume: checkpoint, seed: 2, engine: 'reference' }), {
      code: 'checkpoint-option',
      message: /`seed` is 1, not 2\. That can't change during a run/,
    });
    const same = await run({ text, resume: checkpoint, seed: 1, engine: 'reference' }, 4);
    assert.equal(same.checkpoint.training?.iteration, 4);
  }
  const { checkpoint } = await run(equal, 3);
  const other = await run({ text, resume: checkpoint, seed: 2, engine: 'reference' }, 4);
  assert.equal(other.checkpoint.training?.options.seed, 2);
});

test('the gradient of several batches is their mean: with equal batches, that of one', async () => {
  // A text of one repeated batch, and no carried state that differs: every gradient is the same.
  const same = {
    ...EVERYTHING,
    text: 'ab'.repeat(3 * 7 * 40),
    stateReset: 1,
    randomOffset: false,
    randomLength: false,
  } as const;
  const plain = { dropout: 0, weightDrop: 0, tokenDropout: 0, warmup: 0, schedule: 'constant' } as const;
  const options = {
    ...same,
    ...plain,
    sequenceLength: 8,
    engine: 'reference',
    precision: 'float64',
  } as const;
  const one = await run({ ...options, accumulate: 1 }, 5);
  const many = await run({ ...options, accumulate: 3 }, 5);
  const [a, b] = [one.checkpoint.parameters, many.checkpoint.parameters];
  assert.ok(a.every((value, i) => Math.abs(value - (b[i] as number)) < 1e-9));
});

test('a limit of the mean gradient is the other one, divided by the sequence length', async () => {
  const options = { ...EVERYTHING, engine: 'reference', meanNormClip: undefined } as const;
  const mean = await run({ ...options, meanNormClip: 0.02 }, 10);
  const sum = await run({ ...options, gradientNormClip: 0.02 * 7 }, 10);
  assert.deepEqual(mean.checkpoint.parameters, sum.checkpoint.parameters);
  await assert.rejects(run({ ...options, meanNormClip: 1, gradientNormClip: 1 }), /meanNormClip.*only one/);
});

test('states are reset at the asked rate, in the same rows each time', () => {
  const batch = { inputs: new Int32Array(5 * 40), targets: new Int32Array(5 * 40) };
  let resets = 0;
  for (let iteration = 1; iteration <= 50; iteration++) {
    const pass = { probability: 0.25, seed: 1, batch: iteration };
    const changed = withStateResets(batch, 40, pass);
    assert.deepEqual(withStateResets(batch, 40, pass), changed);
    resets += changed.resets?.subarray(0, 40).reduce((sum, one) => sum + one, 0) ?? 0;
    assert.ok(changed.resets?.subarray(40).every((one) => one === 0) ?? true, 'only before the first step');
  }
  assert.ok(Math.abs(resets / 2000 - 0.25) < 0.03, `${resets} of 2000`);
  assert.equal(withStateResets(batch, 40, { probability: 0, seed: 1, batch: 1 }), batch);
});

test('initial parameters: the range of each tensor, and the biases', () => {
  const config = { cell: 'lstm', layers: 2, hiddenSize: 64, vocabularySize: 40 } as const;
  for (const embeddingSize of [undefined, 16]) {
    const layout = layoutOf({ ...config, ...(embeddingSize && { embeddingSize }) });
    for (const init of INITS) {
      const parameters = initialParameters(layout, new MersenneTwister(3), 'float64', init);
      const ranges = parameterSlices(layout).map(({ module, name, offset, size }) => {
        const values = parameters.subarray(offset, offset + size);
        const reads = layout[module]?.kind === 'recurrent' && module === 0 && name === 'weight_ih';
        return {
          name: reads ? 'tokens' : `${layout[module]?.kind} ${name}`,
          range: Math.max(...values.map(Math.abs)),
        };
      });
      const expected: Record<string, number> =
        init === 'original'
          ? {
              tokens: 0.08,
              'recurrent weight_hh': 0.08,
              'recurrent bias_ih': 1,
              'recurrent bias_hh': 0.08,
              'linear weight': 0.08,
              'embedding weight': 0.08,
            }
          : init === 'pytorch'
            ? {
                tokens: 0.125,
                'recurrent weight_hh': 0.125,
                'recurrent bias_ih': 0.125,
                'recurrent bias_hh': 0.125,
                'linear weight': 0.125,
                'linear bias': 0.125,
                'embedding weight': 3 ** 0.5,
              }
            : {
                tokens: 1,
                'recurrent weight_ih': 0.125,
                'recurrent weight_hh': 0.125,
                'recurrent bias_ih': 1,
                'recurrent bias_hh': 0,
                'linear weight': 0.125,
                'linear bias': 0,
                'embedding weight': 3 ** 0.5,
              };
      for (const { name, range } of ranges) {
        const most = expected[name];
        if (most === undefined) continue;
        assert.ok(range <= most && range >= 0.9 * most, `${init}, ${name}: ${range}, expected ${most}`);
      }
    }
  }
});
