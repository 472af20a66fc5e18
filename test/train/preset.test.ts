/** Presets: what they choose, what they leave alone, and that their settings can be repeated without them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { buildCorpus } from '../../src/data/corpus.ts';
import { type Checkpoint, type TrainInput, type TrainingEvent, train } from '../../src/index.ts';
import { fitsMemory } from '../../src/model/memory.ts';
import { memoryNeeds } from '../../src/train/memory-needs.ts';
import { checkTrainingOptions, modelConfig, type TrainingOptions } from '../../src/train/options.ts';
import { applyPreset } from '../../src/train/preset/apply-preset.ts';
import {
  choosePreset,
  flopsPerSymbol,
  type PresetInput,
  type PresetValues,
  secondsOfRun,
} from '../../src/train/preset/preset.ts';
import { DURATION, parseDuration } from '../../src/util/duration.ts';

const base: PresetInput = {
  ...{ seconds: 600, symbols: 1e6, validationSymbols: 52_000, vocabularySize: 65, flopsPerSecond: 2e11 },
  fitShape: (shape) => shape,
  given: {},
};

/** The seconds of the training, of one evaluation and of all evaluations. */
function secondsOf(input: PresetInput, chosen: PresetValues) {
  const { cell, hiddenSize: H, layers, maxEpochs, batchSize, sequenceLength, evaluateEvery } = chosen;
  const gates = { lstm: 4, gru: 3, rnn: 1 }[cell];
  const perSymbol =
    (6 * (gates * H * H * (2 * layers - 1) + H * input.vocabularySize)) / input.flopsPerSecond;
  const evaluation = (perSymbol / 3) * input.validationSymbols;
  const updates = Math.ceil((input.symbols * maxEpochs) / (batchSize * sequenceLength));
  const evaluations = evaluation * Math.ceil(updates / evaluateEvery);
  return { training: perSymbol * input.symbols * maxEpochs, evaluation, evaluations };
}

test('more time makes a larger model, until the text is the limit', () => {
  const units = [60, 600, 1800, 3600, 36_000].map((seconds) => choosePreset({ ...base, seconds }).hiddenSize);
  assert.deepEqual(
    units,
    units.toSorted((a, b) => a - b),
  );
  assert.ok((units[0] as number) >= 64 && (units.at(-1) as number) <= 2 * 1e6 ** 0.4);
  const [first, last] = [choosePreset({ ...base, seconds: 60 }), choosePreset({ ...base, seconds: 36_000 })];
  assert.equal(first.cell, 'gru');
  assert.equal(last.cell, 'lstm');
  assert.ok(last.dropout > first.dropout && last.weightDrop > 0 && first.weightDrop === 0);
  assert.ok(last.maxEpochs <= 45, 'no more than half as many epochs again');
});

test('a small text that is read often gets weight drop and moderate dropout', () => {
  // Trials on 90,000 characters: without weight drop, such a model overfits after ten epochs; with dropout 0.5 it learns too little.
  for (const flopsPerSecond of [5e10, 2e11]) {
    const chosen = choosePreset({ ...base, seconds: 240, symbols: 90_000, flopsPerSecond });
    assert.ok(chosen.dropout >= 0.25 && chosen.dropout <= 0.4, `dropout ${chosen.dropout}`);
    assert.ok(chosen.weightDrop >= 0.15 && chosen.weightDrop <= 0.3, `weight drop ${chosen.weightDrop}`);
  }
});

