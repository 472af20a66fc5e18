/**
 * The engine's side of some streams: their states, and what comes next in each.
 *
 * Rows stand in the order of the prompts' lengths, the longest first: then those that read a token at a time form the
 * beginning of the list, which grows until all have read their prompts.
 */
import type { Engine, FloatArray, Generate, Tensor, Vector } from '../engine/engine.ts';
import { recurrentModules, stateParts } from '../engine/layout.ts';

export interface EngineStreamsInit {
  readonly engine: Engine;
  readonly weights: Vector;
  readonly vocabularySize: number;
  /** What each stream reads first. */
  readonly prompts: readonly (readonly number[])[];
  /** Steps that one call of `generate` makes at most. */
  readonly mostSteps: number;
}

export class EngineStreams {
  readonly #init: EngineStreamsInit;
  readonly #states: readonly Tensor[];
  /** [N, V], log-probabilities of each row's next token; uniform before anything was read. */
  readonly #output: Tensor;
  readonly #tokens: Tensor;
  /** The stream of each row, and its place in the states. */
  #streams: readonly number[];
  #slots: Int32Array;

  constructor(init: EngineStreamsInit) {
    const { engine, weights, vocabularySize, prompts, mostSteps } = init;
    const N = prompts.length;
    this.#init = init;
    this.#streams = [...prompts.keys()].sort((a, b) => this.#prompt(b).length - this.#prompt(a).length);
    this.#slots = Int32Array.from(prompts.keys());
    this.#states = recurrentModules(weights.layout).map((module) =>
      engine.tensor('float', [stateParts(module.cell), N, module.hiddenSize]),
    );
    this.#output = engine.tensor('float', [N, vocabularySize]);
    engine.fill(this.#output, -Math.log(vocabularySize));
    this.#tokens = engine.tensor('int', [mostSteps * N]);
  }

  /** The number of the stream in each row. */
  get streams(): readonly number[] {
    return this.#streams;
  }

  get longestPrompt(): number {
    return this.#prompt(this.#streams[0] ?? 0).length;
  }

  /** Reads a token in each stream whose prompt is long enough: all prompts end together, after `longestPrompt` calls. */
  async readPrompts(position: number): Promise<void> {
    const left = this.longestPrompt - position;
    const reading = this.#streams.filter((stream) => this.#prompt(stream).length >= left);
    this.#step(Int32Array.from(reading, (stream) => this.#prompt(stream).at(-left) as number));
    await this.predictions();
  }

  /** [N, V]: log-probabilities of each row's next token. */
  async predictions(): Promise<FloatArray> {
    return (await this.#init.engine.read(this.#output)) as FloatArray;
  }

  /** Reads a token in each row. */
  step(tokens: Int32Array): void {
    this.#step(tokens);
  }

  /**
   * The engine draws, and reads what it drew.
   *
   * @returns [steps, N]
   */
  async draw(
    draws: Pick<Generate, 'uniforms' | 'temperature' | 'never' | 'controls' | 'recent'>,
  ): Promise<Int32Array> {
    const { engine, weights } = this.#init;
    const places = { weights, states: this.#states, slots: this.#slots, output: this.#output };
    engine.generate({ ...places, ...draws, tokens: this.#tokens });
    return (await engine.read(this.#tokens)) as Int32Array;
  }

  /** Goes on with some of the rows, which move up. */
  async keep(rows: readonly number[]): Promise<void> {
    if (rows.length === this.#streams.length) return;
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
    engine.release(this.#tokens);
  }

  #step(tokens: Int32Array): void {
    const { engine, weights } = this.#init;
    engine.step({
      weights,
      states: this.#states,
      slots: this.#slots.subarray(0, tokens.length),
      tokens,
      output: this.#output,
      outputKind: 'logProbabilities',
    });
  }

  #prompt(stream: number): readonly number[] {
    return this.#init.prompts[stream] ?? [];
  }
}
