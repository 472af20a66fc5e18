/**
 * The engine's side of some streams: their states, and what comes next in each.
 *
 * Rows are in the order of the prompts' lengths, the longest first: those that read a token at a step are then the first rows.
 */
import { stateParts } from '../engine/cells.ts';
import type { Engine, FloatArray, Generate, Tensor, Vector } from '../engine/engine.ts';
import { recurrentModules } from '../engine/layout.ts';
import type { TurnTaker } from '../util/event-loop.ts';
import { readPrompts } from './prompt-blocks.ts';

export interface EngineStreamsInit {
  readonly engine: Engine;
  readonly weights: Vector;
  readonly vocabularySize: number;
  /** What each stream reads first. */
  readonly prompts: readonly (readonly number[])[];
}

export class EngineStreams {
  readonly #init: EngineStreamsInit;
  readonly #states: readonly Tensor[];
  /** [N, V], log-probabilities of each row's next token; uniform before anything was read. */
  readonly #output: Tensor;
  /** The stream of each row, and its place in the states. */
  #streams: readonly number[];
  #slots: Int32Array;

  constructor(init: EngineStreamsInit) {
    const { engine, weights, vocabularySize, prompts } = init;
    const N = prompts.length;
    this.#init = init;
    this.#streams = [...prompts.keys()].sort((a, b) => this.#prompt(b).length - this.#prompt(a).length);
    this.#slots = Int32Array.from(prompts.keys());
    this.#states = recurrentModules(weights.layout).map((module) =>
      engine.tensor('float', [stateParts(module.cell), N, module.hiddenSize]),
    );
    this.#output = engine.tensor('float', [N, vocabularySize]);
    engine.fill(this.#output, -Math.log(vocabularySize));
  }

  /** The number of the stream in each row. */
  get streams(): readonly number[] {
    return this.#streams;
  }

  /** Reads all prompts; those of one length end together. */
  async readPrompts(turns: TurnTaker, signal: AbortSignal | undefined): Promise<void> {
    const { engine } = this.#init;
    const prompts = this.#streams.map((stream) => this.#prompt(stream));
    await readPrompts(engine, this.#places, prompts, turns, signal);
  }

  /** [N, V]: log-probabilities of each row's next token. */
  async predictions(): Promise<FloatArray> {
    return (await this.#init.engine.read(this.#output)) as FloatArray;
  }

  /** Reads a token in each row. */
  step(tokens: Int32Array): void {
    const slots = this.#slots.subarray(0, tokens.length);
    this.#init.engine.step({ ...this.#places, slots, tokens });
  }

  /**
   * The engine draws, and reads what it drew.
   *
   * @returns [steps, N]
   */
  draw(draws: Pick<Generate, 'uniforms' | 'rows'>): Promise<Int32Array> {
    return this.#init.engine.generate({ ...this.#places, ...draws });
  }

  /** Goes on with some of the rows, which move up. */
  async keep(rows: readonly number[]): Promise<void> {
    if (rows.length === this.#streams.length) return;
    if (rows.length === 0) {
      this.#streams = [];
      return;
    }
    const { engine, vocabularySize: V } = this.#init;
    const predictions = await this.predictions();
    rows.forEach((row, place) => {
      predictions.copyWithin(place * V, row * V, (row + 1) * V);
    });
    engine.write(this.#output, predictions);
    this.#slots = Int32Array.from(rows, (row) => this.#slots[row] as number);
    this.#streams = rows.map((row) => this.#streams[row] as number);
  }

  release(): void {
    const { engine } = this.#init;
    for (const state of this.#states) engine.release(state);
    engine.release(this.#output);
  }

  /** All rows, for a call of the engine. */
  get #places() {
    const { weights } = this.#init;
    return { weights, states: this.#states, slots: this.#slots, output: this.#output };
  }

  #prompt(stream: number): readonly number[] {
    return this.#init.prompts[stream] ?? [];
  }
}
