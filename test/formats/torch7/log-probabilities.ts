/** What a checkpoint's model computes while it reads a text. */
import type { FloatArray, Precision } from '../../../src/engine/engine.ts';
import { recurrentModules, stateParts } from '../../../src/engine/layout.ts';
import { ReferenceEngine } from '../../../src/engine/reference/reference-engine.ts';
import type { Checkpoint } from '../../../src/formats/checkpoint.ts';
import { layoutOf } from '../../../src/model/config.ts';

/** The log-probabilities after each character of a text, [T][V] by our tokens, from the zero state. */
export async function logProbabilities(
  { config, vocabulary, parameters }: Checkpoint,
  text: string,
  precision: Precision,
): Promise<FloatArray[]> {
  const engine = new ReferenceEngine(precision);
  const layout = layoutOf(config);
  const weights = engine.vector(layout);
  engine.write(weights, parameters);
  const states = recurrentModules(layout).map((module) =>
    engine.tensor('float', [stateParts(module.cell), 1, module.hiddenSize]),
  );
  const output = engine.tensor('float', [1, vocabulary.size]);
  const rows: FloatArray[] = [];
  for (const character of text) {
    const tokens = Int32Array.of(vocabulary.tokenOf(character) as number);
    engine.step({ weights, states, slots: Int32Array.of(0), tokens, output, outputKind: 'logProbabilities' });
    rows.push((await engine.read(output)) as FloatArray);
  }
  return rows;
}

/** The largest |Δ| / max(1, |log p|), with the columns of `expected` in the order of the symbols given. */
export function largestError(
  { vocabulary }: Checkpoint,
  rows: readonly FloatArray[],
  expected: readonly (readonly number[])[],
  symbols: readonly string[],
): number {
  let largest = 0;
  for (const [row, values] of expected.entries()) {
    for (const [column, value] of values.entries()) {
      const got = rows[row]?.[vocabulary.tokenOf(symbols[column] as string) as number] as number;
      const error = Math.abs(got - value) / Math.max(1, Math.abs(value));
      // A NaN is greater than nothing.
      if (!(error <= largest)) largest = error;
    }
  }
  return largest;
}
