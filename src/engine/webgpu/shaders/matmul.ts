/**
 * C = op(A) · op(B) (+ biases) for matrices of any size. One shader computes all products that are not part of a time step.
 *
 * A workgroup computes a tile of 64 × 64 elements, a thread 4 × 4 of them. Each element has one sum, which runs over k in ascending order.
 * So its bits depend neither on the other rows of A nor on their number.
 *
 * One dimension may be that of a layer's gates. Tensors of gates are interleaved, [T, B, H, components], and parameters are stacked, [gate
 * · H + unit]. The index of that dimension is unit · gates + gate here, and every access converts it.
 */

/** The gates of a product. */
export interface ProductGates {
  /** The dimension of the product: m in A and C; n in B and C; k in A and B. */
  readonly dimension: 'm' | 'n' | 'k';
  /** The component of each gate in a tensor of gates. */
  readonly components: readonly number[];
  /** Components per unit in a tensor of gates: 4, or 1 for a cell with one gate. */
  readonly width: 1 | 4;
}

export interface MatmulOptions {
  /** Whether A is stored as [K, M] instead of [M, K]. */
  readonly transposeA?: boolean;
  /** Whether B is stored as [N, K] instead of [K, N]. */
  readonly transposeB?: boolean;
  /** Bias vectors to add: none, one or two. Default: 0. */
  readonly biases?: 0 | 1 | 2;
  /** Cuts k into this many pieces; each has its own C, and `sumSlices` adds them. Default: 1. */
  readonly slices?: number;
  readonly gates?: ProductGates | undefined;
}

/** Rows and columns of a tile. */
export const MATMUL_TILE = 64;

/** The parameters of a matmul, in the order of its uniform block. Offsets and strides are in elements. */
export interface MatmulSizes {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Offsets of the first elements. Default: 0. */
  readonly offsetA?: number;
  readonly offsetB?: number;
  readonly offsetC?: number;
  /** From a stored row to the next. */
  readonly rowA: number;
  readonly rowB: number;
  readonly rowC: number;
  /** Hidden units of a layer; only for a product with gates. */
  readonly units?: number;
  /** Offsets of the bias vectors. The second is added to the first `secondBiases` rows of the stacked parameters only. */
  readonly bias?: number;
  readonly bias2?: number;
  readonly secondBiases?: number;
  /** The first row and column of tiles of a dispatch: a long product takes several. Default: 0. */
  readonly tileRow?: number;
  readonly tileColumn?: number;
}

/** Numbers of the uniform block. */
export function matmulNumbers(sizes: MatmulSizes): number[] {
  const { m, n, k, offsetA = 0, offsetB = 0, offsetC = 0, rowA, rowB, rowC } = sizes;
  const { units = 0, bias = 0, bias2 = 0, secondBiases = 0, tileRow = 0, tileColumn = 0 } = sizes;
  return [
    ...[m, n, k, offsetA, offsetB, offsetC, rowA, rowB, rowC],
    ...[units, bias, bias2, secondBiases, tileRow, tileColumn],
  ];
}

/** WGSL of the component that holds a gate. */
export function componentOf(components: readonly number[]): string {
  const [first = 0] = components;
  const last = components.at(-1) as number;
  const skipped = last - first - (components.length - 1);
  if (components.length === 1) return `${first}u`;
  const skip = skipped === 0 ? '' : ` + select(0u, ${skipped}u, gate == ${components.length - 1}u)`;
  return `gate + ${first}u${skip}`;
}

