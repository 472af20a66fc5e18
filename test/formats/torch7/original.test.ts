/** Golden tests: results of the original programs for their own files. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Precision } from '../../../src/engine/engine.ts';
import { decodeTorch7, isTorch7 } from '../../../src/formats/torch7/index.ts';
import { LanguageModel } from '../../../src/language-model.ts';
import { fastEngines } from '../../engine/engines.ts';
import { allFixtures, charRnnFixtures, fixtureFile, fixtureNumbers, torchRnnFixtures } from './fixtures.ts';
import { largestError, logProbabilities } from './log-probabilities.ts';

for (const name of allFixtures) {
  const fixture = fixtureNumbers(name);
  const bytes = fixtureFile(name);
  const symbols = fixture.vocab_bytes.map((byte) => String.fromCharCode(byte));

  test(`${name}: log-probabilities of 60 characters`, async () => {
    assert.ok(isTorch7(bytes));
    const checkpoint = decodeTorch7(bytes, name);
    const isDouble = !name.startsWith('float') && !name.startsWith('torchrnn');
    assert.equal(checkpoint.precision, isDouble ? 'float64' : 'float32');
    const bars: [Precision, number][] = [
      ['float64', isDouble ? 1e-12 : 5e-6],
      ['float32', 5e-6],
    ];
    for (const [precision, bar] of bars) {
      const rows = await logProbabilities(checkpoint, fixture.text, precision);
      const error = largestError(checkpoint, rows, fixture.logprobs, symbols);
      assert.ok(error <= bar, `${precision}: off by ${error}`);
    }
    for (const { name: engineName, make } of fastEngines) {
      const engine = await make();
      const rows = await logProbabilities(checkpoint, fixture.text, engine);
      await engine.close();
      const error = largestError(checkpoint, rows, fixture.logprobs, symbols);
      assert.ok(error <= 5e-6, `${engineName}: off by ${error}`);
    }
  });

  test(`${name}: vocabulary, options and losses`, () => {
    const { vocabulary, origin, training } = decodeTorch7(bytes, name);
    assert.equal(vocabulary.kind, 'byte');
    assert.deepEqual([...vocabulary.symbols], [...symbols].sort());
    assert.equal(training, undefined);
    assert.deepEqual(origin?.options, fixture.opt);
    assert.equal(origin?.iteration, fixture.i);
    assert.equal(origin?.sampleOnly, undefined);
  });
}

for (const name of charRnnFixtures) {
  interface Losses {
    readonly n_train_losses: number;
    readonly train_losses_first5: number[];
    readonly train_losses_last: number;
    readonly val_losses: Record<string, number>;
    readonly greedy100_after_text: string;
    readonly text: string;
  }
  const fixture = fixtureNumbers<Losses>(name);

  test(`${name}: the loss history`, () => {
    const { origin } = decodeTorch7(fixtureFile(name), name);
    assert.ok(origin);
    const { iterations, values } = origin.trainLosses;
    assert.equal(iterations.length, fixture.n_train_losses);
    assert.equal(iterations[4], 5);
    assert.deepEqual([...values.slice(0, 5)], fixture.train_losses_first5);
    assert.equal(values.at(-1), fixture.train_losses_last);
    const validation = [...origin.validationLosses.iterations].map((iteration, index) => [
      String(iteration),
      origin.validationLosses.values[index],
    ]);
    assert.deepEqual(Object.fromEntries(validation), fixture.val_losses);
  });

  test(`${name}: the greedy continuation`, async () => {
    assert.equal(await greedy(name, fixture.text, 100), fixture.greedy100_after_text);
  });
}

for (const name of torchRnnFixtures) {
  interface TorchRnn {
    readonly text: string;
    readonly greedy160_including_prime: string;
    readonly val_loss_history: number[];
  }
  const fixture = fixtureNumbers<TorchRnn>(name);

  test(`${name}: the greedy continuation and the losses`, async () => {
    assert.equal(fixture.text + (await greedy(name, fixture.text, 100)), fixture.greedy160_including_prime);
    const { config, origin } = decodeTorch7(fixtureFile(name), name);
    assert.equal(config.embeddingSize, 8);
    assert.deepEqual([...(origin?.validationLosses.values ?? [])], fixture.val_loss_history);
    assert.deepEqual([...(origin?.validationLosses.iterations ?? [])], [2552]);
    assert.equal(origin?.trainLosses.values.length, 2552);
  });
}

async function greedy(name: string, prompt: string, length: number): Promise<string> {
  const model = LanguageModel.fromBytes(fixtureFile(name), name);
  let text = '';
  for await (const piece of model.generate({ prompt, length, temperature: 0 })) text += piece;
  await model.close();
  return text;
}
