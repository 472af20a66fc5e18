/** The engine's part of a beam search: each unfinished text has a row of the batch and a slot for its state. */
import type { FloatArray, HeldUnit, Tensor } from '../../engine/engine.ts';
import type { Controls } from '../choice/controls.ts';
import type { Constraint } from '../form/constraint.ts';
import { type HeldSlots, holdSlots } from '../pool/held-slots.ts';
import type { SequencePool } from '../pool/pool.ts';
import type { Limits, StopTracker } from '../stops.ts';
import { TopTokens } from './top-tokens.ts';

export interface BeamSearch {
  readonly pool: SequencePool;
  readonly controls: Controls;
  readonly limits: Limits;
  readonly prompt: readonly number[];
  readonly constraint: Constraint | undefined;
  readonly beam: number;
  readonly beamNorm: number;
  /** Units to hold while the texts are written. Default: none. */
  readonly hold?: readonly HeldUnit[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A text of the search, with its constraint and stop conditions. */
export interface Hypothesis {
  readonly end: StopTracker;
  readonly constraint: Constraint | undefined;
  readonly logProbability: number;
  readonly length: number;
  /** Its last token; −1 for the empty text. */
  readonly token: number;
  /** The text without its last token; undefined for the empty text. */
  readonly before: Hypothesis | undefined;
}

/** A text extended by a token, with the log-probability of the extended text. */
export interface Extension {
  readonly row: number;
  readonly token: number;
  readonly logProbability: number;
}

export class BeamRows {
  readonly #search: BeamSearch;
  readonly #held: HeldSlots;
  /** float [beam, V]: log-probabilities of each text's next token. */
  readonly #output: Tensor;
  readonly #topTokens: TopTokens;
  readonly #tokens: Int32Array;
  readonly #logs: Float64Array;
  readonly #allowed: Uint8Array;

  /** Reads the prompt. Row 0 then continues it. */
  static async start(search: BeamSearch): Promise<BeamRows> {
    const { pool, prompt, beam, signal } = search;
    return new BeamRows(search, await holdSlots(pool, { prompt, count: beam, signal }));
  }

  private constructor(search: BeamSearch, held: HeldSlots) {
    const { beam, controls } = search;
    const { vocabularySize: V } = controls;
    this.#search = search;
    this.#held = held;
    this.#output = held.engine.tensor('float', [beam, V]);
    held.engine.write(this.#output, held.logProbabilities);
    this.#topTokens = new TopTokens(V);
    this.#tokens = new Int32Array(V);
    this.#logs = new Float64Array(V);
    this.#allowed = new Uint8Array(V);
  }

  /** The best extensions in descending order: 2·beam for each text, because some may end it. */
  async bestExtensions(live: readonly Hypothesis[]): Promise<Extension[]> {
    const { beam } = this.#search;
    const predictions = (await this.#held.engine.read(this.#output)) as FloatArray;
    const extensions = live.flatMap((text, row) => {
      const count = this.#gather(predictions, row, text.constraint);
      this.#topTokens.fill(this.#tokens, count, this.#logs);
      return Array.from({ length: Math.min(2 * beam, count) }, () => {
        const token = this.#topTokens.take();
        return { row, token, logProbability: text.logProbability + (this.#logs[token] as number) };
      });
    });
    return extensions.sort(
      (a, b) => b.logProbability - a.logProbability || a.row - b.row || a.token - b.token,
    );
  }

  /** Each new row continues the row `parents[n]` with the token `tokens[n]`. */
  advance(parents: readonly number[], tokens: readonly number[]): void {
    const { engine, weights } = this.#held;
    const states = this.#held.states();
    const slots = this.#held.slots.subarray(0, parents.length);
    const from = Int32Array.from(parents, (row) => this.#held.slots[row] as number);
    for (const state of states) engine.copySlots(state, from, state, slots);
    const { hold } = this.#search;
    engine.step({ weights, states, slots, tokens: Int32Array.from(tokens), output: this.#output, hold });
  }

  release(): void {
    this.#held.engine.release(this.#output);
    this.#held.release();
  }

  /** Fills `#tokens` with the tokens that may come next and `#logs` with their log-probabilities. Returns their number. */
  #gather(predictions: FloatArray, row: number, constraint: Constraint | undefined): number {
    const { vocabularySize: V, logitBias } = this.#search.controls;
    if (constraint) constraint.allow(this.#allowed);
    let count = 0;
    for (let token = 0; token < V; token++) {
      let log = (predictions[row * V + token] as number) + (logitBias?.[token] ?? 0);
      const isBanned = logitBias?.[token] === Number.NEGATIVE_INFINITY;
      if (isBanned || (constraint && this.#allowed[token] === 0)) continue;
      if (!(log > MIN_SCORE)) log = MIN_SCORE;
      this.#logs[token] = log;
      this.#tokens[count++] = token;
    }
    return count;
  }
}

/** Replaces −∞ and NaN, so that scores can be compared. */
const MIN_SCORE = -1e30;
