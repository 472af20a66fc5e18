/** Our predictions at every place of a text, to compare with other programs. */
import assert from 'node:assert/strict';
import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts';
import { stateParts } from '../../src/engine/cells.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { recurrentModules } from '../../src/engine/layout.ts';
import { ReferenceEngine } from '../../src/engine/reference/reference-engine.ts';
import { layoutOf } from '../../src/model/config.ts';

/** log p of the next token after each token, [T, V], from the zero state. */
export async function logProbabilities(
  { config, precision, parameters }: Checkpoint,
  tokens: readonly number[],
  engine: Engine = new ReferenceEngine(precision),
): Promise<number[]> {
  const layout = layoutOf(config);
  const weights = engine.vector(layout);
  engine.write(weights, parameters);
  const states = recurrentModules(layout).map((module) =>
    engine.tensor('float', [stateParts(module.cell), 1, module.hiddenSize]),
  );
  const output = engine.tensor('float', [1, config.vocabularySize]);
  const all: number[] = [];
  for (const token of tokens) {
    const stream = { slots: Int32Array.of(0), tokens: Int32Array.of(token) };
    engine.step({ weights, states, ...stream, output });
    all.push(...(await engine.read(output)));
  }
  return all;
}

/** The largest |Δ| / max(1, |log p|). */
export function largestError(actual: ArrayLike<number>, expected: readonly number[]): number {
  assert.equal(actual.length, expected.length);
  const errors = expected.map((value, index) => {
    const error = Math.abs((actual[index] as number) - value);
    return Number.isFinite(error) ? error / Math.max(1, Math.abs(value)) : Number.POSITIVE_INFINITY;
  });
  return Math.max(...errors);
}
