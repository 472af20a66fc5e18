/** The precision to read weights in, whatever type another tool has stored them in. */
import type { Precision } from '../engine/engine.ts';
import { isFloat, type StoredType } from './number-types.ts';

/**
 * @param types Of all weights in the file.
 * @param precision That of the model when it was written.
 * @returns the precision, and where the types are others a notice for people
 */
export function storedPrecision(
  types: Iterable<StoredType>,
  precision: Precision,
): { precision: Precision; notice?: string } {
  const different = [...new Set(types)];
  const names = different.map(({ name }) => name);
  // A type that is no float is an error of its tensor.
  if (names.every((name) => name === precision) || !different.every(isFloat)) return { precision };
  const wanted = names.includes('float64') ? 'float64' : 'float32';
  return {
    precision: wanted,
    notice: `its weights are stored as ${names.join(' and ')}, the model was ${precision}; read as ${wanted}`,
  };
}
