/** Prompts that a pool reads for callers that need only the states or the predictions. */
import type { Engine, FloatArray, HeldUnit, Tensor, Vector } from '../../engine/engine.ts';
import { closed, type SequencePool } from './pool.ts';
import type { PromptRead, RequestHandle } from './request.ts';

/** Slots of a pool that are reserved for a caller, which calls the engine itself. */
export interface HeldSlots {
  readonly engine: Engine;
  readonly weights: Vector;
  readonly slots: Int32Array;
  /** Log-probabilities [V] of the token after the prompt. */
  readonly logProbabilities: FloatArray;
  /**
   * For each recurrent layer, float [S, slots, H]. Call it again after every await: the tensors change when the pool grows.
   *
   * @throws {UsageError} if the pool is closed
   */
  states(): readonly Tensor[];
  release(): void;
}

/**
 * Reads a prompt and reserves `count` slots, all of which get its state.
 *
 * @throws the signal's reason when it is aborted
 * @throws {RangeError} if the pool has fewer slots
 */
export async function holdSlots(
  pool: SequencePool,
  { prompt, count, signal }: { prompt: readonly number[]; count: number; signal?: AbortSignal | undefined },
): Promise<HeldSlots> {
  const { engine, weights, slots: store } = pool.shared;
  const { handle, read } = await untilRead(signal, (onRead, onFailure) =>
    pool.start({ prompt, sequences: [], held: count, onRead, onFailure }),
  );
  return {
    ...{ engine, weights, slots: Int32Array.from(read.slots), logProbabilities: read.logProbabilities },
    states() {
      if (pool.isClosed) throw closed();
      return store.states;
    },
    release: () => handle.cancel(),
  };
}

export interface PredictionOptions {
  /** The index of the first token whose prediction is wanted. */
  readonly from: number;
  /** Units to hold while the tokens from `from` on are read. Default: none. */
  readonly hold?: readonly HeldUnit[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Computes the predictions along a given text.
 *
 * @param onPrediction Called with the log-probabilities [V] of each token from `from` on.
 * @throws the signal's reason when it is aborted
 */
export async function predictAlong(
  pool: SequencePool,
  tokens: readonly number[],
  { from, hold, signal }: PredictionOptions,
  onPrediction: (position: number, logProbabilities: FloatArray) => void,
): Promise<void> {
  if (from >= tokens.length) return;
  await untilRead(signal, (onRead, onFailure) =>
    pool.start({
      ...{ prompt: tokens, sequences: [], onRead, onFailure },
      ...{ onPrompt: onPrediction, predictedFrom: from, promptHold: hold },
    }),
  );
}

async function untilRead(
  signal: AbortSignal | undefined,
  start: (onRead: (read: PromptRead) => void, onFailure: (error: unknown) => void) => RequestHandle,
): Promise<{ handle: RequestHandle; read: PromptRead }> {
  signal?.throwIfAborted();
  let handle: RequestHandle | undefined;
  let abort = () => {};
  try {
    const read = await new Promise<PromptRead>((resolve, reject) => {
      abort = () => reject(signal?.reason);
      signal?.addEventListener('abort', abort);
      handle = start(resolve, reject);
    });
    return { handle: handle as unknown as RequestHandle, read };
  } catch (error) {
    handle?.cancel();
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}
