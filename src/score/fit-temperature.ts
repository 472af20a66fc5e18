/**
 * Fits the temperature of a model's predictions to a text: an overconfident or underconfident model predicts it better at a temperature other
 * than 1.
 *
 * Dimension letters: B batch rows, T time steps, V vocabulary.
 */
import type { Batch, BatchSource } from '../data/batches/batches.ts';
import { MemoryTokens } from '../data/tokens/memory-tokens.ts';
import type { Engine, FloatArray, Quantization } from '../engine/engine.ts';
import { floats } from '../engine/precision.ts';
import type { ModelConfig } from '../model/config.ts';
import { Network } from '../model/network.ts';
import { makeWeights } from '../model/weights.ts';
import { runInTurns, TurnTaker } from '../util/event-loop.ts';
import { blockShape, packSequences, type Span } from './pack-sequences.ts';
import { rowSequences } from './sequences.ts';
import { type Summary, summarize } from './summary.ts';
import { bestTemperature, natsAt, type Predictions } from './temperature.ts';

export interface TemperatureFitting {
  readonly engine: Engine;
  readonly config: ModelConfig;
  /** In canonical order. */
  readonly parameters: FloatArray;
  /** How to store them on the engine. Default: as floats. */
  readonly quantization?: Quantization | undefined;
  readonly text: PredictedText;
  /** Maximum number of logits to keep. Default: 16,777,216, in 64 MB of memory. */
  readonly limit?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called with the predictions read and their number. */
  readonly onProgress?: ((done: number, all: number) => void) | undefined;
}

/** A text in batches. */
export interface PredictedText {
  readonly shape: { readonly batchSize: number; readonly sequenceLength: number };
  /** If a batch has spans, only their positions count; else all. */
  readonly batches: AsyncIterable<Batch & { readonly spans?: readonly Span[] }>;
  /** Number of predictions. */
  readonly count: number;
}

/** A temperature, and the loss with and without it on the symbols that it was fitted to. */
export interface TemperatureFit {
  /** From 0.1 to 10, with four significant digits. */
  readonly temperature: number;
  /** At a temperature of 1. */
  readonly before: Summary;
  /** At the fitted temperature. */
  readonly after: Summary;
}

const MAX_LOGITS = 1 << 24;

/** The batches of a split, as in an evaluation. */
export function splitToPredict(source: BatchSource): PredictedText {
  const batches = async function* () {
    for (let index = 0; index < source.count; index++) yield await source.batch(index);
  };
  return {
    shape: source,
    batches: batches(),
    count: source.count * source.batchSize * source.sequenceLength,
  };
}

/** Every token but the first of a text in memory, which is cut into rows as for scoring. */
export function textToPredict(tokens: Int32Array, rows: number): PredictedText {
  const sequences = rowSequences(tokens.length, rows);
  const shape = blockShape(sequences, rows);
  return {
    shape,
    batches: packSequences(new MemoryTokens(tokens), sequences, shape),
    count: tokens.length - 1,
  };
}

/**
 * Fits a temperature on the first predictions of a text, as many as the limit allows: all of them for the validation part of most runs. With N
 * predictions, the fitted temperature costs about 1/(2N) nats per symbol more than the best one.
 *
 * @throws the signal's reason if it is aborted
 */
export async function fitTemperature(fitting: TemperatureFitting): Promise<TemperatureFit> {
  const { signal } = fitting;
  const predictions = await readPredictions(fitting);
  const count = predictions.targets.length;
  const summaryAt = async (temperature: number) =>
    summarize(count, await runInTurns(natsAt(predictions, temperature), signal));
  const temperature = await runInTurns(bestTemperature(predictions), signal);
  return { temperature, before: await summaryAt(1), after: await summaryAt(temperature) };
}

/** Reads the logits of the first predictions. */
async function readPredictions(fitting: TemperatureFitting): Promise<Predictions> {
  const { engine, config, text, limit = MAX_LOGITS, signal } = fitting;
  const { batchSize: B, sequenceLength: T } = text.shape;
  const V = config.vocabularySize;
  const count = Math.min(text.count, Math.max(1, Math.floor(limit / V)));
  const logits = floats(engine.description.precision, count * V);
  const targets = new Int32Array(count);
  const network = new Network(engine, config, text.shape, 'evaluation');
  const weights = makeWeights(engine, network.layout, fitting.parameters, fitting.quantization);
  const state = network.makeState();
  const every = Int32Array.from({ length: T * B }, (_, position) => position);
  const turns = new TurnTaker();
  try {
    let done = 0;
    for await (const batch of text.batches) {
      signal?.throwIfAborted();
      network.evaluate(weights, batch, state);
      const positions = batch.spans ? positionsOf(batch.spans, B) : every;
      const size = Math.min(positions.length, count - done);
      const end = (positions[size - 1] as number) + 1;
      const values = (await engine.read(network.logits, { offset: 0, count: end * V })) as FloatArray;
      for (let i = 0; i < size; i++) {
        const at = positions[i] as number;
        logits.set(values.subarray(at * V, (at + 1) * V), (done + i) * V);
        targets[done + i] = batch.targets[at] as number;
      }
      done += size;
      fitting.onProgress?.(done, count);
      if (done === count) break;
      await turns.take();
    }
    return { logits, targets, vocabularySize: V };
  } finally {
    for (const handle of [weights, ...state]) engine.release(handle);
    network.release();
  }
}

/** The positions of spans in [T, B], ascending. */
function positionsOf(spans: readonly Span[], B: number): Int32Array {
  const lists = spans.map(({ row, step, length }) => Array.from({ length }, (_, i) => (step + i) * B + row));
  return Int32Array.from(lists.flat()).sort();
}
