/**
 * Averages the parameters of several checkpoints. If they are from one run, the average is often better than each of them.
 *
 * Source: Izmailov et al. 2018, "Averaging Weights Leads to Wider Optima and Better Generalization" (arXiv:1803.05407).
 */
import type { Vocabulary } from '../data/vocabulary.ts';
import { floatArrayType } from '../engine/precision.ts';
import { CheckpointError, OptionError } from '../errors.ts';
import type { ModelConfig } from '../model/config.ts';
import type { Checkpoint } from './checkpoint.ts';
import { inType } from './tensors/tensors.ts';
import { noLosses } from './tensors/training-tensors.ts';

/** Adds up checkpoints one by one, so that only one of them is in memory at a time. */
export class CheckpointMean {
  #first:
    | (Pick<Checkpoint, 'config' | 'regularization' | 'vocabulary'> & { readonly name: string })
    | undefined;
  #sum = new Float64Array();
  #precision: Checkpoint['precision'] = 'float32';
  #origin: Checkpoint['origin'];
  #count = 0;

  /**
   * @param name What to call the checkpoint in messages.
   * @throws {CheckpointError} `checkpoint-other-model` if its shape or its vocabulary differs from the first one's
   */
  add(checkpoint: Checkpoint, name: string): void {
    const { config, regularization, vocabulary, precision, origin, parameters } = checkpoint;
    if (!this.#first) {
      this.#first = { config, regularization, vocabulary, name };
      // The sum starts at −0, because −0 + x has the bits of x even if x is −0.
      this.#sum = new Float64Array(parameters.length).fill(-0);
    }
    const first = this.#first;
    const difference =
      shapeDifference(first.config, config) ?? vocabularyDifference(first.vocabulary, vocabulary);
    if (difference) {
      throw new CheckpointError(
        'checkpoint-other-model',
        `${name} can't be averaged with ${first.name}: ${difference}. Expected checkpoints with the same shape and the same vocabulary.`,
      );
    }
    const sum = this.#sum;
    for (const [at, value] of parameters.entries()) sum[at] = (sum[at] as number) + value;
    if (precision === 'float64') this.#precision = 'float64';
    if (origin?.sampleOnly !== undefined) this.#origin = origin;
    this.#count++;
  }

  /**
   * The averaged model, in the highest precision among the checkpoints, with the regularization of the first one.
   *
   * @throws {OptionError} if there are no checkpoints
   */
  get checkpoint(): Checkpoint {
    if (!this.#first)
      throw new OptionError('checkpoints', 'got an empty list, expected at least one checkpoint');
    const { config, regularization, vocabulary } = this.#first;
    const { program, sampleOnly } = this.#origin ?? {};
    const losses = { trainLosses: noLosses(), validationLosses: noLosses() };
    const mean = this.#sum.map((value) => value / this.#count);
    return {
      config,
      regularization,
      precision: this.#precision,
      vocabulary,
      parameters: inType(mean, floatArrayType(this.#precision)),
      // If one of the models can't be trained further, neither can their average.
      ...(program !== undefined && { origin: { program, sampleOnly, options: {}, notices: [], ...losses } }),
    };
  }
}

/**
 * Averages the parameters of several checkpoints with the same shape and vocabulary. The result has no training state.
 *
 * @param checkpoints At least one, with the same shape and the same vocabulary.
 * @param names What to call them in messages. Default: `checkpoint 1`, `checkpoint 2`, …
 * @throws {OptionError} for an empty list
 * @throws {CheckpointError} `checkpoint-other-model` if a shape or a vocabulary differs from the first one's
 */
export function averageCheckpoints(
  checkpoints: readonly Checkpoint[],
  names: readonly string[] = [],
): Checkpoint {
  const mean = new CheckpointMean();
  for (const [at, checkpoint] of checkpoints.entries())
    mean.add(checkpoint, names[at] ?? `checkpoint ${at + 1}`);
  return mean.checkpoint;
}

const SHAPE = ['cell', 'reset', 'layers', 'hiddenSize', 'embeddingSize', 'vocabularySize'] as const;

/** The first difference between two shapes; undefined if there is none. */
function shapeDifference(first: ModelConfig, other: ModelConfig): string | undefined {
  const name = SHAPE.find((key) => first[key] !== other[key]);
  return name && `its \`${name}\` is ${other[name] ?? 'absent'}, not ${first[name] ?? 'absent'}`;
}

/** The first difference between two vocabularies of the same size; undefined if there is none. */
function vocabularyDifference(first: Vocabulary, other: Vocabulary): string | undefined {
  for (const key of ['kind', 'normalize', 'hasUnknown'] as const) {
    if (first[key] !== other[key])
      return `the \`${key}\` of its vocabulary is ${other[key]}, not ${first[key]}`;
  }
  const token = first.symbols.findIndex((symbol, at) => symbol !== other.symbols[at]);
  if (token === -1) return undefined;
  const [expected, found] = [first.symbols[token], other.symbols[token]].map((symbol) =>
    JSON.stringify(symbol),
  );
  return `its symbol ${token} is ${found}, not ${expected}`;
}