test('a choice is within the time, and its settings are valid', () => {
  const inputs = fc.record({
    seconds: fc.integer({ min: 10, max: 100_000 }),
    symbols: fc.integer({ min: 1000, max: 1_000_000_000 }),
    validationSymbols: fc.integer({ min: 0, max: 50_000_000 }),
    vocabularySize: fc.integer({ min: 2, max: 5000 }),
    flopsPerSecond: fc.double({ min: 1e8, max: 1e13, noNaN: true }),
  });
  fc.assert(
    fc.property(inputs, (given) => {
      const input = { ...base, ...given };
      const chosen = choosePreset(input);
      const { training, evaluation, evaluations } = secondsOf(input, chosen);
      // A run has one evaluation at least. If it takes most of the time alone, training takes no more than half.
      if (evaluation > 0.47 * input.seconds) {
        assert.ok(training <= 0.5 * input.seconds, 'time of training');
        assert.equal(evaluations, evaluation);
      } else assert.ok(training + evaluations <= input.seconds, 'time');
      assert.ok(chosen.hiddenSize >= 64 && chosen.hiddenSize % 32 === 0);
      assert.ok(chosen.dropout >= 0 && chosen.dropout <= 0.5);
      const { maxEpochs, learningRate = 0 } = chosen;
      assert.ok(maxEpochs > 0 && learningRate > 0 && learningRate < 0.1);
      assert.ok(chosen.batchSize >= 16 && chosen.evaluateEvery >= 1);
    }),
  );
});

test('given options stay, and the others follow from them', () => {
  const given = {
    hiddenSize: 100,
    layers: 3,
    cell: 'rnn',
    maxEpochs: 7,
    batchSize: 5,
    dropout: 0.1,
  } as const;
  const chosen = choosePreset({ ...base, given });
  assert.deepEqual({ ...chosen, ...given }, chosen);
  assert.equal(chosen.learningRate, 0.004);
  assert.ok(!('meanNormClip' in choosePreset({ ...base, given: { gradientNormClip: 5 } })));
});

test('a long text gets fewer evaluations than a short one', () => {
  const evaluationsOf = (symbols: number) => {
    const input = { ...base, seconds: 120, symbols, validationSymbols: symbols / 19 };
    const chosen = choosePreset(input);
    const { training, evaluation, evaluations } = secondsOf(input, chosen);
    assert.ok(training + evaluations <= 120, `${symbols} symbols`);
    return Math.round(evaluations / evaluation);
  };
  assert.equal(evaluationsOf(1e6), 20);
  const few = evaluationsOf(1e8);
  assert.ok(few >= 1 && few < 5, `${few} evaluations`);
  assert.equal(evaluationsOf(1e9), 1);
});

test('given dropout decides whether weights and tokens are dropped', () => {
  const input = { ...base, seconds: 36_000 };
  assert.ok(choosePreset(input).weightDrop > 0);
  const without = choosePreset({ ...input, given: { dropout: 0 } });
  assert.deepEqual([without.weightDrop, without.tokenDropout], [0, 0]);
  const heavy = choosePreset({ ...base, seconds: 10, given: { dropout: 0.35 } });
  assert.deepEqual([heavy.weightDrop, heavy.tokenDropout], [0.25, 0.05]);
});

test('given accumulation counts in the rows, the rate and the evaluations', () => {
  const input = { ...base, symbols: 1e7, validationSymbols: 520_000, seconds: 7200 };
  const [plain, many] = [choosePreset(input), choosePreset({ ...input, given: { accumulate: 8 } })];
  const updates = (chosen: PresetValues, accumulate: number) =>
    (input.symbols * chosen.maxEpochs) / (chosen.batchSize * chosen.sequenceLength * accumulate);
  assert.ok(many.batchSize < plain.batchSize);
  const rate = ({ batchSize, hiddenSize }: PresetValues, accumulate: number) =>
    Number(
      (
        ((updates(many, 8) < 3000 ? 0.15 : 0.1) / Math.sqrt(hiddenSize)) *
        Math.sqrt((batchSize * accumulate) / 32)
      ).toPrecision(2),
    );
  assert.equal(many.learningRate, rate(many, 8));
  assert.equal(Math.ceil(updates(many, 8) / many.evaluateEvery), 20);
});

test('a given optimizer other than Adam keeps its own learning rate', () => {
  const chosen = choosePreset({ ...base, given: { optimizer: 'rmsprop' } });
  assert.ok(!('learningRate' in chosen) && !('adamBeta2' in chosen));
});

