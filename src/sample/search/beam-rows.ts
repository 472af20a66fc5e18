/** The engine's side of a beam search: a row and a slot of the states for each text that goes on. */
import type { FloatArray, Tensor } from '../../engine/engine.ts';
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
  readonly signal?: AbortSignal | undefined;
}

/** A text that goes on. */
export interface Hypothesis {
  readonly end: StopTracker;
  readonly constraint: Constraint | undefined;
  readonly logProbability: number;
  readonly length: number;
  /** Its last token, and the text before it; absent at the beginning. */
  readonly token: number;
  readonly before: Hypothesis | undefined;
}

/** A way to go on: from a row by a token, with the log-probability of the whole. */
export interface Candidate {
  readonly row: number;
  readonly token: number;
  readonly logProbability: number;
}

export class BeamRows {
  readonly #search: BeamSearch;
  readonly #held: HeldSlots;
  /** [beam, V]. */
  readonly #output: Tensor;
  readonly #topTokens: TopTokens;
  readonly #tokens: Int32Array;
  readonly #logs: Float64Array;
  readonly #allowed: Uint8Array;

  /** The prompt has been read in row 0. */
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

  /** The best ways to go on, the best first; as many as can be needed, since those of one text may all end it. */
  async candidates(live: readonly Hypothesis[]): Promise<Candidate[]> {
    const { beam } = this.#search;
    const predictions = (await this.#held.engine.read(this.#output)) as FloatArray;
    const candidates = live.flatMap((text, row) => {
      const count = this.#gather(predictions, row, text.constraint);
      this.#topTokens.fill(this.#tokens, count, this.#logs);
      return Array.from({ length: Math.min(2 * beam, count) }, () => {
        const token = this.#topTokens.take();
        return { row, token, logProbability: text.logProbability + (this.#logs[token] as number) };
      });
    });
    return candidates.sort(
      (a, b) => b.logProbability - a.logProbability || a.row - b.row || a.token - b.token,
    );
  }

  /** Each row goes on from one of those before by a token. */
  advance(parents: readonly number[], tokens: readonly number[]): void {
    const { engine, weights } = this.#held;
    const states = this.#held.states();
    const slots = this.#held.slots.subarray(0, parents.length);
    const from = Int32Array.from(parents, (row) => this.#held.slots[row] as number);
    for (const state of states) engine.copySlots(state, from, state, slots);
    engine.step({ weights, states, slots, tokens: Int32Array.from(tokens), output: this.#output });
  }

  release(): void {
    this.#held.engine.release(this.#output);
    this.#held.release();
  }

  /** Gathers the tokens that may come and their log-probabilities; how many there are. */
  #gather(predictions: FloatArray, row: number, constraint: Constraint | undefined): number {
    const { vocabularySize: V, shift } = this.#search.controls;
    if (constraint) constraint.allow(this.#allowed);
    let count = 0;
    for (let token = 0; token < V; token++) {
      let log = (predictions[row * V + token] as number) + (shift?.[token] ?? 0);
      const isBarred = shift?.[token] === Number.NEGATIVE_INFINITY;
      if (isBarred || (constraint && this.#allowed[token] === 0)) continue;
      if (!(log > MIN_SCORE)) log = MIN_SCORE;
      this.#logs[token] = log;
      this.#tokens[count++] = token;
    }
    return count;
  }
}

/** Stands for −∞ and NaN, so that scores can be compared. */
const MIN_SCORE = -1e30;
