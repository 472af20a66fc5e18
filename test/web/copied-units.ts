/** A model with units that do the same. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parameterSlices } from '../../src/engine/layout.ts';
import { LanguageModel } from '../../src/index.ts';
import { layoutOf } from '../../src/model/config.ts';
import { root } from '../cli/command.ts';

/**
 * The example model with copies in its second layer: units 10 and 11 do what unit 57 does, unit 12 does the opposite, and unit 21 does what
 * unit 20 does.
 */
export function modelWithCopies(): LanguageModel {
  const model = LanguageModel.fromBytes(readFileSync(join(root, 'models', 'moby-dick.safetensors')));
  const { config, parameters } = model.checkpoint;
  const H = config.hiddenSize;
  const copies = [
    [57, 10],
    [57, 11],
    [57, 12],
    [20, 21],
  ] as const;
  for (const { module, name, offset, shape } of parameterSlices(layoutOf(config))) {
    if (module !== 1 || !/^(weight|bias)_/.test(name)) continue;
    const width = shape[1] ?? 1;
    for (const [from, to] of copies)
      for (const [gate, isCandidate] of [false, false, true].entries()) {
        const row = (unit: number) => offset + (gate * H + unit - 1) * width;
        const own = parameters.slice(row(from), row(from) + width);
        parameters.set(isCandidate && to === 12 ? own.map((value) => -value) : own, row(to));
      }
  }
  return model;
}
