/** An evaluation: the loss over a whole split with its standard error, and a short sample. */
import type { BatchSource } from '../data/batches/batches.ts';
import type { Vocabulary } from '../data/vocabulary.ts';
import type { Engine, FloatArray, Vector } from '../engine/engine.ts';
import type { Network } from '../model/network.ts';
import { generateTokens } from '../sample/generate-tokens.ts';
import { checkGenerateOptions, planSampling } from '../sample/options.ts';
import { SequencePool } from '../sample/pool/pool.ts';
import { nextTurn } from '../util/event-loop.ts';
import { MersenneTwister } from '../util/mersenne-twister.ts';
import { standardError } from '../util/standard-error.ts';

/** With at least this many rows, the standard error is computed from the means of whole rows. */
const MIN_ROWS = 8;

/** Symbols in the sample that is drawn at an evaluation. */
const SAMPLE_LENGTH = 120;
/** Maximum milliseconds for which drawing it blocks the event loop at a time. */
const SAMPLE_MILLISECONDS = 10;
/** Temperature of that sample: below 1, because that reads better early in training. */
const SAMPLE_TEMPERATURE = 0.8;

export interface SplitLoss {
  /** In nats per token. */
  readonly loss: number;
  /**
   * Standard error of the loss as an estimate for all text of this kind, in nats per token; undefined if there is only one sample.
   */
  readonly standardError: number | undefined;
}

/**
 * The loss over all batches, with a state that starts at zero and is carried from batch to batch. Training keeps its own state, unlike in
 * the original. Yields the number of batches done; returns undefined for an empty split, or if the signal is aborted before the end.
 *
 * The standard error is computed from the mean losses of the rows: these are far apart in the text, while neighbouring characters and
 * batches are correlated. With fewer than eight rows, each row of each batch counts as a sample.
 */
export async function* evaluateSplit(
  engine: Engine,
  network: Network,
  weights: Vector,
  source: BatchSource,
  signal?: AbortSignal,
): AsyncGenerator<number, SplitLoss | undefined, void> {
  const { batchSize: B, sequenceLength: T, count } = source;
  if (count === 0) return undefined;
  const state = network.makeState();
  const inFlight: Promise<FloatArray>[] = [];
  // The engine computes a batch while the losses of earlier ones are read.
  const limit = Math.max(2, engine.description.depth);
  try {
    let sum = 0;
    let done = 0;
    const pieces: Float64Array[] = [];
    const take = async () => {
      const losses = (await inFlight.shift()) as FloatArray;
      sum += losses[0] as number;
      pieces.push(rowMeans(losses.subarray(1), T, B));
      return ++done;
    };
    for (let index = 0; index < count; index++) {
      if (signal?.aborted) return undefined;
      network.evaluate(weights, await source.batch(index), state);
      const losses = engine.read(network.loss) as Promise<FloatArray>;
      losses.catch(() => {});
      inFlight.push(losses);
      if (inFlight.length === limit) {
        yield await take();
        await nextTurn();
      }
    }
    while (inFlight.length > 0) yield await take();
    return { loss: sum / (count * T * B), standardError: standardError(samples(pieces, B)) };
  } finally {
    // An engine can't be closed while reads are pending.
    await Promise.allSettled(inFlight);
    for (const tensor of state) engine.release(tensor);
  }
}

/** The mean of each row of [T, B]. */
function rowMeans(losses: FloatArray, T: number, B: number): Float64Array {
  const means = new Float64Array(B);
  for (let position = 0; position < losses.length; position++) {
    means[position % B] = (means[position % B] as number) + (losses[position] as number) / T;
  }
  return means;
}

/** Losses that count as independent: the means of rows, or, with few rows, of each row in each batch. */
function samples(pieces: readonly Float64Array[], B: number): number[] {
  if (B < MIN_ROWS) return pieces.flatMap((means) => [...means]);
  return Array.from(
    { length: B },
    (_, row) => pieces.reduce((sum, means) => sum + (means[row] as number), 0) / pieces.length,
  );
}

/** A short text from a model, drawn by a separate random generator. */
export async function sampleText(
  engine: Engine,
  weights: Vector,
  vocabulary: Vocabulary,
  seed: number,
): Promise<string> {
  const options = checkGenerateOptions({ length: SAMPLE_LENGTH, temperature: SAMPLE_TEMPERATURE });
  const { controls, limits } = planSampling(vocabulary, options);
  const drawn: number[] = [];
  const pool = new SequencePool({
    ...{ engine, weights, vocabularySize: vocabulary.size },
    ...{ capacity: 1, cacheBytes: 0, partTime: SAMPLE_MILLISECONDS },
  });
  try {
    const texts = [{ prompt: [], generator: new MersenneTwister(seed) }];
    for await (const pieces of generateTokens({ pool, controls, limits, texts }))
      for (const { tokens } of pieces) drawn.push(...tokens);
  } finally {
    await pool.close();
  }
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(vocabulary.bytesOfAll(drawn));
}