/** The source. Buffers: A, B, C and, with biases, the vector that has them. */
export function matmul(options: MatmulOptions): string {
  const { transposeA = false, transposeB = false, biases = 0, slices = 1, gates } = options;
  const gated = (dimension: ProductGates['dimension'], index: string, place: 'stored' | 'stacked') =>
    gates?.dimension === dimension ? `${place}(${index})` : index;
  const placeA = transposeA
    ? `k * p.rowA + ${gated('m', 'm', 'stored')}`
    : `m * p.rowA + ${gated('k', 'k', 'stored')}`;
  const placeB = transposeB
    ? `${gated('n', 'n', 'stacked')} * p.rowB + k`
    : `${gated('k', 'k', 'stacked')} * p.rowB + n`;
  const placeC = `${gated('m', 'm', 'stacked')} * p.rowC + ${gated('n', 'n', 'stored')}`;
  const first = biases > 0 ? 'value += biases[p.bias + bias];' : '';
  const second = biases > 1 ? 'if (bias < p.secondBiases) { value += biases[p.bias2 + bias]; }' : '';
  return /* wgsl */ `
struct Params {
  m: u32, n: u32, k: u32,
  offsetA: u32, offsetB: u32, offsetC: u32,
  rowA: u32, rowB: u32, rowC: u32,
  units: u32, bias: u32, bias2: u32, secondBiases: u32, tileRow: u32, tileColumn: u32,
}
@group(0) @binding(0) var<storage, read> A: array<f32>;
@group(0) @binding(1) var<storage, read> B: array<f32>;
@group(0) @binding(2) var<storage, read_write> C: array<f32>;
${biases > 0 ? '@group(0) @binding(3) var<storage, read> biases: array<f32>;' : ''}
@group(1) @binding(0) var<uniform> p: Params;

const TILE = ${MATMUL_TILE}u;
const DEPTH = 16u;
const GATES = ${gates?.components.length ?? 1}u;
// Rows of the tiles are one vec4 longer than needed, against bank conflicts.
var<workgroup> tileA: array<vec4<f32>, 16u * 17u>;
var<workgroup> tileB: array<vec4<f32>, 16u * 17u>;

fn component(gate: u32) -> u32 { return ${componentOf(gates?.components ?? [0])}; }
// The place of a gate in a row of a tensor of gates, and in stacked parameters.
fn stored(i: u32) -> u32 { return (i / GATES) * ${gates?.width ?? 1}u + component(i % GATES); }
fn stacked(i: u32) -> u32 { return (i % GATES) * p.units + i / GATES; }

fn loadA(m: u32, k: u32) -> f32 {
  if (m >= p.m || k >= p.k) { return 0.0; }
  return A[p.offsetA + ${placeA}];
}
fn loadB(k: u32, n: u32) -> f32 {
  if (k >= p.k || n >= p.n) { return 0.0; }
  return B[p.offsetB + ${placeB}];
}

fn store(m: u32, column: u32, slice: u32, values: vec4<f32>) {
  if (m >= p.m) { return; }
  for (var j = 0u; j < 4u; j++) {
    let n = column + j;
    if (n >= p.n) { break; }
    var value = values[j];
    ${biases > 0 ? `let bias = ${gated('n', 'n', 'stacked')};` : ''}
    ${first}
    ${second}
    C[p.offsetC + slice * p.m * p.n + ${placeC}] = value;
  }
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let firstM = (p.tileRow + group.y) * TILE;
  let firstN = (p.tileColumn + group.x) * TILE;
  let row = thread / 16u;
  let column = thread % 16u;
  // Neighbouring threads load neighbouring elements.
  let kA = ${transposeA ? 'row' : 'column'};
  let quadA = ${transposeA ? 'column' : 'row'};
  let kB = ${transposeB ? 'column' : 'row'};
  let quadB = ${transposeB ? 'row' : 'column'};
  let m = firstM + quadA * 4u;
  let n = firstN + quadB * 4u;

  var sum0 = vec4<f32>();
  var sum1 = vec4<f32>();
  var sum2 = vec4<f32>();
  var sum3 = vec4<f32>();
  let blocks = (p.k + DEPTH - 1u) / DEPTH;
  let perSlice = (blocks + ${slices - 1}u) / ${slices}u;
  let end = min(blocks, (group.z + 1u) * perSlice);
  for (var block = group.z * perSlice; block < end; block++) {
    let a = block * DEPTH + kA;
    let b = block * DEPTH + kB;
    tileA[kA * 17u + quadA] = vec4(loadA(m, a), loadA(m + 1u, a), loadA(m + 2u, a), loadA(m + 3u, a));
    tileB[kB * 17u + quadB] = vec4(loadB(b, n), loadB(b, n + 1u), loadB(b, n + 2u), loadB(b, n + 3u));
    workgroupBarrier();
    for (var k = 0u; k < DEPTH; k++) {
      let left = tileA[k * 17u + row];
      let right = tileB[k * 17u + column];
      sum0 = fma(vec4(left.x), right, sum0);
      sum1 = fma(vec4(left.y), right, sum1);
      sum2 = fma(vec4(left.z), right, sum2);
      sum3 = fma(vec4(left.w), right, sum3);
    }
    workgroupBarrier();
  }
  let storedRow = firstM + row * 4u;
  let storedColumn = firstN + column * 4u;
  store(storedRow, storedColumn, group.z, sum0);
  store(storedRow + 1u, storedColumn, group.z, sum1);
  store(storedRow + 2u, storedColumn, group.z, sum2);
  store(storedRow + 3u, storedColumn, group.z, sum3);
}
`;
}

/** C[i] = the sum of all slices of a sliced product, in their order. Buffers: the slices; C. Numbers: size, slices, offset of C. */
export const SUM_SLICES = /* wgsl */ `
struct Params { size: u32, slices: u32, offset: u32 }
@group(0) @binding(0) var<storage, read> slices: array<f32>;
@group(0) @binding(1) var<storage, read_write> into: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = id.y * groups.x * 256u + id.x;
  if (i >= p.size) { return; }
  var sum = 0.0;
  for (var slice = 0u; slice < p.slices; slice++) { sum += slices[slice * p.size + i]; }
  into[p.offset + i] = sum;
}
`;
