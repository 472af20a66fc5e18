/** What the parts of a pool share. */
import type { Engine, Tensor, Vector } from '../../engine/engine.ts';
import type { StateSlots } from '../../model/states.ts';

export interface PoolEngine {
  readonly engine: Engine;
  readonly weights: Vector;
  readonly slots: StateSlots;
  readonly vocabularySize: number;
}

/** Tensors for the predictions of batches of any size, float [at least N, V]: one for each power of two. */
export class BatchOutputs {
  readonly #engine: Engine;
  readonly #vocabularySize: number;
  readonly #tensors = new Map<number, Tensor>();

  constructor({ engine, vocabularySize }: Pick<PoolEngine, 'engine' | 'vocabularySize'>) {
    this.#engine = engine;
    this.#vocabularySize = vocabularySize;
  }

  /** @param count N. */
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
