/** Draws the tokens of `generate` on the host, in double precision, for engines that return the predictions of each step. */
import { Candidates, drawControlled } from './candidates.ts';
import type { FloatArray, Generate } from './engine.ts';

export class HostDraws {
  /** [steps, N], in the order of the uniform numbers. */
  readonly drawn: Int32Array;
  readonly #call: Pick<Generate, 'rows' | 'uniforms'>;
  readonly #vocabularySize: number;
  readonly #candidates: Candidates;
  /** The counts of each sequence's penalty window, as they change. */
  readonly #counts: readonly (Int32Array | undefined)[];

  constructor({ rows, uniforms }: Pick<Generate, 'rows' | 'uniforms'>, vocabularySize: number) {
    this.#call = { rows, uniforms };
    this.#vocabularySize = vocabularySize;
    this.#candidates = new Candidates(vocabularySize);
    this.#counts = rows.map(({ window }) => window?.counts.slice());
    this.drawn = new Int32Array(uniforms.length);
  }

  /**
   * Draws a token for each sequence.
   *
   * @param predictions [≥ N, V]: log-probabilities.
   * @returns [N]
   */
  draw(step: number, predictions: FloatArray): Int32Array {
    const { rows, uniforms } = this.#call;
    const N = rows.length;
    const V = this.#vocabularySize;
    rows.forEach(({ controls, window }, n) => {
      const at = step * N + n;
      const row = predictions.subarray(n * V, (n + 1) * V);
      const counts = this.#counts[n];
      const token = drawControlled(this.#candidates, row, controls, counts, uniforms[at] as number);
      this.drawn[at] = token;
      if (!window || !counts) return;
      const { length, expiring } = window;
      const gone = length === 0 ? -1 : step < length ? expiring[step] : this.drawn[at - length * N];
      if (gone !== undefined && gone >= 0) counts[gone] = (counts[gone] as number) - 1;
      counts[token] = (counts[token] as number) + 1;
    });
    return this.drawn.slice(step * N, (step + 1) * N);
  }
}
