/** Measures engines with the default model. */
import type { Engine } from '../../engine/engine.ts';
import type { EngineKindName } from '../../engine/names.ts';
import { makeEngine } from '../../engine/select.node.ts';
import type { AdapterFacts } from '../../engine/webgpu/device.ts';
import { CharRnnError } from '../../errors.ts';
import { checkTrainingOptions } from '../../train/options.ts';
import { measureSpeed } from '../../train/preset/measure-speed.ts';

/** The speed of an engine, or the reason why it can't run. */
export interface MeasuredEngine {
  readonly engine: EngineKindName;
  /** The number of the GPU, if there are several. */
  readonly gpu?: number;
  readonly description?: string;
  /** Median time of an iteration of the default model. */
  readonly milliseconds?: number;
  readonly charactersPerSecond?: number;
  readonly problem?: string;
}

/** Symbols of the measured model, which is the default one. */
const VOCABULARY = 65;

/**
 * @param seconds How long to measure, at least.
 * @param gpu The number of a GPU; for `webgpu` only.
 */
export async function measureEngine(
  name: EngineKindName,
  seconds: number,
  gpu?: number,
): Promise<MeasuredEngine> {
  let engine: Engine;
  try {
    ({ engine } = await makeEngine({ engine: name, gpu, precision: 'float32' }));
  } catch (error) {
    if (!(error instanceof CharRnnError)) throw error;
    return { engine: name, problem: error.problem };
  }
  const options = checkTrainingOptions({});
  const { batchSize, sequenceLength } = options;
  const charactersPerSecond = await measureSpeed(engine, options, VOCABULARY, {
    milliseconds: seconds * 1000,
  });
  const description = engine.description.text;
  await engine.close();
  const milliseconds = (batchSize * sequenceLength * 1000) / charactersPerSecond;
  return { engine: name, description, milliseconds, charactersPerSecond };
}

/** The adapters that this program uses, without those that can't be told apart from an earlier one. */
export function toMeasure(adapters: readonly AdapterFacts[]): AdapterFacts[] {
  return adapters.filter(({ number, twin }) => number !== undefined && twin === undefined);
}
