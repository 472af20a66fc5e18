/** Computes the loss of every predicted token of some sequences. */
import type { TokenSource } from '../data/batches/batches.ts';
import type { Engine, FloatArray, NumberArray, Quantization } from '../engine/engine.ts';
import type { ModelConfig } from '../model/config.ts';
import { Network } from '../model/network.ts';
import { makeWeights } from '../model/weights.ts';
import { TurnTaker } from '../util/event-loop.ts';
import { type Block, blockShape, packSequences, type Span } from './pack-sequences.ts';
import type { Sequence } from './sequences.ts';

export interface Scoring {
  readonly engine: Engine;
  readonly config: ModelConfig;
  /** In canonical order. */
  readonly parameters: NumberArray;
  /** How to store them on the engine. Default: as floats. */
  readonly quantization?: Quantization | undefined;
  readonly tokens: TokenSource;
  readonly sequences: readonly Sequence[];
  /** Batch rows: how many sequences are computed in parallel. The losses do not depend on it, but their order does. */
  readonly rows: number;
  /** Whether spans have the predictions as well. Default: false. */
  readonly readsPredictions?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The losses of a part of one sequence. The parts of a sequence come in order; with one row, so does the whole text. */
export interface ScoredSpan {
  /** Index of the sequence. */
  readonly sequence: number;
  /** Index in the text of the first predicted token. */
  readonly target: number;
  /** The predicted tokens. */
  readonly tokens: Int32Array;
  /** The loss of each, −log p, in nats. */
  readonly losses: FloatArray;
  /** [length, V]: the log-probabilities of each position, in nats; undefined unless they were asked for. */
  readonly predictions?: FloatArray | undefined;
}

/** What is read of a block: [T, B] losses and, if they were asked for, [T, B, V] predictions. */
type BlockResults = Pick<ScoredSpan, 'losses' | 'predictions'>;

/** @throws the signal's reason if it is aborted */
export async function* scoreSequences(scoring: Scoring): AsyncGenerator<ScoredSpan, void, void> {
  const { engine, tokens, sequences, signal } = scoring;
  const predictions = sequences.reduce((sum, { count }) => sum + count, 0);
  if (predictions === 0) return;
  const shape = blockShape(sequences, scoring.rows);
  const { batchSize: B, sequenceLength: T } = shape;
  const network = new Network(engine, scoring.config, shape, 'evaluation');
  const weights = makeWeights(engine, network.layout, scoring.parameters, scoring.quantization);
  const state = network.makeState();
  const { vocabularySize: V } = scoring.config;
  const logProbabilities = scoring.readsPredictions ? engine.tensor('float', [T, B, V]) : undefined;
  const readBlock = async (): Promise<BlockResults> => {
    // `loss` is [1 + T·B]: this leaves out the sum.
    const losses = engine.read(network.loss, { offset: 1, count: T * B }) as Promise<FloatArray>;
    const predictions = logProbabilities && (engine.read(logProbabilities) as Promise<FloatArray>);
    const [read, predicted] = await Promise.all([losses, predictions]);
    return { losses: read, predictions: predicted };
  };
  const turns = new TurnTaker();
  let reading: Promise<unknown> | undefined;
  try {
    // The engine computes a block while the losses of the previous one are read.
    let before: { block: Block; results: Promise<BlockResults> } | undefined;
    for await (const block of packSequences(tokens, sequences, shape)) {
      signal?.throwIfAborted();
      network.evaluate(weights, block, state, logProbabilities);
      const pending = { block, results: readBlock() };
      // Awaited one block later, or never if the consumer leaves.
      reading = pending.results.catch(() => {});
      if (before) yield* cutAll(before.block, await before.results, B);
      before = pending;
      await turns.take();
    }
    if (before) yield* cutAll(before.block, await before.results, B);
  } finally {
    // The caller may close the engine next, which must not happen while a read is pending.
    await reading;
    engine.release(weights);
    for (const layer of state) engine.release(layer);
    if (logProbabilities) engine.release(logProbabilities);
    network.release();
  }
}

function* cutAll(
  { spans, targets }: Block,
  results: BlockResults,
  B: number,
): Generator<ScoredSpan, void, void> {
  for (const span of spans) yield cut(span, targets, results, B);
}

/** Cuts a span out of arrays [T, B] and [T, B, V]. */
function cut(span: Span, targets: Int32Array, { losses, predictions }: BlockResults, B: number): ScoredSpan {
  const { sequence, target, row, step, length } = span;
  const tokens = new Int32Array(length);
  const own = losses.slice(0, length);
  const V = predictions ? predictions.length / losses.length : 0;
  const rows = predictions?.slice(0, length * V);
  for (let i = 0; i < length; i++) {
    const at = (step + i) * B + row;
    tokens[i] = targets[at] as number;
    own[i] = losses[at] as number;
    if (rows && predictions) rows.set(predictions.subarray(at * V, (at + 1) * V), i * V);
  }
  return { sequence, target, tokens, losses: own, predictions: rows };
}
