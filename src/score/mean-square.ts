/**
 * The mean square of the gradient over a training text, by which dynamic evaluation scales its steps.
 *
 * The gradients are those of the mean loss of 32 rows of 20 tokens, without dropout. Up to 200 such batches are read, in 10 stretches that are
 * spread over the text. The rows start with an empty memory in each stretch and keep it from batch to batch.
 *
 * Dimension letters: B batch rows, T time steps.
 */
import type { BatchSource } from '../data/batches/batches.ts';
import { equalCuts } from '../data/batches/cuts.ts';
import { RowBatches, type Rows } from '../data/batches/row-batches.ts';
import { type Engine, type FloatArray, type NumberArray, UPDATE_REPORT_LENGTH } from '../engine/engine.ts';
import { TextError } from '../errors.ts';
import type { ModelConfig } from '../model/config.ts';
import { Network } from '../model/network.ts';
import { TurnTaker } from '../util/event-loop.ts';
import { UPDATE_INTERVAL } from './dynamic.ts';

export interface MeanSquareInput {
  readonly engine: Engine;
  readonly config: ModelConfig;
  /** In canonical order. */
  readonly parameters: NumberArray;
  /** The training text: a part of a token source, of any length. */
  readonly text: Rows;
  /** The name of the text in messages. */
  readonly name: string;
  readonly signal?: AbortSignal | undefined;
  /** Called with the batches done and their number. */
  readonly onProgress?: ((done: number, all: number) => void) | undefined;
}

const MAX_ROWS = 32;
const MAX_BATCHES = 200;
const STRETCHES = 10;

/**
 * The mean square of each parameter's gradient, in canonical order and in the engine's precision.
 *
 * @throws {TextError} `text-too-short` for a text of fewer than 20 tokens
 * @throws the signal's reason if it is aborted
 */
export async function meanSquareGradient(input: MeanSquareInput): Promise<FloatArray> {
  const { engine, parameters, signal } = input;
  const batches = batchesOf(input);
  const order = batchOrder(batches.count);
  const network = new Network(engine, input.config, batches);
  const weights = engine.vector(network.layout);
  const gradient = engine.vector(network.layout);
  const meanSquare = engine.vector(network.layout);
  const state = network.makeState();
  const steps = engine.tensor('int', [1]);
  const report = engine.tensor('float', [UPDATE_REPORT_LENGTH]);
  const turns = new TurnTaker();
  try {
    engine.write(weights, parameters);
    engine.fill(meanSquare, 0);
    for (const [done, { index, isStart }] of order.entries()) {
      signal?.throwIfAborted();
      if (isStart) for (const layer of state) engine.fill(layer, 0);
      network.lossAndGradient(weights, gradient, await batches.batch(index), state);
      // RMSProp with α = 1 − 1/n keeps the mean of all n squares so far. With a rate of zero, the weights stay as they are.
      engine.update({
        ...{ weights, gradient, moments: [meanSquare], steps, report, learningRate: 0 },
        rule: { kind: 'rmsprop', alpha: 1 - 1 / (done + 1), epsilon: 1 },
      });
      input.onProgress?.(done + 1, order.length);
      await turns.take();
    }
    const squares = (await engine.read(meanSquare)) as FloatArray;
    // The network's gradient is that of the sum over time of the mean over rows: T times that of the mean loss.
    return squares.map((square) => square / UPDATE_INTERVAL ** 2);
  } finally {
    for (const handle of [weights, gradient, meanSquare, ...state, steps, report]) engine.release(handle);
    network.release();
  }
}

/** The text in batches of up to 32 rows. */
function batchesOf({ text: { tokens, offset, length }, name }: MeanSquareInput): BatchSource {
  const sequenceLength = UPDATE_INTERVAL;
  const batchSize = Math.min(MAX_ROWS, Math.floor(length / sequenceLength));
  if (batchSize === 0) {
    throw new TextError(
      'text-too-short',
      `${name} has ${length === 1 ? 'one character' : `${length} characters`}: measuring the gradient needs at least ${sequenceLength}.`,
    );
  }
  const positions = batchSize * sequenceLength;
  const count = Math.floor(length / positions);
  const cuts = equalCuts(sequenceLength, 0, count);
  return new RowBatches({ tokens, offset, length: count * positions }, batchSize, cuts);
}

/** The batches to read, in order: all of a short text, else stretches from its start to its end. */
function batchOrder(count: number): { readonly index: number; readonly isStart: boolean }[] {
  if (count <= MAX_BATCHES)
    return Array.from({ length: count }, (_, index) => ({ index, isStart: index === 0 }));
  const length = MAX_BATCHES / STRETCHES;
  return Array.from({ length: MAX_BATCHES }, (_, k) => {
    const stretch = Math.floor(k / length);
    const start = Math.floor((stretch * (count - length)) / (STRETCHES - 1));
    return { index: start + (k % length), isStart: k % length === 0 };
  });
}
