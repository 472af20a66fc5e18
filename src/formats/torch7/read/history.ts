/** The options and losses of a Torch7 program's run. */
import type { LossRecord } from '../../../checkpoint/checkpoint.ts';
import { FACTS_OPTION } from '../stored-facts.ts';
import { Table, type Value } from '../values.ts';

/** Limits, because options are stored in a checkpoint's metadata, which must stay small. */
const MAX_OPTIONS = 200;
const MAX_TEXT = 4096;

/** The options whose values are numbers, booleans or strings. */
export function optionsOf(value: Value): Record<string, unknown> {
  if (!(value instanceof Table)) return {};
  const options = value.keys.flatMap((key, index): [string, unknown][] => {
    const option = value.values[index];
    if (typeof key !== 'string' || key === FACTS_OPTION) return [];
    if (typeof option === 'string') return [[readable(key), readable(option)]];
    return typeof option === 'number' || typeof option === 'boolean' ? [[readable(key), option]] : [];
  });
  return Object.fromEntries(options.slice(0, MAX_OPTIONS));
}

/** Losses by iteration. @param iterations The iterations, if they are in a separate list. */
export function lossesOf(losses: Value, iterations?: Value): LossRecord {
  const pairs: [number, number][] = [];
  if (losses instanceof Table) {
    losses.keys.forEach((key, index) => {
      const iteration = iterations instanceof Table ? iterations.get(key) : key;
      const loss = losses.values[index];
      if (typeof loss === 'number' && isIteration(iteration)) pairs.push([iteration, loss]);
    });
  }
  pairs.sort(([a], [b]) => a - b);
  return {
    iterations: Int32Array.from(pairs, ([iteration]) => iteration),
    values: Float64Array.from(pairs, ([, loss]) => loss),
  };
}

function isIteration(value: Value): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 2 ** 31;
}

/** Decodes bytes as UTF-8. */
function readable(bytes: string): string {
  const shown = bytes.slice(0, MAX_TEXT);
  return new TextDecoder().decode(Uint8Array.from(shown, (byte) => byte.charCodeAt(0)));
}
