/** The option `hold`: units that keep a value while a text is written. */
import * as z from 'zod/mini';
import { cellFacts } from '../engine/cells.ts';
import type { HeldUnit } from '../engine/engine.ts';
import { OptionError } from '../errors.ts';
import type { ModelConfig } from '../model/config.ts';
import { hasUnit, parseUnitName } from '../model/unit-names.ts';
import { option } from '../util/option-info.ts';

/** A unit to hold. Layers and units are numbered from 1. */
const heldUnitSchema = z.strictObject({
  layer: z.number(),
  unit: z.number(),
  /** Default: h. */
  part: z.optional(z.enum(['h', 'c'])),
  value: z.number(),
});

/** Options that every schema of sampling options includes. */
export const holdOptions = {
  hold: option(z._default(z.union([z.string(), z.array(z.union([z.string(), heldUnitSchema]))]), ''), {
    flag: 'hold',
    group: 'Sampling',
    help: 'hold units at values: 2.108=0.9 holds unit 108 of layer 2',
    value: 'UNIT=VALUE',
    several: true,
    expected: 'units with a value each, such as 2.108=0.9, or 2.108.c=-2 for part c',
  }),
};

interface GivenUnit extends Omit<z.output<typeof heldUnitSchema>, 'part'> {
  readonly part?: string | undefined;
}

export type HoldOption = z.output<(typeof holdOptions)['hold']>;

/** Far beyond any value of h, which is from -1 to 1, and any useful value of c. */
const MAX_VALUE = 1000;

/**
 * The units to hold, as engines number them; undefined if there are none.
 *
 * @throws {OptionError} for a layer, a unit or a part that the model does not have, for a value out of range, and for a unit that is held twice
 */
export function resolveHold(config: ModelConfig, hold: HoldOption): readonly HeldUnit[] | undefined {
  const entries = typeof hold === 'string' ? [hold] : hold;
  const units = entries.flatMap((entry): readonly GivenUnit[] =>
    typeof entry === 'string' ? parseEntries(entry) : [entry],
  );
  if (units.length === 0) return undefined;
  const { layers, hiddenSize, cell } = config;
  const parts: readonly string[] = [...cellFacts(cell).state].reverse();
  const seen = new Set<string>();
  return units.map(({ layer, unit, part = 'h', value }) => {
    if (!hasUnit(config, { layer, unit }))
      throw new OptionError(
        'hold',
        `got unit ${layer}.${unit}, expected one from 1.1 to ${layers}.${hiddenSize}`,
      );
    if (!parts.includes(part))
      throw new OptionError(
        'hold',
        `got ${part} of unit ${layer}.${unit}, expected ${parts.join(' or ')}, the parts of the ${cell} state`,
      );
    if (!(Math.abs(value) <= MAX_VALUE))
      throw new OptionError(
        'hold',
        `got ${value} for unit ${layer}.${unit}, expected a number from -${MAX_VALUE} to ${MAX_VALUE}`,
      );
    const name = `${layer}.${unit}.${part}`;
    if (seen.has(name)) throw new OptionError('hold', `${part} of unit ${layer}.${unit} is held twice`);
    seen.add(name);
    return { layer: layer - 1, unit: unit - 1, part: part as HeldUnit['part'], value };
  });
}

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

/** Units and values in a text: `2.108=0.9,1.3.c=-2`. */
function parseEntries(text: string): GivenUnit[] {
  if (text.trim() === '') return [];
  return text.split(',').map((entry) => {
    const [name = '', value = '', ...more] = entry.trim().split('=');
    const unit = parseUnitName(name.trim());
    if (!unit || more.length > 0 || !NUMBER.test(value.trim()))
      throw new OptionError('hold', `got ${JSON.stringify(entry)}, expected ${EXPECTED_ENTRY}`);
    return { ...unit, value: Number(value) };
  });
}

const EXPECTED_ENTRY = 'LAYER.UNIT=VALUE, such as 2.108=0.9, or LAYER.UNIT.c=VALUE';
