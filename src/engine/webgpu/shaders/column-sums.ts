/** Sums of columns, for the gradients of biases. */

/** Slices of the rows of `COLUMN_SUMS`. */
export const COLUMN_SLICES = 16;
/** Columns of a workgroup of `COLUMN_SUMS`. */
export const COLUMNS_OF_GROUP = 32;

/**
 * sums[slice, column] = Σ of values[row, column] over a slice of the rows. Buffers: values; sums. Numbers: rows, columns. Workgroups:
 * columns / 32, slices.
 */
export const COLUMN_SUMS = /* wgsl */ `
struct Params { rows: u32, columns: u32 }
@group(0) @binding(0) var<storage, read> values: array<f32>;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;

var<workgroup> parts: array<f32, 256>;

@compute @workgroup_size(32, 8)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) id: vec3<u32>) {
  let column = group.x * ${COLUMNS_OF_GROUP}u + id.x;
  let perSlice = (p.rows + ${COLUMN_SLICES - 1}u) / ${COLUMN_SLICES}u;
  let end = min(p.rows, (group.y + 1u) * perSlice);
  var sum = 0.0;
  if (column < p.columns) {
    for (var row = group.y * perSlice + id.y; row < end; row += 8u) { sum += values[row * p.columns + column]; }
  }
  parts[id.y * 32u + id.x] = sum;
  workgroupBarrier();
  if (id.y > 0u || column >= p.columns) { return; }
  var total = 0.0;
  for (var s = 0u; s < 8u; s++) { total += parts[s * 32u + id.x]; }
  sums[group.y * p.columns + column] = total;
}
`;
