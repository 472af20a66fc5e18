import { beginRow, NORMALIZE, REDUCE, THREADS } from './reduce.ts';

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

${beginRow('rows')}${NORMALIZE}
  for (var v = thread; v < V; v += ${THREADS}u) { output[first + v] = logits[first + v] - normalizer; }
}
`;
