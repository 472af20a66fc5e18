/**
 * Draws tokens from a model, one after the other, as the original's `sample` does.
 *
 * The state starts at zero and reads the prompt; then each token is drawn from the prediction after the one before. Streams
 * are computed side by side; what each draws does not depend on the others.
 * Without a prompt the first token is uniform over the vocabulary, and costs one random number like every other.
 */
import type { Engine, Tensor, Vector } from '../engine/engine.ts';
import { recurrentModules, stateParts } from '../engine/layout.ts';
import { TurnTaker } from '../util/event-loop.ts';
import type { MersenneTwister } from '../util/mersenne-twister.ts';

export interface TokenGeneration {
  readonly engine: Engine;
  readonly weights: Vector;
  readonly vocabularySize: number;
  /** Never drawn; it stands for characters that nobody can write down. */
  readonly unknownToken: number | undefined;
  /** What each stream reads first. */
  readonly prompts: readonly (readonly number[])[];
  /** Tokens to draw. */
  readonly length: number;
  /** 0 takes the most likely token each time. */
  readonly temperature: number;
  /** One for each stream. */
  readonly generators: readonly MersenneTwister[];
  readonly signal?: AbortSignal | undefined;
}

/** Steps that the engine makes by itself at most, and the milliseconds that they should take. */
const MOST_STEPS = 64;
const LONG = 20;
const SHORT = 5;

/**
 * Tokens as they are drawn: each time some more of every stream, in the order of the prompts.
 *
 * @throws the signal's reason when it is aborted
 */
export async function* generateTokens(
  generation: TokenGeneration,
): AsyncGenerator<readonly Int32Array[], void, void> {
  const { length, signal } = generation;
  if (length === 0) return;
  const streams = new Streams(generation);
  const turns = new TurnTaker();
  try {
    for (let position = 0; position < streams.longestPrompt; position++) {
      signal?.throwIfAborted();
      await turns.take();
      await streams.readPrompts(position);
    }
    let drawn = 0;
    let stride = 1;
    while (drawn < length) {
      signal?.throwIfAborted();
      await turns.take();
      const start = performance.now();
      const steps = Math.min(stride, length - drawn);
      yield await streams.draw(steps);
      drawn += steps;
      const time = performance.now() - start;
      if (time < SHORT) stride = Math.min(MOST_STEPS, stride * 2);
      else if (time > LONG) stride = Math.max(1, stride >> 1);
    }
  } finally {
    streams.release();
  }
}

/**
 * The engine's side of some streams: their states and what comes next in each.
 *
 * They stand in the order of their prompts' lengths, the longest first: then those that read a token at a time form the beginning
 * of the list, which grows until all have read their prompts.
 */
class Streams {
  readonly #generation: TokenGeneration;
  readonly #states: readonly Tensor[];
  /** Log-probabilities of each stream's next token; uniform before anything was read. */
  readonly #output: Tensor;
  readonly #tokens: Tensor;
  readonly #slots: Int32Array;
  /** The prompt's number of each stream. */
  readonly #order: readonly number[];

  constructor(generation: TokenGeneration) {
    const { engine, weights, vocabularySize, prompts } = generation;
    const N = prompts.length;
    this.#generation = generation;
    this.#slots = Int32Array.from(prompts.keys());
    this.#order = [...prompts.keys()].sort((a, b) => this.#prompt(b).length - this.#prompt(a).length);
    this.#states = recurrentModules(weights.layout).map((module) =>
      engine.tensor('float', [stateParts(module.cell), N, module.hiddenSize]),
    );
    this.#output = engine.tensor('float', [N, vocabularySize]);
    this.#tokens = engine.tensor('int', [MOST_STEPS * N]);
  }

  get longestPrompt(): number {
    return this.#prompt(this.#order[0]).length;
  }

  /** Reads a token in each stream whose prompt is long enough: all prompts end together, after `longestPrompt` calls. */
  async readPrompts(position: number): Promise<void> {
    const { engine, weights } = this.#generation;
    const left = this.longestPrompt - position;
    const reading = this.#order.filter((stream) => this.#prompt(stream).length >= left);
    engine.step({
      weights,
      states: this.#states,
      slots: this.#slots.subarray(0, reading.length),
      tokens: Int32Array.from(reading, (stream) => this.#prompt(stream).at(-left) as number),
      output: this.#output,
      outputKind: 'logProbabilities',
    });
    await engine.read(this.#output);
  }

  /** Each stream's tokens of some steps, drawn and read. */
  async draw(steps: number): Promise<Int32Array[]> {
    const { engine, weights, generators, temperature, unknownToken } = this.#generation;
    const N = this.#order.length;
    const uniforms = new Float64Array(steps * N);
    // A greedy step costs no random number.
    if (temperature > 0) {
      for (let i = 0; i < uniforms.length; i++) {
        const generator = generators[this.#order[i % N] as number] as MersenneTwister;
        uniforms[i] = generator.nextUniform();
      }
    }
    engine.generate({
      weights,
      states: this.#states,
      slots: this.#slots,
      output: this.#output,
      uniforms,
      temperature,
      never: unknownToken,
      tokens: this.#tokens,
    });
    const tokens = (await engine.read(this.#tokens)) as Int32Array;
    const byStream = this.#order.map(() => new Int32Array(steps));
    this.#order.forEach((stream, n) => {
      const own = byStream[stream] as Int32Array;
      for (let step = 0; step < steps; step++) own[step] = tokens[step * N + n] as number;
    });
    return byStream;
  }

  release(): void {
    const { engine } = this.#generation;
    for (const state of this.#states) engine.release(state);
    engine.release(this.#output);
    engine.release(this.#tokens);
  }

  #prompt(stream: number | undefined): readonly number[] {
    return this.#generation.prompts[stream ?? 0] ?? [];
  }
}
