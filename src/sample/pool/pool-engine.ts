/** The engine with the weights and states of a pool, which its parts share. */
import type { Engine, Tensor, Vector } from '../../engine/engine.ts';
import type { StateSlots } from '../../model/states.ts';

export interface PoolEngine {
  readonly engine: Engine;
  readonly weights: Vector;
  readonly slots: StateSlots;
  readonly vocabularySize: number;
}

/** Tensors for the predictions of batches of any size N, float [at least N, V]. There is one for each power of two. */
export class BatchOutputs {
  readonly #engine: Engine;
  readonly #vocabularySize: number;
  readonly #tensors = new Map<number, Tensor>();

  constructor({ engine, vocabularySize }: Pick<PoolEngine, 'engine' | 'vocabularySize'>) {
    this.#engine = engine;
    this.#vocabularySize = vocabularySize;
  }

  /** The tensor for a batch. @param count Its size N. */
  for(count: number): Tensor {
    const rows = 2 ** Math.ceil(Math.log2(count));
    let output = this.#tensors.get(rows);
    if (!output) {
      output = this.#engine.tensor('float', [rows, this.#vocabularySize]);
      this.#tensors.set(rows, output);
    }
    return output;
  }

  release(): void {
    for (const output of this.#tensors.values()) this.#engine.release(output);
    this.#tensors.clear();
  }
}
