/** Starts a new run, from random weights or from those of a checkpoint: its options, vocabulary and parameters. */

import { type Checkpoint, continuingNotices } from '../../checkpoint/checkpoint.ts';
import { adaptationNotices, adaptVocabulary, checkSameKind } from '../../data/adapt-vocabulary.ts';
import type { CorpusOptions } from '../../data/corpus.ts';
import type { Vocabulary } from '../../data/vocabulary.ts';
import type { FloatArray } from '../../engine/engine.ts';
import { CheckpointError, OptionError } from '../../errors.ts';
import { adaptParameters } from '../../model/adapt-parameters.ts';
import { layoutOf } from '../../model/config.ts';
import { initialParameters } from '../../model/initial-parameters.ts';
import type { Given } from '../../util/check-options.ts';
import { MersenneTwister } from '../../util/mersenne-twister.ts';
import { type OptionOrigins, optionsFrom } from '../../util/option-origins.ts';
import { modelOptions, resolveTrainingOptions, type TrainingOptions } from '../options.ts';

/**
 * The options of a new run. Those that determine the model's shape come from the initial checkpoint, as in the original; a notice names
 * each given value that differs from it.
 *
 * @param givenOrigins Where the given options come from. Default: flags.
 * @throws {OptionError} for an invalid option
 * @throws {CheckpointError} `checkpoint-vocabulary` if the checkpoint's vocabulary does not fit its model, or can't be adapted;
 *   `checkpoint-sample-only` for a model that can't be trained further
 */
export function startingOptions(
  given: Given<TrainingOptions>,
  initial: Checkpoint | undefined,
  givenOrigins?: OptionOrigins,
): { options: TrainingOptions; origins: OptionOrigins; notices: string[] } {
  if (!initial) {
    if (given.initVocabulary !== undefined)
      throw new OptionError('initVocabulary', 'works only with `initFrom`, the checkpoint to start from');
    const { values: options, origins } = resolveTrainingOptions(optionsFrom('flag', given, givenOrigins));
    return { options, origins, notices: [] };
  }
  const { config, regularization, vocabulary, origin } = initial;
  if (origin?.sampleOnly !== undefined) {
    throw new CheckpointError(
      'checkpoint-sample-only',
      `the checkpoint to start from can be sampled, but not trained further: ${origin.sampleOnly}`,
    );
  }
  if (vocabulary.size !== config.vocabularySize) {
    throw new CheckpointError(
      'checkpoint-vocabulary',
      'the checkpoint has no vocabulary of the size of its model',
    );
  }
  if (given.initVocabulary !== undefined && given.tokens !== undefined) {
    checkSameKind(vocabulary, given.tokens);
  }
  const fixed = {
    ...modelOptions(config),
    tokens: vocabulary.kind,
    normalize: vocabulary.normalize,
  };
  const free = Object.fromEntries(Object.entries(given).filter(([name]) => !Object.hasOwn(fixed, name)));
  const { values: options, origins } = resolveTrainingOptions(
    optionsFrom('checkpoint', { ...regularization, ...fixed }),
    optionsFrom('flag', free, givenOrigins),
  );
  const notices = Object.entries(fixed)
    .filter(([name, value]) => {
      const asked = given[name as keyof TrainingOptions];
      return asked !== undefined && asked !== value;
    })
    .map(([name, value]) => `\`${name}\` is ${value ?? 'none'}: it comes from the checkpoint to start from`);
  notices.push(...continuingNotices(initial).map((notice) => `the checkpoint to start from: ${notice}`));
  if (initial.precision !== options.precision) {
    notices.push(
      `the checkpoint to start from is ${initial.precision}; training continues in ${options.precision}`,
    );
  }
  return { options, origins, notices };
}

/** How the corpus of a new run gets its vocabulary. */
export interface StartingVocabulary {
  readonly choice: Pick<CorpusOptions, 'vocabulary' | 'adaptVocabulary'>;
  /** What the vocabulary of the checkpoint has gained and lost, one line each. Filled when the corpus is built. */
  readonly notices: readonly string[];
}

/** The vocabulary of the text or of the checkpoint; with `initVocabulary`, the checkpoint's vocabulary adapted to the text. */
export function startingVocabulary(
  initial: Checkpoint | undefined,
  { initVocabulary: change }: Pick<TrainingOptions, 'initVocabulary'>,
): StartingVocabulary {
  if (!initial) return { choice: {}, notices: [] };
  const { vocabulary } = initial;
  if (!change) return { choice: { vocabulary }, notices: [] };
  const notices: string[] = [];
  const adapt = (own: Vocabulary) => {
    notices.push(...adaptationNotices(vocabulary, own, change));
    return adaptVocabulary(vocabulary, own, change);
  };
  return { choice: { adaptVocabulary: adapt }, notices };
}

/**
 * The parameters of a checkpoint, adapted to a vocabulary. New symbols get the initial parameters of a new run with the same seed.
 */
export function startingParameters(
  { parameters, config, vocabulary: known }: Checkpoint,
  vocabulary: Vocabulary,
  { seed, precision, init }: Pick<TrainingOptions, 'seed' | 'precision' | 'init'>,
): FloatArray {
  if (known.equals(vocabulary)) return parameters;
  const layout = layoutOf({ ...config, vocabularySize: vocabulary.size });
  const fresh = initialParameters(layout, new MersenneTwister(seed), precision, init);
  return adaptParameters(
    { parameters, layout: layoutOf(config), vocabulary: known },
    { parameters: fresh, layout, vocabulary },
  );
}
