/** What modern recipes for training add to the original: with all of it on, a run is still exact, and each part does what it says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nativeVariants } from '../../src/engine/cpu/native.node.ts';
import { parameterSlices } from '../../src/engine/layout.ts';
import type { Checkpoint, TrainInput } from '../../src/index.ts';
import { train } from '../../src/index.ts';
import { layoutOf } from '../../src/model/config.ts';
import { initialParameters } from '../../src/model/initial-parameters.ts';
import { INITS } from '../../src/model/option-values.ts';
import { withStateResets } from '../../src/train/run/state-resets.ts';
import { MersenneTwister } from '../../src/util/mersenne-twister.ts';

const text = 'the harbour wall stood in the rain, and the keeper walked along it. '.repeat(20);

const EVERYTHING = {
  ...{ text, hiddenSize: 9, layers: 2, batchSize: 3, sequenceLength: 7, maxEpochs: 6, evaluateEvery: 8 },
  ...{ optimizer: 'adam', adamBeta1: 0.8, adamBeta2: 0.99, weightDecay: 0.01, meanNormClip: 0.1 },
  ...{ schedule: 'cosine', warmup: 0.1, learningRate: 0.01, accumulate: 2, init: 'scaled' },
  ...{ randomOffset: true, stateReset: 0.2, average: 'ema', averageDecay: 0.9 },
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
  const input = { ...EVERYTHING, maxEpochs: 1, accumulate: 4, engine: 'reference' } as const;
  let batches = 0;
  for await (const event of train(input)) {
    if (event.type === 'started') batches = event.batches.train;
    if (event.type === 'iteration') iterations.push(event);
  }
  assert.equal(iterations.length, Math.ceil(batches / 4));
  assert.equal(iterations[0]?.tokens, 4 * 3 * 7);
  assert.equal(iterations[0]?.epoch, 4 / batches);
});

test('the gradient of several batches is their mean: with equal batches, that of one', async () => {
  // A text of one repeated batch, and no carried state that differs: every gradient is the same.
  const same = { ...EVERYTHING, text: 'ab'.repeat(3 * 7 * 40), stateReset: 1, randomOffset: false } as const;
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
    const pass = { probability: 0.25, seed: 1, iteration };
    const changed = withStateResets(batch, 40, pass);
    assert.deepEqual(withStateResets(batch, 40, pass), changed);
    resets += changed.resets?.subarray(0, 40).reduce((sum, one) => sum + one, 0) ?? 0;
    assert.ok(changed.resets?.subarray(40).every((one) => one === 0) ?? true, 'only before the first step');
  }
  assert.ok(Math.abs(resets / 2000 - 0.25) < 0.03, `${resets} of 2000`);
  assert.equal(withStateResets(batch, 40, { probability: 0, seed: 1, iteration: 1 }), batch);
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
