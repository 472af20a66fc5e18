/**
 * Draws tokens from a model, one after the other, as the original's `sample` does.
 *
 * The state starts at zero and reads the prompt; then each token is drawn from the prediction after the one before.
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
  readonly prompt: readonly number[];
  /** Tokens to draw. */
  readonly length: number;
  /** 0 takes the most likely token each time. */
  readonly temperature: number;
  /** One for each stream: streams that differ in nothing else are drawn side by side. */
  readonly generators: readonly MersenneTwister[];
  readonly signal?: AbortSignal | undefined;
}

/** Steps that the engine makes by itself at most, and the milliseconds that they should take. */
const MOST_STEPS = 64;
const LONG = 20;
const SHORT = 5;

/**
 * Tokens of all streams, step by step: each array holds one token for each generator.
 *
 * @throws the signal's reason when it is aborted
 */
export async function* generateTokens(generation: TokenGeneration): AsyncGenerator<Int32Array, void, void> {
  const { prompt, length, signal } = generation;
  if (length === 0) return;
  const streams = new Streams(generation);
  const turns = new TurnTaker();
  try {
    for (const token of prompt) {
      signal?.throwIfAborted();
      await turns.take();
      streams.read(token);
      await streams.settled();
    }
    let drawn = 0;
    let stride = 1;
    while (drawn < length) {
      signal?.throwIfAborted();
      await turns.take();
      const start = performance.now();
      const steps = Math.min(stride, length - drawn);
      for (const tokens of await streams.draw(steps)) {
        signal?.throwIfAborted();
        yield tokens;
      }
      drawn += steps;
      const time = performance.now() - start;
      if (time < SHORT) stride = Math.min(MOST_STEPS, stride * 2);
      else if (time > LONG) stride = Math.max(1, stride >> 1);
    }
  } finally {
    streams.release();
  }
}

/** The engine's side of some streams: their states and what comes next in each. */
class Streams {
  readonly #generation: TokenGeneration;
  readonly #states: readonly Tensor[];
  /** Log-probabilities of each stream's next token; uniform before anything was read. */
  readonly #output: Tensor;
  readonly #tokens: Tensor;
  readonly #slots: Int32Array;

  constructor(generation: TokenGeneration) {
    const { engine, weights, vocabularySize, generators } = generation;
    const N = generators.length;
    this.#generation = generation;
    this.#slots = Int32Array.from(generators.keys());
    this.#states = recurrentModules(weights.layout).map((module) =>
      engine.tensor('float', [stateParts(module.cell), N, module.hiddenSize]),
    );
    this.#output = engine.tensor('float', [N, vocabularySize]);
    this.#tokens = engine.tensor('int', [MOST_STEPS * N]);
  }

  /** All streams read a token. */
  read(token: number): void {
    const { engine, weights } = this.#generation;
    engine.step({
      weights,
      states: this.#states,
      slots: this.#slots,
      tokens: new Int32Array(this.#slots.length).fill(token),
      output: this.#output,
      outputKind: 'logProbabilities',
    });
  }

  /** Resolves when the engine has done all that was asked of it. */
  async settled(): Promise<void> {
    await this.#generation.engine.read(this.#output);
  }

  /** The tokens of some steps, drawn and read. */
  async draw(steps: number): Promise<Int32Array[]> {
    const { engine, weights, generators, temperature, unknownToken } = this.#generation;
    const N = generators.length;
    const uniforms = new Float64Array(steps * N);
    // A greedy step costs no random number.
    if (temperature > 0) {
      for (let i = 0; i < uniforms.length; i++)
        uniforms[i] = (generators[i % N] as MersenneTwister).nextUniform();
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
    return Array.from({ length: steps }, (_, step) => tokens.subarray(step * N, (step + 1) * N));
  }

  release(): void {
    const { engine } = this.#generation;
    for (const state of this.#states) engine.release(state);
    engine.release(this.#output);
    engine.release(this.#tokens);
  }
}
