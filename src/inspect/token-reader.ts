/** Reads tokens with a model in many sequences at once, for the measures of saliency. */
import {
  type Engine,
  type FloatArray,
  NO_TOKEN,
  type Snapshots,
  type Tensor,
  type Vector,
} from '../engine/engine.ts';
import { layoutOf, type ModelConfig } from '../model/config.ts';
import { makeStates } from '../model/states.ts';
import { makeWeights } from '../model/weights.ts';

/** Steps per call of the engine. Between two calls, a reading can be aborted. */
const STEPS = 256;

export interface ReaderInput {
  readonly engine: Engine;
  readonly config: ModelConfig;
  /** In canonical order. */
  readonly parameters: FloatArray;
  readonly signal?: AbortSignal | undefined;
}

/** N sequences that read a text from different positions on, up to the same end. */
export interface Sequences {
  /** For each sequence, the step before which it begins, in ascending order: the first reads all steps. */
  readonly begins: readonly number[];
  /** For each recurrent layer, float [S, N, H]. */
  readonly states: readonly Tensor[];
  /** float [N, V]: log-probabilities of what comes next. */
  readonly output: Tensor;
}

export class TokenReader {
  readonly #input: ReaderInput;
  readonly #weights: Vector;
  readonly #made: Sequences[] = [];

  constructor(input: ReaderInput) {
    this.#input = input;
    this.#weights = makeWeights(input.engine, layoutOf(input.config), input.parameters);
  }

  /** Makes sequences that have read nothing. They live as long as the reader. */
  make(begins: readonly number[]): Sequences {
    const { engine, config } = this.#input;
    const output = engine.tensor('float', [begins.length, config.vocabularySize]);
    const made = { begins, states: makeStates(engine, layoutOf(config), begins.length), output };
    this.#made.push(made);
    return made;
  }

  /**
   * Reads a text with a single sequence.
   *
   * @param others Each of these receives a copy of the state before the step at which it begins.
   * @throws the signal's reason if it is aborted
   */
  async read(one: Sequences, tokens: Int32Array, others?: Sequences): Promise<void> {
    for (let from = 0; from < tokens.length; from += STEPS) {
      const piece = tokens.subarray(from, from + STEPS);
      if (others) this.#copyState(one, others, from);
      await this.#call(one, piece, 1, others && snapshotsFor(others, from, from + piece.length));
    }
  }

  /**
   * Reads with all sequences up to the end of the text.
   *
   * @param steps From the beginning of the first sequence to the end. Every sequence begins before the end.
   * @param tokenOf The token of a sequence at a step.
   * @throws the signal's reason if it is aborted
   */
  async readAll(
    sequences: Sequences,
    steps: number,
    tokenOf: (step: number, sequence: number) => number,
  ): Promise<void> {
    const { begins } = sequences;
    for (let from = 0; from < steps; from += STEPS) {
      const to = Math.min(steps, from + STEPS);
      const begun = begins.filter((begin) => begin < to).length;
      const tokens = Int32Array.from({ length: (to - from) * begun }, (_, at) => {
        const [step, n] = [from + Math.floor(at / begun), at % begun];
        return step < (begins[n] as number) ? NO_TOKEN : tokenOf(step, n);
      });
      await this.#call(sequences, tokens, begun);
    }
  }

  /** The loss of each sequence if its next token is this one, in nats. */
  async losses({ output }: Sequences, next: number): Promise<Float64Array> {
    const [count, V] = output.shape as [number, number];
    const logProbabilities = await this.#input.engine.read(output);
    return Float64Array.from({ length: count }, (_, n) => -(logProbabilities[n * V + next] as number));
  }

  release(): void {
    const { engine } = this.#input;
    for (const { states, output } of this.#made)
      for (const tensor of [...states, output]) engine.release(tensor);
    engine.release(this.#weights);
  }

  /** Reads the tokens [T, count] with the first sequences, and waits for the result. */
  async #call(
    { states, output }: Sequences,
    tokens: Int32Array,
    count: number,
    snapshots?: Snapshots,
  ): Promise<void> {
    const { engine, signal } = this.#input;
    signal?.throwIfAborted();
    const slots = Int32Array.from({ length: count }, (_, n) => n);
    engine.readTokens({ weights: this.#weights, states, slots, tokens, output, snapshots });
    await engine.read(output, { offset: 0, count: 1 });
  }

  /** Copies the state of a single sequence to those that begin before a step. */
  #copyState(one: Sequences, { begins, states }: Sequences, step: number): void {
    const slots = Int32Array.from(begins.keys()).filter((n) => begins[n] === step);
    if (slots.length === 0) return;
    for (const [layer, state] of one.states.entries())
      this.#input.engine.copySlots(state, new Int32Array(slots.length), states[layer] as Tensor, slots);
  }
}

/** Copies for the sequences that begin between two steps. */
function snapshotsFor({ begins, states }: Sequences, from: number, to: number): Snapshots {
  const slots = Int32Array.from(begins.keys()).filter(
    (n) => from < (begins[n] as number) && (begins[n] as number) < to,
  );
  const steps = slots.map((n) => (begins[n] as number) - from);
  return { states, steps, sequences: new Int32Array(slots.length), slots };
}
