/** `char-rnn eval --unit`: prints a text coloured by the values of a unit. */
import pc from 'picocolors';
import { UsageError } from '../../errors.ts';
import { partsOf, type UnitPart } from '../../inspect/unit-states.ts';
import type { ModelConfig } from '../../model/config.ts';
import { hasUnit, parseUnitName } from '../../model/unit-names.ts';
import { paintByUnit, unitLegend } from '../report/unit-colors.ts';
import { withProgress } from '../terminal/progress-line.ts';
import { inspectedText, withModel } from './inspected-text.ts';
import { findModelFile } from './model-file.ts';
import type { ScoredModelOptions } from './scored-model.ts';

export interface UnitFlags extends ScoredModelOptions {
  readonly encoding?: string | undefined;
  readonly field?: string | undefined;
  readonly json: boolean;
}

interface UnitChoice {
  readonly layer: number;
  readonly unit: number;
  readonly part: UnitPart;
}

/** @param name As typed: `2.57`, or `2.57.f` for another part than h. */
export async function evalUnit(given: string, path: string, name: string, flags: UnitFlags): Promise<number> {
  const { engine, threads, precision, json, ...reading } = flags;
  const file = await findModelFile(given);
  return withModel(file, { engine, threads, precision }, async (model, { output, signal }) => {
    const { layer, unit, part } = parseUnit(name, model.config);
    const text = await inspectedText(model, path, reading);
    const states = await withProgress('reading', (onProgress) =>
      model.states(text.content, {
        ...{ layers: [layer], parts: [part], signal },
        onProgress: (fraction) => onProgress(fraction, 1),
      }),
    );
    const values = states.column(layer, unit, part);
    if (json) {
      const facts = { text: text.name, layer, unit, part, symbols: states.symbols, values: [...values] };
      await output.write(`${JSON.stringify(facts, undefined, 2)}\n`);
    } else {
      const colors = pc.createColors(pc.isColorSupported);
      const painted = paintByUnit(states.symbols, values, colors);
      await output.write(`${painted}\n\n${part} of unit ${layer}.${unit}: ${unitLegend(colors)}\n`);
    }
  });
}

/** @throws {UsageError} for a name that is not one of a unit of the model */
function parseUnit(name: string, config: ModelConfig): UnitChoice {
  const { layers, hiddenSize, cell } = config;
  const parts = partsOf(cell);
  const found = parseUnitName(name);
  const part = parts.find((known) => known === found?.part);
  if (!found || !hasUnit(config, found) || part === undefined) {
    throw new UsageError(
      `--unit: got "${name}", expected LAYER.UNIT from 1.1 to ${layers}.${hiddenSize}` +
        (parts.length > 1
          ? `, or with a part: ${layers}.${hiddenSize}.${parts.at(-1)} (${parts.join(', ')}).`
          : '.'),
      { remedies: [{ text: 'To list units that track something', command: ['inspect', 'cv', '--units'] }] },
    );
  }
  return { layer: found.layer, unit: found.unit, part };
}
