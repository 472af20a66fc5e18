/**
 * Draws tokens from a model, one after the other, as the original's `sample` does.
 *
 * The state starts at zero and reads the prompt; then each token is drawn from the prediction after the one before.
 * Without a prompt the first token is uniform over the vocabulary, and costs one random number like every other.
 */
import { drawToken } from '../engine/draw.ts';
import type { Engine, FloatArray, Tensor, Vector } from '../engine/engine.ts';
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
  readonly generator: MersenneTwister;
  readonly signal?: AbortSignal | undefined;
}

/** @throws the signal's reason when it is aborted */
export async function* generateTokens(generation: TokenGeneration): AsyncGenerator<number, void, void> {
  const { prompt, length, temperature, generator, signal } = generation;
  if (length === 0) return;
  const stream = new Stream(generation);
  const turns = new TurnTaker();
  try {
    let prediction = stream.uniform();
    for (const token of prompt) {
      signal?.throwIfAborted();
      await turns.take();
      prediction = await stream.read(token);
    }
    for (let drawn = 1; ; drawn++) {
      signal?.throwIfAborted();
      if (generation.unknownToken !== undefined)
        prediction[generation.unknownToken] = Number.NEGATIVE_INFINITY;
      const uniform = temperature === 0 ? 0 : generator.nextUniform();
      const token = drawToken(prediction, uniform, temperature);
      yield token;
      if (drawn === length) return;
      await turns.take();
      prediction = await stream.read(token);
    }
  } finally {
    stream.release();
  }
}

/** One stream of the engine's `step`, with its state. */
class Stream {
  readonly #generation: TokenGeneration;
  readonly #states: readonly Tensor[];
  readonly #output: Tensor;
  readonly #slots = Int32Array.of(0);

  constructor(generation: TokenGeneration) {
    const { engine, weights, vocabularySize } = generation;
    this.#generation = generation;
    this.#states = recurrentModules(weights.layout).map((module) =>
      engine.tensor('float', [stateParts(module.cell), 1, module.hiddenSize]),
    );
    this.#output = engine.tensor('float', [1, vocabularySize]);
  }

  /** Reads a token; the log-probabilities [V] of the next one. */
  async read(token: number): Promise<FloatArray> {
    const { engine, weights } = this.#generation;
    engine.step({
      weights,
      states: this.#states,
      slots: this.#slots,
      tokens: Int32Array.of(token),
      output: this.#output,
      outputKind: 'logProbabilities',
    });
    return (await engine.read(this.#output)) as FloatArray;
  }

  /** The prediction before anything was read. */
  uniform(): FloatArray {
    return new Float64Array(this.#generation.vocabularySize);
  }

  release(): void {
    const { engine } = this.#generation;
    for (const state of this.#states) engine.release(state);
    engine.release(this.#output);
  }
}
