/** Sums over the positions of each token: the gradients of embeddings and look-ups. */

/** Units of a workgroup. */
export const TOKEN_UNITS = 32;
/** Slices of a chunk of positions. */
const SLICES = 8;
const CHUNK = TOKEN_UNITS * SLICES;

/**
 * total[token, unit] = Σ values[position, unit] over the positions with the token. There are no atomic additions of floats, and their order
 * would be undefined. So each workgroup goes through all positions, and adds those of its token.
 *
 * A workgroup has one token and 32 units × 8 slices. Its threads first compare the tokens of a chunk of 256 positions, and most chunks of a
 * large vocabulary end there. Buffers: values [positions, units]; tokens [positions]; gradient. Numbers: positions, units, V, offset of the
 * table in the gradient, first token. Workgroups: units / 32, tokens.
 *
 * @param type Of the values.
 * @param store Statements that write `total` to the gradient.
 */
export function tokenSums(type: 'f32' | 'vec4<f32>', store: readonly string[]): string {
  return /* wgsl */ `
struct Params { positions: u32, units: u32, vocabulary: u32, table: u32, firstToken: u32 }
@group(0) @binding(0) var<storage, read> values: array<${type}>;
@group(0) @binding(1) var<storage, read> tokens: array<i32>;
@group(0) @binding(2) var<storage, read_write> gradient: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;

var<workgroup> isOwn: array<u32, ${CHUNK}>;
// The positions of this chunk with the token, and, in the other element, of the next chunk.
var<workgroup> counts: array<atomic<u32>, 2>;
var<workgroup> parts: array<${type}, ${CHUNK}>;

@compute @workgroup_size(${TOKEN_UNITS}, ${SLICES})
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_id) id: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let unit = group.x * ${TOKEN_UNITS}u + id.x;
  let token = p.firstToken + group.y;
  let chunks = (p.positions + ${CHUNK - 1}u) / ${CHUNK}u;
  let firstOfSlice = id.y * ${CHUNK / SLICES}u;
  var sum = ${type}();
  for (var chunk = 0u; chunk < chunks; chunk++) {
    let start = chunk * ${CHUNK}u;
    let own = start + thread < p.positions && u32(tokens[min(start + thread, p.positions - 1u)]) == token;
    isOwn[thread] = select(0u, 1u, own);
    if (own) { atomicAdd(&counts[chunk % 2u], 1u); }
    workgroupBarrier();
    if (unit < p.units && atomicLoad(&counts[chunk % 2u]) > 0u) {
      for (var i = firstOfSlice; i < firstOfSlice + ${CHUNK / SLICES}u; i++) {
        if (isOwn[i] == 1u) { sum += values[(start + i) * p.units + unit]; }
      }
    }
    if (thread == 0u) { atomicStore(&counts[(chunk + 1u) % 2u], 0u); }
    workgroupBarrier();
  }
  parts[thread] = sum;
  workgroupBarrier();
  if (id.y > 0u || unit >= p.units) { return; }
  var total = ${type}();
  for (var s = 0u; s < ${SLICES}u; s++) { total += parts[s * ${TOKEN_UNITS}u + id.x]; }
  ${store.join('\n  ')}
}
`;
}

/** The gradient of a table of vectors [V, units]: each position adds its gradients to the row of its token. Buffers and numbers: see `tokenSums`. */
export const EMBEDDING_GRADIENT = tokenSums('f32', ['gradient[p.table + token * p.units + unit] = total;']);
