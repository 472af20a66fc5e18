/** Units that `step`, `readTokens` and `generate` hold at a value: their checks and their order. */
import { cellFacts } from './cells.ts';
import type { HeldUnit } from './engine.ts';
import { type Layout, recurrentModules } from './layout.ts';

/**
 * The units of a call in the order in which engines set them: those whose c is held come first, because a held c also determines h.
 *
 * @throws {RangeError} for a layer, a part or a unit that the network does not have, for a value that is not finite in float32, and for a
 *   part of a unit that is held twice
 */
export function heldUnits(hold: readonly HeldUnit[] | undefined, layout: Layout): readonly HeldUnit[] {
  if (!hold || hold.length === 0) return [];
  const modules = recurrentModules(layout);
  const seen = new Set<string>();
  for (const { layer, part, unit, value } of hold) {
    const module = modules[layer];
    if (!module) throw new RangeError(`hold: got layer ${layer}, expected one below ${modules.length}`);
    const { state } = cellFacts(module.cell);
    if (!(state as readonly string[]).includes(part))
      throw new RangeError(`hold: got part ${part}, expected ${state.join(' or ')}, as ${module.cell} has`);
    if (!Number.isInteger(unit) || unit < 0 || unit >= module.hiddenSize)
      throw new RangeError(
        `hold: got unit ${unit} of layer ${layer}, expected one below ${module.hiddenSize}`,
      );
    if (!Number.isFinite(Math.fround(value)))
      throw new RangeError(`hold: got value ${value}, expected a finite number`);
    const place = `${layer}.${unit}.${part}`;
    if (seen.has(place))
      throw new RangeError(`hold: ${part} of unit ${unit} of layer ${layer} is held twice`);
    seen.add(place);
  }
  return [...hold.filter(({ part }) => part === 'c'), ...hold.filter(({ part }) => part !== 'c')];
}

/** The units of one layer. */
export function heldIn(held: readonly HeldUnit[], layer: number): readonly HeldUnit[] {
  return held.length === 0 ? held : held.filter((unit) => unit.layer === layer);
}
