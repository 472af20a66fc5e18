/** What a model thought of a token that was drawn: for people and programs that look into its predictions. */
import type { FloatArray } from '../engine/engine.ts';
import { Descending } from './descending.ts';

/** Of the model's own prediction, before any control. Natural logarithms: nats. */
export interface TokenDetails {
  readonly token: number;
  readonly logProbability: number;
  /** Of the whole prediction, in nats: how unsure the model was. */
  readonly entropy: number;
  /** With which it was drawn, after all controls. */
  readonly drawnProbability: number;
  /** The likeliest tokens, the likeliest first. */
  readonly alternatives: readonly { readonly token: number; readonly logProbability: number }[];
}

/** Looks at rows of log-probabilities over a vocabulary. Its memory is used again and again. */
export class PredictionReader {
  readonly #logs: Float64Array;
  readonly #tokens: Int32Array;
  readonly #descending: Descending;
  readonly #alternatives: number;

  /** @param alternatives How many of the likeliest tokens are named. */
  constructor(vocabularySize: number, alternatives: number) {
    this.#logs = new Float64Array(vocabularySize);
    this.#tokens = Int32Array.from({ length: vocabularySize }, (_, token) => token);
    this.#descending = new Descending(vocabularySize);
    this.#alternatives = Math.min(alternatives, vocabularySize);
  }

  /** @param row The prediction begins at `offset`. */
  describe(row: FloatArray, offset: number, token: number, drawnProbability: number): TokenDetails {
    const logs = this.#logs;
    let entropy = 0;
    for (let v = 0; v < logs.length; v++) {
      const log = row[offset + v] as number;
      logs[v] = Number.isNaN(log) ? Number.NEGATIVE_INFINITY : log;
      if (log > Number.NEGATIVE_INFINITY) entropy -= Math.exp(log) * log;
    }
    this.#descending.fill(this.#tokens, logs.length, logs);
    const alternatives = Array.from({ length: this.#alternatives }, () => {
      const other = this.#descending.take();
      return { token: other, logProbability: logs[other] as number };
    });
    return { token, logProbability: logs[token] as number, entropy, drawnProbability, alternatives };
  }
}
