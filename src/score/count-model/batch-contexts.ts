/** Reads the batches of a split as symbols with their contexts. */
import type { Batch } from '../../data/batches/batches.ts';

/** The contexts of B rows: for each, the newest symbols since its start or its last reset. */
export class BatchContexts {
  readonly #boundary: number;
  /** The newest symbol first; −1 before the boundary. */
  readonly #contexts: readonly Int32Array[];

  constructor(rows: number, length: number, boundary: number) {
    this.#boundary = boundary;
    this.#contexts = Array.from({ length: rows }, () => this.#restart(new Int32Array(length)));
  }

  /** Calls a function with the context and the symbol of each target of a batch. The context changes after the call. */
  read({ inputs, targets, resets }: Batch, visit: (context: Int32Array, symbol: number) => void): void {
    const rows = this.#contexts.length;
    for (let row = 0; row < rows; row++) {
      const context = this.#contexts[row] as Int32Array;
      for (let at = row; at < inputs.length; at += rows) {
        if (resets?.[at] === 1) this.#restart(context);
        for (let i = context.length - 1; i > 0; i--) context[i] = context[i - 1] as number;
        if (context.length > 0) context[0] = inputs[at] as number;
        visit(context, targets[at] as number);
      }
    }
  }

  #restart(context: Int32Array): Int32Array {
    context.fill(-1);
    if (context.length > 0) context[0] = this.#boundary;
    return context;
  }
}