test('a given end counts in the time, the rate, the rows and the evaluations', () => {
  const given = { maxIterations: 1000 };
  const [plain, chosen] = [choosePreset(base), choosePreset({ ...base, given })];
  assert.equal(Math.ceil(1000 / chosen.evaluateEvery), 20);
  assert.ok(chosen.batchSize >= plain.batchSize && chosen.dropout < plain.dropout);
  assert.equal(
    chosen.learningRate,
    Number(((0.15 / Math.sqrt(chosen.hiddenSize)) * Math.sqrt(chosen.batchSize / 32)).toPrecision(2)),
  );
  const seconds = secondsOfRun(base, { ...chosen, ...given });
  const symbols = 1000 * chosen.batchSize * chosen.sequenceLength + (20 * 52_000) / 3;
  const expected = (symbols * flopsPerSymbol({ ...chosen, vocabularySize: 65 })) / base.flopsPerSecond;
  assert.ok(Math.abs(seconds / expected - 1) < 1e-9);
});

test('a given embedding counts in the operations, so the model is smaller', () => {
  const one = { cell: 'lstm', layers: 1, hiddenSize: 10, vocabularySize: 20 } as const;
  assert.equal(flopsPerSymbol({ ...one, embeddingSize: 7 }), 6 * (4 * (100 + 70) + 200));
  const input = { ...base, given: { embeddingSize: 1000 } };
  const chosen = choosePreset(input);
  assert.ok(chosen.hiddenSize < choosePreset(base).hiddenSize);
  assert.ok(secondsOfRun(input, { ...chosen, embeddingSize: 1000 }) <= 600);
});

test('durations', () => {
  assert.deepEqual(['90s', '10m', '1.5h'].map(parseDuration), [90, 600, 5400]);
  for (const bad of ['', '10', 'm', '-1m', '1d', '1e3s', '10 m', '0s', '00m', '0.0h'])
    assert.ok(!DURATION.test(bad), bad);
});

const text = 'the harbour wall stood in the rain, and the keeper walked along it. '.repeat(40);

async function run(input: TrainInput) {
  const all: TrainingEvent[] = [];
  for await (const event of train(input)) all.push(event);
  const started = all.find((event) => event.type === 'started');
  const last = all.at(-1);
  assert.ok(started?.type === 'started' && last?.type === 'finished');
  return { all, started, checkpoint: last.checkpoint };
}

const short = { text, preset: 'small', time: '1s', maxIterations: 12, engine: 'wasm', threads: 1 } as const;

test('a run with a preset says what it chose, and the settings alone repeat it to the bit', async () => {
  const { all, started, checkpoint } = await run({ ...short, dropout: 0.25 });
  const { options, origins } = started;
  assert.deepEqual([options.cell, options.optimizer, options.schedule], ['gru', 'adam', 'cosine']);
  assert.deepEqual([options.dropout, origins.dropout], [0.25, 'flag']);
  assert.deepEqual([origins.cell, origins.learningRate, origins.preset], ['preset', 'preset', 'flag']);
  const notice = all.find((event) => event.type === 'notice' && event.remedies?.length);
  assert.ok(notice?.type === 'notice');
  assert.match(notice.message, /`preset` small: gru, 2 layers of 64 units, dropout 0\.25, .* GFLOP\/s/);
  const set = notice.remedies?.[0]?.set;
  assert.ok(set && 'preset' in set && set.preset === undefined);
  const { preset: _, time: __, ...rest } = { ...short, dropout: 0.25, ...set } as TrainInput;
  const again = await run(rest);
  assert.deepEqual(again.checkpoint.parameters, checkpoint.parameters);
});

test('a preset suits the batches to a small text itself', async () => {
  const { all, started } = await run({ ...short, text: text.slice(0, 700) });
  assert.ok(started.options.batchSize < 16);
  const warning = all.find((event) => event.type === 'warning' && event.code === 'few-batches');
  assert.ok(warning?.type === 'warning');
  assert.doesNotMatch(warning.message, /fit/);
  assert.ok(!all.some((event) => event.type === 'advice' && event.code.startsWith('model-')));
});

