import { REDUCE, THREADS } from './reduce.ts';

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

${REDUCE}

@compute @workgroup_size(${THREADS})
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let V = p.vocabulary;
  let row = group.y * groups.x + group.x;
  if (row >= p.rows) { return; }
  let first = row * V;
  var own = -3.4e38;
  for (var v = thread; v < V; v += ${THREADS}u) { own = max(own, logits[first + v]); }
  let largest = largestOf(thread, own);
  var part = 0.0;
  for (var v = thread; v < V; v += ${THREADS}u) { part += exp_(logits[first + v] - largest); }
  let normalizer = largest + log(totalOf(thread, part));
  for (var v = thread; v < V; v += ${THREADS}u) { output[first + v] = logits[first + v] - normalizer; }
}
`;
