/** The loss over a split of the text that a checkpoint was trained on, measured as in training, and the temperature that suits one. */

import type { TrainedCheckpoint } from '../checkpoint/checkpoint.ts';
import type { SplitName, Splits } from '../data/batches/batches.ts';
import { splitCorpus } from '../data/batches/splits.ts';
import type { Corpus } from '../data/corpus.ts';
import type { Engine, Quantization } from '../engine/engine.ts';
import { TextError } from '../errors.ts';
import { Network } from '../model/network.ts';
import { makeWeights } from '../model/weights.ts';
import { type CountModelLoss, countModelLoss } from '../score/count-model/count-model-loss.ts';
import { fitTemperature, splitToPredict, type TemperatureFit } from '../score/fit-temperature.ts';
import { runInTurns } from '../util/event-loop.ts';
import { evaluateSplit, type SplitLoss } from './evaluation.ts';
import { checkSameText, resumedOptions } from './start/resume.ts';

export interface PartInput {
  readonly engine: Engine;
  readonly checkpoint: TrainedCheckpoint;
  /** How to store the weights on the engine. Default: as floats. */
  readonly quantization?: Quantization | undefined;
  /** The name of the checkpoint in messages. */
  readonly name: string;
  /** The text of its run. */
  readonly corpus: Corpus;
  readonly part: SplitName;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, all: number) => void) | undefined;
}

export interface PartLoss {
  /** Characters that were predicted. */
  readonly characters: number;
  readonly nats: number;
  readonly batchSize: number;
  readonly sequenceLength: number;
  readonly batches: number;
}

/**
 * The loss of a split in batches of the run's shape, with a state that starts at zero and is carried from batch to batch. For the
 * validation split, this is the loss in the checkpoint's name.
 *
 * @throws {CheckpointError} `checkpoint-other-text` if the text is not that of the run
 * @throws {TextError} `text-too-short` for a split without a batch
 * @throws the signal's reason if it is aborted
 */
export async function partLoss(input: PartInput): Promise<PartLoss> {
  const { engine, checkpoint, corpus, part, signal } = input;
  const source = splitsOf(input)[part];
  if (source.count === 0) {
    throw new TextError('text-too-short', noBatch(corpus, part), {
      remedies: [{ text: 'The part that it was trained on', set: { part: 'train' } }],
    });
  }
  const network = new Network(engine, checkpoint.config, source, 'evaluation');
  const weights = makeWeights(engine, network.layout, checkpoint.parameters, input.quantization);
  try {
    const evaluation = evaluateSplit(engine, network, weights, source, signal);
    let step = await evaluation.next();
    for (; !step.done; step = await evaluation.next()) input.onProgress?.(step.value, source.count);
    signal?.throwIfAborted();
    const { batchSize, sequenceLength } = source;
    const characters = source.count * batchSize * sequenceLength;
    return {
      characters,
      nats: (step.value as SplitLoss).loss * characters,
      batchSize,
      sequenceLength,
      batches: source.count,
    };
  } finally {
    engine.release(weights);
    network.release();
  }
}

/**
 * The loss of a count model of the run's training split, on the symbols of another split.
 *
 * @returns undefined for a split without a batch
 * @throws {CheckpointError} `checkpoint-other-text` if the text is not that of the run
 * @throws the signal's reason if it is aborted
 */
export async function partBaseline(
  input: Pick<PartInput, 'checkpoint' | 'name' | 'corpus' | 'part' | 'signal'>,
): Promise<CountModelLoss | undefined> {
  const splits = splitsOf(input);
  const { size } = input.corpus.vocabulary;
  return await runInTurns(
    countModelLoss({ train: splits.train, validation: splits[input.part] }, size),
    input.signal,
  );
}

/**
 * The temperature at which the model predicts the validation split best, in the batches of `partLoss`.
 *
 * @throws {CheckpointError} `checkpoint-other-text` if the text is not that of the run
 * @throws {TextError} `text-too-short` for a split without a batch
 * @throws the signal's reason if it is aborted
 */
export async function validationTemperature(input: Omit<PartInput, 'part'>): Promise<TemperatureFit> {
  const { engine, checkpoint, quantization, signal, onProgress } = input;
  const { config, parameters } = checkpoint;
  const { validation } = splitsOf(input);
  if (validation.count === 0) throw new TextError('text-too-short', noBatch(input.corpus, 'validation'));
  return await fitTemperature({
    ...{ engine, config, parameters, quantization, signal, onProgress },
    text: splitToPredict(validation),
  });
}

function noBatch({ text }: Corpus, part: SplitName): string {
  return `the ${part} part of ${text.name} has no batch: the run held nothing out for it.`;
}

function splitsOf({ checkpoint, name, corpus }: Pick<PartInput, 'checkpoint' | 'name' | 'corpus'>): Splits {
  checkSameText(corpus.text, checkpoint, name);
  const { options } = resumedOptions({}, checkpoint, name);
  return splitCorpus(corpus, { ...options, heldOut: checkpoint.training.shapeChange?.heldOut });
}