test('a resumed run keeps the settings, without another measurement', async () => {
  const first: Checkpoint = (await run(short)).checkpoint;
  const { all, started } = await run({ text, resume: first, maxIterations: 15, engine: 'wasm' });
  assert.equal(started.options.hiddenSize, first.config.hiddenSize);
  assert.ok(!all.some((event) => event.type === 'notice' && /measuring/.test(event.message)));
  for (const change of [{ preset: 'best' }, { time: '1h' }] as const)
    await assert.rejects(run({ text, resume: first, ...change }), /works only for a new run/);
});

test('the preset original, and a run without one, leave every default', async () => {
  const options = { text, maxIterations: 1, batchSize: 4, sequenceLength: 10, engine: 'wasm' } as const;
  const [plain, original] = [await run(options), await run({ ...options, preset: 'original' })];
  assert.deepEqual(
    { ...original.started.options, preset: undefined },
    { ...plain.started.options, preset: undefined },
  );
  assert.deepEqual(original.checkpoint.parameters, plain.checkpoint.parameters);
});

test('a time alone means the preset balanced; a time that is none is refused', async () => {
  const { all } = await run({ ...short, preset: undefined });
  assert.ok(all.some((event) => event.type === 'notice' && /`preset` balanced/.test(event.message)));
  await assert.rejects(
    run({ ...short, time: 'soon' }),
    /time: got "soon", expected a time above zero, such as 90s/,
  );
  await assert.rejects(run({ ...short, time: '0s' }), /time: got "0s", expected a time above zero/);
});

test('a model that does not fit in memory is refused before the speed is measured', async () => {
  for (const hiddenSize of [1200, 100_000]) {
    const types: string[] = [];
    const attempt = async () => {
      for await (const event of train({ ...short, hiddenSize, availableMemory: 1e6 }))
        types.push(event.type === 'notice' ? event.message : event.type);
    };
    await assert.rejects(attempt, { name: 'MemoryError', message: /layers of 1[0-9,]+ units/ });
    assert.ok(!types.some((type) => type.includes('measuring')), types.join());
  }
  await assert.rejects(run({ ...short, layers: 1e6 }), { name: 'MemoryError' });
});

test('the size that a fast machine could train is reduced to what fits in memory', async () => {
  const text = 'the quick brown fox jumps over the lazy dog. '.repeat(4000);
  const asked = checkTrainingOptions({ preset: 'best', time: '10h' });
  const corpus = await buildCorpus({ text, name: 'the text' }, asked);
  const choose = async (available: number) => {
    const events = applyPreset(corpus, asked, undefined, {
      bounds: { available },
      facts: { saves: true, canBeLost: false },
      // Reports the speed of a machine with 10 TFLOP/s, whatever it is to measure.
      measure: async function* (trial, vocabularySize) {
        yield { type: 'notice', message: 'measured' };
        return 1e13 / flopsPerSymbol({ ...trial, vocabularySize });
      },
    });
    for (;;) {
      const { done, value } = await events.next();
      if (done) return value;
    }
  };
  const free = await choose(1e12);
  const limited = await choose(2e7);
  const { vocabulary } = corpus;
  const fits = (options: TrainingOptions) =>
    fitsMemory(
      modelConfig(options, vocabulary.size),
      memoryNeeds(options, { saves: true, canBeLost: false }),
      { available: 2e7 },
    );
  assert.ok(!fits(free) && fits(limited), `${free.hiddenSize}, ${limited.hiddenSize}`);
  assert.ok(!fits({ ...limited, hiddenSize: limited.hiddenSize + 32 }));
});

test('an interrupt while the speed is measured ends the run before its first iteration', async () => {
  const controller = new AbortController();
  const types: string[] = [];
  for await (const event of train({ ...short, maxIterations: undefined, signal: controller.signal })) {
    types.push(event.type);
    controller.abort();
  }
  assert.ok(!types.includes('iteration'));
  assert.equal(types.at(-1), 'finished');
});
