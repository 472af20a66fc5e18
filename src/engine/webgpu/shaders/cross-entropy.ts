/** Softmax and cross entropy, a workgroup for each position. */
import { beginRow, NORMALIZE, REDUCE, THREADS } from './reduce.ts';

/** What a call computes besides the losses. */
export interface CrossEntropyOptions {
  readonly hasWeights: boolean;
  readonly hasLogProbabilities: boolean;
  /** `in place`: the gradient replaces the logits. */
  readonly gradient: 'none' | 'separate' | 'in place';
}

/**
 * Buffers: logits; targets; losses, from element `first` on; then, if the call has them, position weights, log-probabilities, gradient. Numbers:
 * positions, V, first, scale of the gradient.
 */
export function crossEntropy({ hasWeights, hasLogProbabilities, gradient }: CrossEntropyOptions): string {
  const isInPlace = gradient === 'in place';
  const target = isInPlace ? 'logits' : 'gradient';
  const bindings = [
    `var<storage, ${isInPlace ? 'read_write' : 'read'}> logits: array<f32>`,
    'var<storage, read> targets: array<i32>',
    'var<storage, read_write> losses: array<f32>',
    ...(hasWeights ? ['var<storage, read> weights: array<f32>'] : []),
    ...(hasLogProbabilities ? ['var<storage, read_write> logProbabilities: array<f32>'] : []),
    ...(gradient === 'separate' ? ['var<storage, read_write> gradient: array<f32>'] : []),
  ];
  const outputs = [
    ...(hasLogProbabilities ? ['logProbabilities[first + v] = logits[first + v] - normalizer;'] : []),
    ...(gradient === 'none'
      ? []
      : [
          `${target}[first + v] = scale * (exp_(logits[first + v] - largest) / sum - select(0.0, 1.0, v == wanted));`,
        ]),
  ];
  return /* wgsl */ `
struct Params { positions: u32, vocabulary: u32, first: u32, scale: f32 }
${bindings.map((binding, index) => `@group(0) @binding(${index}) ${binding};`).join('\n')}
@group(1) @binding(0) var<uniform> p: Params;
${REDUCE}
${beginRow('positions')}${NORMALIZE}
  let wanted = u32(targets[row]);
  if (thread == 0u) { losses[p.first + row] = normalizer - logits[first + wanted]; }
  // The gradient may replace the logits: all threads have read the wanted one by then.
  storageBarrier();
  workgroupBarrier();
  let scale = p.scale${hasWeights ? ' * weights[row]' : ''};
  for (var v = thread; v < V; v += ${THREADS}u) {
    ${outputs.join('\n    ')}
  }
}
`;
}

const SUM_THREADS = 256;

/**
 * The weighted sum of losses; a weight of zero also hides a loss that is not finite. One workgroup. Buffers: losses, from `first` on; total [≥ 1];
 * then position weights, if there are any. Numbers: positions, first.
 */
export function sumLosses(hasWeights: boolean, isSameBuffer: boolean): string {
  const losses = isSameBuffer ? 'total' : 'losses';
  const bindings = [
    ...(isSameBuffer ? [] : ['var<storage, read> losses: array<f32>']),
    'var<storage, read_write> total: array<f32>',
    ...(hasWeights ? ['var<storage, read> weights: array<f32>'] : []),
  ];
  const add = hasWeights
    ? `if (weights[i] != 0.0) { sum += weights[i] * ${losses}[p.first + i]; }`
    : `sum += ${losses}[p.first + i];`;
  return /* wgsl */ `
struct Params { positions: u32, first: u32 }
${bindings.map((binding, index) => `@group(0) @binding(${index}) ${binding};`).join('\n')}
@group(1) @binding(0) var<uniform> p: Params;
var<workgroup> parts: array<f32, ${SUM_THREADS}>;

@compute @workgroup_size(${SUM_THREADS})
fn main(@builtin(local_invocation_index) thread: u32) {
  var sum = 0.0;
  for (var i = thread; i < p.positions; i += ${SUM_THREADS}u) { ${add} }
  parts[thread] = sum;
  workgroupBarrier();
  for (var half = ${SUM_THREADS / 2}u; half > 0u; half /= 2u) {
    if (thread < half) { parts[thread] += parts[thread + half]; }
    workgroupBarrier();
  }
  if (thread == 0u) { total[0] = parts[0]; }
}
`;
}
