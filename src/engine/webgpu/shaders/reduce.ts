/** Parts of shaders in which a workgroup takes a row of V numbers, such as logits. Reductions over its threads are in a fixed order. */

export const THREADS = 64;

/** `largestOf` and `totalOf`: each thread gives a value, and gets the result. */
export const REDUCE = /* wgsl */ `
var<workgroup> parts: array<f32, ${THREADS}>;
fn largestOf(thread: u32, value: f32) -> f32 {
  parts[thread] = value;
  workgroupBarrier();
  var largest = parts[0];
  for (var i = 1u; i < ${THREADS}u; i++) { largest = max(largest, parts[i]); }
  workgroupBarrier();
  return largest;
}
fn totalOf(thread: u32, value: f32) -> f32 {
  parts[thread] = value;
  workgroupBarrier();
  var total = 0.0;
  for (var i = 0u; i < ${THREADS}u; i++) { total += parts[i]; }
  workgroupBarrier();
  return total;
}`;

/**
 * The beginning of `main`: the workgroup's `row`, the index `first` of its first number, and V.
 *
 * @param rows The number of rows, in the shader's numbers `p`. They include `vocabulary`.
 */
export const beginRow = (rows: 'rows' | 'positions'): string => /* wgsl */ `
@compute @workgroup_size(${THREADS})
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let V = p.vocabulary;
  let row = group.y * groups.x + group.x;
  if (row >= p.${rows}) { return; }
  let first = row * V;`;

/** Computes `normalizer`, the logarithm of the sum of exp over the row of `logits`, by way of the `largest` and the `sum` of exp(logit − largest). */
export const NORMALIZE = /* wgsl */ `
  var own = -3.4e38;
  for (var v = thread; v < V; v += ${THREADS}u) { own = max(own, logits[first + v]); }
  let largest = largestOf(thread, own);
  var part = 0.0;
  for (var v = thread; v < V; v += ${THREADS}u) { part += exp_(logits[first + v] - largest); }
  let sum = totalOf(thread, part);
  let normalizer = largest + log(sum);`;
