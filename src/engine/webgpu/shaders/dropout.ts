/** Dropout on activations. */
import { EACH } from './threads.ts';

/**
 * Dropout on steps of [T, B, units], from element `start` of the values on. Buffers: values; into; or only one, in place. Numbers: size, B,
 * units, start, number of the first step, key, threshold, scale, 1 for one mask per sequence.
 */
export function dropInputShader(place: 'copy' | 'in place'): string {
  const isInPlace = place === 'in place';
  return /* wgsl */ `
struct Params {
  size: u32, rows: u32, units: u32, start: u32, firstStep: u32, key: u32, threshold: u32, scale: f32, perSequence: u32,
}
${isInPlace ? '' : '@group(0) @binding(0) var<storage, read> values: array<f32>;'}
@group(0) @binding(${isInPlace ? 0 : 1}) var<storage, read_write> into: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;
${EACH}
  let unit = i % p.units;
  let row = i / p.units % p.rows;
  let step = select(p.firstStep + i / p.units / p.rows, 0u, p.perSequence != 0u);
  let position = mix_(mix_(p.key ^ row) + step);
  let value = ${isInPlace ? 'into[i]' : 'values[p.start + i]'};
  into[i] = select(0.0, value * p.scale, mix_(position + unit) >= p.threshold);
}
`;
}
