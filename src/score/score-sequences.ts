/** The loss of every predicted token of some sequences, in nats. */
import type { TokenSource } from '../data/batches/batches.ts';
import type { Engine, FloatArray, NumberArray } from '../engine/engine.ts';
import type { ModelConfig } from '../model/config.ts';
import { Network } from '../model/network.ts';
import { TurnTaker } from '../util/event-loop.ts';
import { type Block, blocksOf, type Run } from './lanes.ts';
import type { Sequence } from './sequences.ts';

export interface Scoring {
  readonly engine: Engine;
  readonly config: ModelConfig;
  /** In canonical order. */
  readonly parameters: NumberArray;
  readonly tokens: TokenSource;
  readonly sequences: readonly Sequence[];
  /** How many sequences are computed side by side; what comes out does not depend on it, but for the order. */
  readonly lanes: number;
  readonly signal?: AbortSignal | undefined;
}

/** Losses of a stretch of one sequence. Of a sequence the stretches come in order; with one lane, of the text too. */
export interface ScoredRun {
  /** Index of the sequence. */
  readonly sequence: number;
  /** Index in the text of the first token that was predicted. */
  readonly target: number;
  /** The tokens that were predicted. */
  readonly tokens: Int32Array;
  /** What each costs: −log p, in nats. */
  readonly losses: FloatArray;
}

/** Positions in a block: enough to fill the engine's tiles, few enough to stay in the cache. */
const BLOCK_POSITIONS = 2_500;
const MOST_STEPS = 512;
/** More side by side gain nothing. */
export const MOST_LANES = 256;

/** @throws the signal's reason when it is aborted */
export async function* scoreSequences(scoring: Scoring): AsyncGenerator<ScoredRun, void, void> {
  const { engine, tokens, sequences, signal } = scoring;
  const predictions = sequences.reduce((sum, { count }) => sum + count, 0);
  if (predictions === 0) return;
  const B = Math.min(scoring.lanes, MOST_LANES, sequences.length);
  const longest = sequences.reduce((most, { count }) => Math.max(most, count), 0);
  const T = Math.max(1, Math.min(MOST_STEPS, Math.ceil(BLOCK_POSITIONS / B), longest));
  const shape = { batchSize: B, sequenceLength: T };
  const network = new Network(engine, scoring.config, shape, 'evaluation');
  const weights = engine.vector(network.layout);
  engine.write(weights, scoring.parameters);
  const state = network.makeState();
  const turns = new TurnTaker();
  let reading: Promise<unknown> | undefined;
  try {
    // The engine computes a block while the one before is looked at.
    let before: { block: Block; losses: Promise<FloatArray> } | undefined;
    for await (const block of blocksOf(tokens, sequences, shape)) {
      signal?.throwIfAborted();
      network.evaluate(weights, block, state);
      // Of [1 + T·B]: the sum is left out.
      const all = { offset: 1, count: T * B };
      const pending = { block, losses: engine.read(network.loss, all) as Promise<FloatArray> };
      // It is awaited a block later, and may not be at all where the reader leaves.
      reading = pending.losses.catch(() => {});
      if (before) yield* cutAll(before.block, await before.losses, B);
      before = pending;
      await turns.take();
    }
    if (before) yield* cutAll(before.block, await before.losses, B);
  } finally {
    // An engine can't be closed while it is read, which whoever left or aborted does next.
    await reading;
    engine.release(weights);
    for (const layer of state) engine.release(layer);
    network.release();
  }
}

function* cutAll({ runs, targets }: Block, losses: FloatArray, B: number): Generator<ScoredRun, void, void> {
  for (const run of runs) yield cut(run, targets, losses, B);
}

/** A run out of arrays [T, B]. */
function cut(run: Run, targets: Int32Array, losses: FloatArray, B: number): ScoredRun {
  const { sequence, target, lane, step, length } = run;
  const tokens = new Int32Array(length);
  const own = losses.slice(0, length);
  for (let i = 0; i < length; i++) {
    const at = (step + i) * B + lane;
    tokens[i] = targets[at] as number;
    own[i] = losses[at] as number;
  }
  return { sequence, target, tokens, losses: own };
}
