/** Reads the text of a sweep, and plans its trials: their options and rungs. All mistakes are found here, before anything is trained. */
import { resolve } from 'node:path';
import { trainingBatches } from '../data/batches/splits.ts';
import { loadCorpus } from '../data/corpus.node.ts';
import type { Corpus } from '../data/corpus.ts';
import { OptionError, SweepError, TextError, UsageError } from '../errors.ts';
import { checkTrainingOptions, type TrainingOptions } from '../train/options.ts';
import { makeSchedule } from '../train/run/schedule.ts';
import { counted } from '../util/format.ts';
import { optionsOfTrial, type SweepDefinition, TRIAL_DEFAULTS } from './definition.ts';
import { rungsOf } from './schedule.ts';
import { parametersOfTrials } from './search.ts';
import type { SweepText, SweepTexts, TrialPlan } from './store.ts';

/** The first trials of a sweep, and what identifies its text. */
export interface SweepPlan {
  readonly text: SweepText;
  readonly trials: readonly TrialPlan[];
}

/**
 * Plans trials.
 *
 * @param count The number of trials, from the first.
 * @param after Leaves out the trials up to this number.
 * @throws {TextError} for a text that can't be read, or is too short for a trial
 * @throws {SweepError} `sweep-too-short` if a trial has too few iterations for its rungs
 * @throws {UsageError} for parameters that do not go together
 */
export async function planSweep(
  definition: SweepDefinition,
  texts: SweepTexts,
  count: number,
  after = 0,
): Promise<SweepPlan> {
  const { method, space, seed } = definition;
  const all = parametersOfTrials({ method, space, seed }, count);
  const corpus = await corpusOf(definition, texts);
  try {
    const trials = all
      .map((parameters, index) => ({ parameters, number: index + 1 }))
      .filter(({ number }) => number > after)
      .map((trial) => planTrial(definition, corpus, trial));
    return { text: identified(corpus, texts), trials };
  } finally {
    await corpus.close?.();
  }
}

/**
 * Reads texts, and computes their hashes.
 *
 * @throws {TextError} for a text that can't be read
 */
export async function identifyTexts(definition: SweepDefinition, texts: SweepTexts): Promise<SweepText> {
  const corpus = await corpusOf(definition, texts);
  try {
    return identified(corpus, texts);
  } finally {
    await corpus.close?.();
  }
}

function corpusOf({ options }: SweepDefinition, { textFile, include, validation, test }: SweepTexts) {
  const base = checkTrainingOptions({ ...TRIAL_DEFAULTS, ...options });
  return loadCorpus({ paths: textFile, include }, { ...base, valid: validation, test });
}

function identified({ text: { sha256, name }, texts: heldOut }: Corpus, texts: SweepTexts): SweepText {
  const validationSha256 = heldOut.validation?.sha256;
  return { sha256, name, validationSha256, testSha256: heldOut.test?.sha256, ...absolute(texts) };
}

function planTrial(
  definition: SweepDefinition,
  corpus: Corpus,
  { parameters, number }: Pick<TrialPlan, 'parameters' | 'number'>,
): TrialPlan {
  const options = checked(definition, parameters, number);
  const batches = batchesOfTrial(corpus, options, number);
  const whole = makeSchedule(options, batches);
  const length = {
    iterations: whole.last,
    evaluateEvery: definition.options.evaluateEvery,
    evaluatesAtEnd: whole.evaluatesAt(whole.last),
  };
  const rungs = rungsOf(length, definition);
  if (!rungs)
    throw new SweepError(
      'sweep-too-short',
      `trial ${number} has only ${counted(whole.last, 'iteration')}` +
        (definition.options.evaluateEvery === undefined
          ? ''
          : ` and evaluates every ${options.evaluateEvery}`) +
        `: too few for ${definition.rungs === 1 ? 'an evaluation' : `${definition.rungs} rungs`}. Train for more epochs, or evaluate more often.`,
    );
  return { number, parameters, ...rungs };
}

/** @throws {TextError} that names the trial: another one may have smaller batches */
function batchesOfTrial(corpus: Corpus, options: TrainingOptions, number: number) {
  try {
    return trainingBatches(corpus, options);
  } catch (error) {
    if (!(error instanceof TextError)) throw error;
    throw new TextError(error.code, `trial ${number}: ${error.problem}`, {
      cause: error,
      remedies: [
        {
          text: 'Leave out the batch sizes and sequence lengths that are too large for the text, or use a longer text',
        },
      ],
    });
  }
}

function checked(definition: SweepDefinition, parameters: TrialPlan['parameters'], number: number) {
  try {
    return optionsOfTrial(definition, parameters);
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    throw new UsageError(`trial ${number}: ${error.option}: ${error.reason}`);
  }
}

/** The same paths, independent of the working folder. */
function absolute({ textFile, include, validation, test }: SweepTexts): SweepTexts {
  return {
    ...{ textFile: textFile.map((path) => resolve(path)), include },
    ...{ validation: validation && resolve(validation), test: test && resolve(test) },
  };
}
