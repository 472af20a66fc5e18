/** Shaders that compute each element by itself: fills, copies, dropout, averages. */
import { EACH } from './threads.ts';

/** Sets all elements to 32 bits. Numbers: size, bits. */
export const FILL = /* wgsl */ `
struct Params { size: u32, bits: u32 }
@group(0) @binding(0) var<storage, read_write> into: array<u32>;
@group(1) @binding(0) var<uniform> p: Params;
${EACH}
  into[i] = p.bits;
}
`;

/** Copies the elements. Numbers: size. */
export const COPY = /* wgsl */ `
struct Params { size: u32 }
@group(0) @binding(0) var<storage, read> values: array<u32>;
@group(0) @binding(1) var<storage, read_write> into: array<u32>;
@group(1) @binding(0) var<uniform> p: Params;
${EACH}
  into[i] = values[i];
}
`;

/** Copies the elements if the report says that the update was not applied. Numbers: size, index of that figure. */
export const COPY_UNLESS_APPLIED = /* wgsl */ `
struct Params { size: u32, applied: u32 }
@group(0) @binding(0) var<storage, read> report: array<f32>;
@group(0) @binding(1) var<storage, read> values: array<u32>;
@group(0) @binding(2) var<storage, read_write> into: array<u32>;
@group(1) @binding(0) var<uniform> p: Params;
${EACH}
  if (report[p.applied] == 0.0) { into[i] = values[i]; }
}
`;

/**
 * Copies slots of a state [S, slots, H], by way of a list of rows [S, N, H]. `gather` reads slots into the list, `scatter` writes them. Buffers:
 * slots [N]; values; into. Numbers: size S·N·H, N, H, slots of the state.
 */
export function copySlots(direction: 'gather' | 'scatter'): string {
  const [from, to] = direction === 'gather' ? ['inState', 'i'] : ['i', 'inState'];
  return /* wgsl */ `
struct Params { size: u32, count: u32, units: u32, slots: u32 }
@group(0) @binding(0) var<storage, read> slots: array<i32>;
@group(0) @binding(1) var<storage, read> values: array<f32>;
@group(0) @binding(2) var<storage, read_write> into: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;
${EACH}
  let unit = i % p.units;
  let row = i / p.units % p.count;
  let part = i / p.units / p.count;
  let inState = (part * p.slots + u32(slots[row])) * p.units + unit;
  into[${to}] = values[${from}];
}
`;
}

/** into += (values − into) · weight. Numbers: size, weight. */
export const AVERAGE = /* wgsl */ `
struct Params { size: u32, weight: f32 }
@group(0) @binding(0) var<storage, read> values: array<f32>;
@group(0) @binding(1) var<storage, read_write> into: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;
${EACH}
  into[i] += (values[i] - into[i]) * p.weight;
}
`;

/**
 * Dropout on a matrix [rows, columns] in a vector. Numbers: size, columns, offset, key, threshold, scale, 1 if whole inputs are dropped, 1 if the
 * rows are the inputs.
 */
export const DROP_WEIGHTS = /* wgsl */ `
struct Params {
  size: u32, columns: u32, offset: u32, key: u32, threshold: u32, scale: f32, byInput: u32, isTable: u32,
}
@group(0) @binding(0) var<storage, read_write> vector: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;
${EACH}
  let row = i / p.columns;
  let column = i % p.columns;
  let input = select(column, row, p.isTable != 0u);
  let output = select(row, column, p.isTable != 0u);
  let position = mix_(mix_(p.key ^ select(output, 0u, p.byInput != 0u)));
  let at = p.offset + i;
  vector[at] = select(0.0, vector[at] * p.scale, mix_(position + input) >= p.threshold);
}
`;

/** The vectors of tokens. Buffers: weights; tokens; output [positions, D]. Numbers: size, D, offset of the table. */
export const EMBED = /* wgsl */ `
struct Params { size: u32, width: u32, table: u32 }
@group(0) @binding(0) var<storage, read> weights: array<f32>;
@group(0) @binding(1) var<storage, read> tokens: array<i32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;
${EACH}
  output[i] = weights[p.table + u32(tokens[i / p.width]) * p.width + i % p.width];
}
`;
