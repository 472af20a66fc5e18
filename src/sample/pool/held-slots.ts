/** Prompts that a pool reads for callers who then go on by themselves. */
import type { Engine, FloatArray, Tensor, Vector } from '../../engine/engine.ts';
import { closed, type SequencePool } from './pool.ts';
import type { PromptRead, RequestHandle } from './request.ts';

/** Slots of a pool that only their holder uses, by calls of the engine. */
export interface HeldSlots {
  readonly engine: Engine;
  readonly weights: Vector;
  readonly slots: Int32Array;
  /** Log-probabilities [V] of the token after the prompt. */
  readonly logProbabilities: FloatArray;
  /**
   * For each recurrent layer float [S, slots, H]. Not to be kept across a wait: the pool may grow.
   *
   * @throws {UsageError} when the pool is closed
   */
  states(): readonly Tensor[];
  release(): void;
}

/**
 * Reads a prompt and holds slots: the prompt's state is in all of them.
 *
 * @throws the signal's reason when it is aborted
 * @throws {RangeError} for more slots than the pool has
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

/**
 * The predictions along a text that is known.
 *
 * @param from The first token of interest.
 * @param onPrediction Called with the log-probabilities [V] of each token from then on.
 * @throws the signal's reason when it is aborted
 */
export async function predictAlong(
  pool: SequencePool,
  tokens: readonly number[],
  from: number,
  onPrediction: (position: number, logProbabilities: FloatArray) => void,
  signal?: AbortSignal,
): Promise<void> {
  if (from >= tokens.length) return;
  await untilRead(signal, (onRead, onFailure) =>
    pool.start({
      ...{ prompt: tokens, sequences: [], onRead, onFailure },
      ...{ onPrompt: onPrediction, predictedFrom: from },
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
