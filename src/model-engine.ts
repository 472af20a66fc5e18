/** The engine that computes a trained model: made when it is first needed, and again after it was lost. */
import type { Checkpoint } from './checkpoint/checkpoint.ts';
import { quantizationOn } from './checkpoint/quantization.ts';
import type { Engine, Quantization, Vector } from './engine/engine.ts';
import type { ChosenEngine } from './engine/select.ts';
import { UsageError } from './errors.ts';
import { layoutOf } from './model/config.ts';
import { checkModelFits } from './model/memory.ts';
import { makeWeights } from './model/weights.ts';
import { SequencePool, type SequencePoolInput } from './sample/pool/pool.ts';
import { nextTurn } from './util/event-loop.ts';

/** Maximum sequences in the pool (in practice no limit), and bytes for the cached states of prompts. Memory is allocated only as it is needed. */
const MAX_SEQUENCES = 1 << 20;
const PREFIX_CACHE_BYTES = 1 << 24;
/**
 * Milliseconds that each part of a turn of the pool takes, and a turn in which prompts alone are read. After a request is cancelled, the turn
 * still ends before others continue and the model can be closed. A server's are shorter (server/served-model.ts).
 */
const LIBRARY_PART_TIME = 10;
const LIBRARY_PROMPT_TIME = 100;

/** An engine, and a model's weights in its memory. */
export interface LoadedModel {
  readonly engine: Engine;
  readonly weights: Vector;
}

export type PoolLimits = Omit<SequencePoolInput, 'engine' | 'weights' | 'vocabularySize'>;

export interface ModelEngineInput {
  readonly checkpoint: Checkpoint;
  /** How to store the weights on an engine that can: int8, or undefined for floats. */
  readonly quantization: Quantization | undefined;
  readonly makeEngine: () => Promise<ChosenEngine>;
  /** Called with the reason if another engine is used than the fastest one. */
  readonly onNotice: (message: string) => void;
}

/**
 * Holds one engine for a model, with the pools that write on it. Every method but `close` may throw an UnsupportedError if the requested
 * engine can't work here, a MemoryError for a model that is too large for it, and a UsageError after `close`.
 */
export class ModelEngine {
  readonly #input: ModelEngineInput;
  #loaded: Promise<LoadedModel> | undefined;
  #pool: Promise<SequencePool> | undefined;
  /** All pools on the engine, which are closed before it. */
  #pools: SequencePool[] = [];

  constructor(input: ModelEngineInput) {
    this.#input = input;
  }

  /** The engine with the weights. If it was lost, or could not be made, the next call makes a new one. */
  load(): Promise<LoadedModel> {
    if (this.#loaded) return this.#loaded;
    const loaded = this.#make();
    this.#loaded = loaded;
    loaded
      .then(({ engine }) => engine.lost.then(() => this.#forget(loaded, engine)))
      .catch(() => {
        if (this.#loaded === loaded) this.#loaded = undefined;
      });
    return loaded;
  }

  /** The pool that writes all texts of the library. */
  pool(): Promise<SequencePool> {
    if (this.#pool) return this.#pool;
    const pool = this.openPool({
      capacity: MAX_SEQUENCES,
      cacheBytes: PREFIX_CACHE_BYTES,
      partTime: LIBRARY_PART_TIME,
      promptTime: LIBRARY_PROMPT_TIME,
    });
    this.#pool = pool;
    pool.catch(() => {
      if (this.#pool === pool) this.#pool = undefined;
    });
    return pool;
  }

  /** A separate pool with its own limits. Closing the engine closes it too. */
  async openPool(limits: PoolLimits): Promise<SequencePool> {
    const { vocabulary } = this.#input.checkpoint;
    const pool = new SequencePool({ ...(await this.load()), vocabularySize: vocabulary.size, ...limits });
    this.#pools.push(pool);
    return pool;
  }

  /** Frees the memory. Later calls are rejected. */
  async close(): Promise<void> {
    const [loaded, pool] = [this.#loaded, this.#pool];
    this.#loaded = Promise.reject(new UsageError('this model is closed'));
    this.#loaded.catch(() => {});
    // A model that could not be loaded has nothing to free.
    const found = await loaded?.catch(() => undefined);
    await pool?.catch(() => undefined);
    for (const open of this.#pools) await open.close();
    await found?.engine.close();
  }

  /** After the engine was lost. Calls that use it get its error. */
  async #forget(loaded: Promise<LoadedModel>, engine: Engine): Promise<void> {
    if (this.#loaded !== loaded) return;
    this.#loaded = undefined;
    this.#pool = undefined;
    this.#pools = [];
    await nextTurn();
    await engine.close();
  }

  async #make(): Promise<LoadedModel> {
    const { checkpoint, quantization, makeEngine, onNotice } = this.#input;
    const { engine, notice } = await makeEngine();
    if (notice) onNotice(notice);
    try {
      checkModelFits(checkpoint.config, engine);
      const layout = layoutOf(checkpoint.config);
      const used = quantizationOn(engine, quantization);
      return { engine, weights: makeWeights(engine, layout, checkpoint.parameters, used) };
    } catch (error) {
      await engine.close();
      throw error;
    }
  }
}
