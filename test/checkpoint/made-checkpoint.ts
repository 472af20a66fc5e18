/** Checkpoints for tests, filled with random numbers. */

import type { TrainedCheckpoint } from '../../src/checkpoint/checkpoint.ts';
import { Vocabulary } from '../../src/data/vocabulary.ts';
import { type Cell, stateParts } from '../../src/engine/cells.ts';
import type { FloatArray, Precision } from '../../src/engine/engine.ts';
import { parameterCount } from '../../src/engine/layout.ts';
import { layoutOf, type ModelConfig } from '../../src/model/config.ts';
import { MersenneTwister } from '../../src/util/mersenne-twister.ts';

interface Made {
  readonly cell?: Cell;
  readonly reset?: ModelConfig['reset'];
  readonly embeddingSize?: number | undefined;
  readonly layers?: number;
  readonly hiddenSize?: number;
  readonly precision?: Precision;
  readonly moments?: number;
  readonly vocabulary?: Vocabulary;
  readonly runId?: string;
  readonly iteration?: number;
}

/** Symbols of one byte, of several bytes, and above U+FFFF. */
export const someCharacters = new Vocabulary({
  kind: 'character',
  normalize: 'nfc',
  symbols: ['\n', 'a', '\u00e9', '\u20ac', '\u{1F600}'],
  hasUnknown: true,
});

export function madeCheckpoint({
  cell = 'lstm',
  reset = 'before',
  embeddingSize,
  layers = 2,
  hiddenSize = 3,
  precision = 'float32',
  moments = 1,
  vocabulary = someCharacters,
  runId = 'run',
  iteration = 7,
}: Made = {}): TrainedCheckpoint {
  const random = new MersenneTwister(iteration);
  const numbers = (length: number): FloatArray => {
    const array = precision === 'float64' ? new Float64Array(length) : new Float32Array(length);
    return array.map(() => random.nextUniform() - 0.5);
  };
  const config: ModelConfig = {
    cell,
    ...(cell === 'gru' && { reset }),
    layers,
    hiddenSize,
    ...(embeddingSize !== undefined && { embeddingSize }),
    vocabularySize: vocabulary.size,
  };
  const size = parameterCount(layoutOf(config));
  const position = (at: number) => ({
    iteration: at,
    learningRate: 0.002,
    moments: Array.from({ length: moments }, () => numbers(size)),
    optimizerSteps: at,
    carriedState: Array.from({ length: layers }, () => numbers(stateParts(cell) * 4 * hiddenSize)),
  });
  return {
    config,
    regularization: { dropout: 0.25, dropoutMask: 'sequence', weightDrop: 0.5, tokenDropout: 0.125 },
    precision,
    vocabulary,
    parameters: numbers(size),
    meanSquare: numbers(size).map((value) => value ** 2) as FloatArray,
    training: {
      ...position(iteration),
      average: { since: 2, weights: numbers(size) },
      runId,
      epoch: 0.7,
      options: { batchSize: 4, seed: 123, saveName: 'lstm', average: 'ema' },
      stability: {
        skips: 1,
        retries: 2,
        good: { ...position(0), average: { since: 0, weights: numbers(size) }, parameters: numbers(size) },
      },
      batchSize: 4,
      cursor: 5,
      generator: random.save(),
      trainLosses: { iterations: Int32Array.of(1, 2), values: Float64Array.of(4.2, 3.9) },
      validationLosses: { iterations: Int32Array.of(2), values: Float64Array.of(3.8) },
      text: { bytes: 100, sha256: 'ab'.repeat(32) },
    },
  };
}

/** Joins the parts of a file. */
export function joined(parts: Iterable<Uint8Array>): Uint8Array {
  return new Uint8Array(Buffer.concat([...parts]));
}
