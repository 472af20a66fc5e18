/** Reductions over the threads of a workgroup, in a fixed order, for shaders in which a workgroup takes a row of logits. */

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
