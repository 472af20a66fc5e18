/**
 * output[row] = logits[row] − log Σ exp(logits[row]), in nats. A workgroup takes a row.
 *
 * Buffers: logits [N, V]; output [N, V]. Numbers: N, V.
 */
export const LOG_SOFTMAX = /* wgsl */ `
struct Params { rows: u32, vocabulary: u32 }
@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;

var<workgroup> parts: array<f32, 64>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let V = p.vocabulary;
  let row = group.y * groups.x + group.x;
  if (row >= p.rows) { return; }
  let first = row * V;
  var largest = -3.4e38;
  for (var v = thread; v < V; v += 64u) { largest = max(largest, logits[first + v]); }
  parts[thread] = largest;
  workgroupBarrier();
  for (var i = 0u; i < 64u; i++) { largest = max(largest, parts[i]); }
  workgroupBarrier();
  var sum = 0.0;
  for (var v = thread; v < V; v += 64u) { sum += exp_(logits[first + v] - largest); }
  parts[thread] = sum;
  workgroupBarrier();
  var total = 0.0;
  for (var i = 0u; i < 64u; i++) { total += parts[i]; }
  let normalizer = largest + log(total);
  for (var v = thread; v < V; v += 64u) { output[first + v] = logits[first + v] - normalizer; }
}
`;
