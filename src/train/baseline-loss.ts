/** The loss of a count model, without training. */
import { fitShape, splitCorpus } from '../data/batches/splits.ts';
import { type CountModelLoss, countModelLoss } from '../score/count-model/count-model-loss.ts';
import { runInTurns } from '../util/event-loop.ts';
import { corpusToStart, planStart } from './train.ts';
import { type TrainInput, textsOf } from './train-input.ts';

/** The parts of `TrainInput` that determine the splits. */
export type BaselineInput = Omit<
  TrainInput,
  'textFile' | 'include' | 'strict' | 'memory' | 'checkpointDir' | 'tensorboardDir' | 'initFrom' | 'resume'
>;

/**
 * Fits a count model to the training split of a text, and measures its loss on the validation split: the splits that `train` makes from the
 * same input, but for a preset, which may choose another shape of batches. The model is an n-gram model of order 5 with interpolated modified Kneser–Ney smoothing. A network is of use if its loss is lower.
 *
 * @returns the loss in nats per symbol; undefined if nothing is held out for validation
 * @throws {OptionError} for an invalid option
 * @throws {TextError} for a text that can't be trained on
 * @throws the signal's reason if it is aborted
 */
export async function baselineLoss(input: BaselineInput): Promise<CountModelLoss | undefined> {
  const texts = textsOf(input);
  const plan = planStart(input, undefined);
  const corpus = await corpusToStart(texts, plan);
  const options = plan.options.fit ? { ...plan.options, ...fitShape(corpus, plan.options) } : plan.options;
  return await runInTurns(countModelLoss(splitCorpus(corpus, options), corpus.vocabulary.size), input.signal);
}
