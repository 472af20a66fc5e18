/** Compares the validation loss and its standard error with those computed from the losses of all positions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Checkpoint, TrainedCheckpoint } from '../../src/checkpoint/checkpoint.ts';
import { splitCorpus } from '../../src/data/batches/splits.ts';
import { buildCorpus } from '../../src/data/corpus.ts';
import { nativeVariants } from '../../src/engine/cpu/native.node.ts';
import type { FloatArray } from '../../src/engine/engine.ts';
import { makeEngine } from '../../src/engine/select.node.ts';
import { initialParameters } from '../../src/model/initial-parameters.ts';
import { Network } from '../../src/model/network.ts';
import { evaluateSplit } from '../../src/train/evaluation.ts';
import { checkTrainingOptions } from '../../src/train/options.ts';
import { partLoss } from '../../src/train/part-loss.ts';
import { trainOn } from '../../src/train/train.ts';
import { MersenneTwister } from '../../src/util/mersenne-twister.ts';
import { standardError } from '../../src/util/standard-error.ts';

const text = 'the harbour wall stood in the rain, and the keeper walked along it. '.repeat(40);

test('the standard error of a mean', () => {
  assert.equal(standardError([]), undefined);
  assert.equal(standardError([3]), undefined);
  assert.equal(standardError([1, 3]), 1);
  assert.ok(Math.abs((standardError([1, 2, 3, 4]) ?? 0) - Math.sqrt(5 / 3 / 4)) < 1e-15);
});

for (const batchSize of [10, 3]) {
  test(`with ${batchSize} rows, the samples are the means of ${batchSize < 8 ? 'each row in each batch' : 'whole rows'}`, async (context) => {
    const options = checkTrainingOptions({
      hiddenSize: 6,
      layers: 1,
      batchSize,
      sequenceLength: 9,
      validationFraction: 0.2,
      trainFraction: 0.8,
    });
    const corpus = await buildCorpus({ text, name: 'x' }, options);
    const source = splitCorpus(corpus, options).validation;
    const vocabularySize = corpus.vocabulary.size;
    const config = { cell: 'lstm', layers: 1, hiddenSize: 6, vocabularySize } as const;
    const { engine } = await makeEngine(options);
    context.after(() => engine.close());
    const network = new Network(engine, config, options, 'evaluation');
    const weights = engine.vector(network.layout);
    engine.write(weights, initialParameters(network.layout, new MersenneTwister(1), 'float32'));

    const evaluation = evaluateSplit(engine, network, weights, source);
    let step = await evaluation.next();
    while (!step.done) step = await evaluation.next();
    assert.ok(step.value);

    const state = network.makeState();
    const all: { row: number; batch: number; loss: number }[] = [];
    for (let batch = 0; batch < source.count; batch++) {
      network.evaluate(weights, await source.batch(batch), state);
      const values = (await engine.read(network.loss)).subarray(1) as FloatArray;
      values.forEach((loss, index) => {
        all.push({ row: index % batchSize, batch, loss });
      });
    }
    assert.ok(source.count > 1);
    const mean = (of: readonly { loss: number }[]) => of.reduce((sum, { loss }) => sum + loss, 0) / of.length;
    assert.ok(Math.abs(mean(all) - step.value.loss) < 1e-6);
    const keys = new Set(all.map(({ row, batch }) => (batchSize < 8 ? `${row} ${batch}` : `${row}`)));
    const means = [...keys].map((key) =>
      mean(all.filter(({ row, batch }) => key === (batchSize < 8 ? `${row} ${batch}` : `${row}`))),
    );
    assert.equal(means.length, batchSize < 8 ? batchSize * source.count : batchSize);
    assert.ok(Math.abs((standardError(means) ?? 0) - (step.value.standardError ?? -1)) < 1e-6);
  });
}

for (const compute of ['float32', 'bfloat16', 'bfloat16-amx'] as const) {
  test(`${compute}: the validation loss of a run is that of its checkpoint`, async (context) => {
    const options = checkTrainingOptions({
      ...{ hiddenSize: 16, layers: 2, batchSize: 5, sequenceLength: 9, maxIterations: 20, evaluateEvery: 20 },
      ...{ learningRate: 0.05, compute, engine: compute === 'float32' ? 'auto' : 'native' },
    });
    if (compute !== 'float32' && nativeVariants().length === 0)
      return context.skip('there is no native engine');
    const corpus = await buildCorpus({ text, name: 'x' }, options);
    let loss: number | undefined;
    let checkpoint: Checkpoint | undefined;
    for await (const event of trainOn(corpus, options, { makeEngine })) {
      if (event.type === 'evaluated') loss = event.validationLoss;
      if (event.type === 'finished') checkpoint = event.checkpoint;
    }
    assert.ok(checkpoint?.training);
    const { engine } = await makeEngine({ engine: 'auto', precision: 'float32' });
    context.after(() => engine.close());
    const input = { engine, checkpoint: checkpoint as TrainedCheckpoint, name: 'x', corpus };
    const { nats, characters } = await partLoss({ ...input, part: 'validation' });
    assert.ok(Math.abs(nats / characters - (loss as number)) < 1e-12, `${nats / characters}, ${loss}`);
  });
}
