/** Options from several sources: which value is used, and what is recorded about its source. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveTrainingOptions } from '../../src/train/options.ts';
import { resumedOptions } from '../../src/train/start/resume.ts';
import { startingOptions } from '../../src/train/start/start-from.ts';
import { OPTION_ORIGINS, optionsFrom, resolveOptions } from '../../src/util/option-origins.ts';
import { madeCheckpoint } from '../checkpoint/made-checkpoint.ts';

test('default < checkpoint < preset < config file < flag, whatever the order of the sources', () => {
  const sources = OPTION_ORIGINS.map((origin, rank) =>
    // The first option is in all sources, the second in all except the last, and so on.
    optionsFrom(
      origin,
      Object.fromEntries(OPTION_ORIGINS.slice(0, OPTION_ORIGINS.length - rank).map((name) => [name, origin])),
    ),
  );
  for (const order of [sources, sources.toReversed(), [...sources.slice(2), ...sources.slice(0, 2)]]) {
    const { values, origins } = resolveOptions(...order);
    assert.deepEqual(values, {
      default: 'flag',
      preset: 'config',
      checkpoint: 'checkpoint',
      config: 'preset',
      flag: 'default',
    });
    assert.deepEqual(origins, values);
  }
});

test('undefined values do not count; options without a source have their defaults', () => {
  const { values, origins } = resolveTrainingOptions(
    optionsFrom('preset', { hiddenSize: 512, layers: 3, dropout: 0.5 }),
    optionsFrom('flag', { layers: 1, seed: undefined, dropout: 0.2, field: 'text' }, { dropout: 'config' }),
  );
  assert.deepEqual(
    [values.hiddenSize, values.layers, values.dropout, values.seed, values.separator],
    [512, 1, 0.2, 123, '\n'],
  );
  const { hiddenSize, layers, dropout, seed, separator } = origins;
  assert.deepEqual(
    [hiddenSize, layers, dropout, seed, separator],
    ['preset', 'flag', 'config', 'default', 'default'],
  );
  assert.equal(Object.hasOwn(origins, 'maxIterations'), false, 'it has no value');
  assert.throws(() => resolveTrainingOptions(optionsFrom('preset', { layers: 0 })), {
    name: 'OptionError',
    option: 'layers',
  });
});

test("in a run from another model's weights, the shape comes from the checkpoint, and the rest can be set", () => {
  const initial = madeCheckpoint();
  const given = { hiddenSize: 9, embeddingSize: 4, batchSize: 2, seed: undefined };
  const { options, origins, notices } = startingOptions(given, initial, { batchSize: 'config' });
  assert.deepEqual([options.hiddenSize, options.embeddingSize, options.dropout], [3, undefined, 0.25]);
  assert.deepEqual(
    [origins.hiddenSize, origins.embeddingSize, origins.dropout, origins.batchSize, origins.seed],
    ['checkpoint', undefined, 'checkpoint', 'config', 'default'],
  );
  assert.equal(notices.filter((notice) => /it comes from the checkpoint/.test(notice)).length, 2);
  assert.equal(startingOptions({ dropout: 0 }, initial).origins.dropout, 'flag');
});

test('in a resumed run, options come from the caller, else from the checkpoint, else from the defaults', () => {
  const made = madeCheckpoint();
  const stored = { hiddenSize: 3, batchSize: 4, dropout: 0.25, threads: 7, fit: true, average: 'ema' };
  const checkpoint = { ...made, training: { ...made.training, options: stored } };
  const given = { dropout: undefined, seed: 5, maxEpochs: 9 };
  const { options, origins } = resumedOptions(given, checkpoint, 'it', { seed: 'config' });
  assert.deepEqual(
    [options.batchSize, options.dropout, options.seed, options.maxEpochs, options.fit, options.threads],
    [4, 0.25, 5, 9, false, undefined],
  );
  const { batchSize, dropout, seed, maxEpochs, fit, layers } = origins;
  assert.deepEqual(
    [batchSize, dropout, seed, maxEpochs, fit, layers],
    ['checkpoint', 'checkpoint', 'config', 'flag', 'default', 'default'],
  );
});
