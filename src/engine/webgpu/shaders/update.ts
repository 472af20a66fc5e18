/** Shaders of an optimizer's update: norms, the decision whether to make it, and the update rules (`engine/update-rules.ts`). */
import { UPDATE_REPORT } from '../../engine.ts';
import type { UpdateRuleKind } from '../../update-rules.ts';
import { INDEX } from './threads.ts';

/** Threads and workgroups of a sum of squares. Its order depends on these alone. */
const SUM_THREADS = 256;
export const SUM_GROUPS = 64;

/** Numbers that `DECIDE` passes to the later shaders: the factor of the gradient, 1 if the update is made, 1 − β₁ᵗ and 1 − β₂ᵗ. */
export const DECISION_LENGTH = 4;

/** The sum of this workgroup's `value`s, in a fixed order. */
const TOTAL = /* wgsl */ `
var<workgroup> parts: array<f32, ${SUM_THREADS}>;
fn totalOf(thread: u32, value: f32) -> f32 {
  parts[thread] = value;
  workgroupBarrier();
  for (var half = ${SUM_THREADS / 2}u; half > 0u; half /= 2u) {
    if (thread < half) { parts[thread] += parts[thread + half]; }
    workgroupBarrier();
  }
  let total = parts[0];
  workgroupBarrier();
  return total;
}`;

/** Partial sums of squares. Buffers: values; sums [SUM_GROUPS]. Numbers: size. */
export const SQUARES = /* wgsl */ `
struct Params { size: u32 }
@group(0) @binding(0) var<storage, read> values: array<f32>;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;
${TOTAL}
@compute @workgroup_size(${SUM_THREADS})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  var sum = 0.0;
  for (var i = group.x * ${SUM_THREADS}u + thread; i < p.size; i += ${SUM_GROUPS * SUM_THREADS}u) {
    sum += values[i] * values[i];
  }
  let total = totalOf(thread, sum);
  if (thread == 0u) { sums[group.x] = total; }
}
`;

/**
 * Decides whether the update is made: if the norm of the gradient and the loss are finite. A norm whose square overflows float32, about 1.8e19,
 * counts as not finite.
 *
 * 1 − βᵗ is computed from 1 − β by doublings, without the cancellation of 1 − pow(β, t). Buffers: sums of squares; loss; steps; report;
 * decision. Numbers: 1 if there is a loss, largest norm (0: none), 1 − β₁, 1 − β₂.
 */
export const DECIDE = /* wgsl */ `
struct Params { hasLoss: u32, clipNorm: f32, away1: f32, away2: f32 }
@group(0) @binding(0) var<storage, read> sums: array<f32>;
@group(0) @binding(1) var<storage, read> loss: array<f32>;
@group(0) @binding(2) var<storage, read_write> steps: array<i32>;
@group(0) @binding(3) var<storage, read_write> report: array<f32>;
@group(0) @binding(4) var<storage, read_write> decision: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;

fn correction(away: f32, count: u32) -> f32 {
  var result = 0.0;
  for (var bit = 0u; bit < 32u; bit++) {
    result = result * (2.0 - result);
    if (((count >> (31u - bit)) & 1u) != 0u) { result = result + away * (1.0 - result); }
  }
  return result;
}

@compute @workgroup_size(1)
fn main() {
  var sum = 0.0;
  for (var i = 0u; i < ${SUM_GROUPS}u; i++) { sum += sums[i]; }
  let norm = sqrt(sum);
  var isFine = isFinite_(sum);
  report[${UPDATE_REPORT.loss}] = 0.0;
  if (p.hasLoss != 0u) {
    isFine = isFine && isFinite_(loss[0]);
    report[${UPDATE_REPORT.loss}] = loss[0];
  }
  report[${UPDATE_REPORT.rawGradientNorm}] = norm;
  report[${UPDATE_REPORT.applied}] = select(0.0, 1.0, isFine);
  if (isFine) { steps[0] += 1; }
  decision[0] = select(1.0, p.clipNorm / norm, p.clipNorm > 0.0 && norm > p.clipNorm);
  decision[1] = select(0.0, 1.0, isFine);
  decision[2] = correction(p.away1, u32(steps[0]));
  decision[3] = correction(p.away2, u32(steps[0]));
}
`;

const RULES: Readonly<Record<UpdateRuleKind, { readonly moments: number; readonly statements: string }>> = {
  rmsprop: {
    moments: 1,
    statements: /* wgsl */ `
  let mean = p.decay1 * moment0[i] + p.away1 * g * g;
  moment0[i] = mean;
  weights[i] = weight - p.rate * g / (sqrt(mean) + p.epsilon);`,
  },
  adam: {
    moments: 2,
    statements: /* wgsl */ `
  let mean = p.decay1 * moment0[i] + p.away1 * g;
  let square = p.decay2 * moment1[i] + p.away2 * g * g;
  moment0[i] = mean;
  moment1[i] = square;
  weights[i] = weight - p.rate * (mean / decision[2]) / (sqrt(square / decision[3]) + p.epsilon);`,
  },
};

/**
 * Clips the gradient, then applies a rule, if the update is made. With weight decay, the weights outside of biases first shrink.
 *
 * Buffers: decision; biases, pairs of first and last + 1; weights; gradient; moments. Numbers: size, pairs of biases, rate, factor of weight
 * decay, largest element (0: none), α or β₁, 1 − that, β₂, 1 − that, ε.
 */
export function applyRule(kind: UpdateRuleKind): string {
  const { moments, statements } = RULES[kind];
  const declared = Array.from(
    { length: moments },
    (_, index) => `@group(0) @binding(${4 + index}) var<storage, read_write> moment${index}: array<f32>;`,
  );
  return /* wgsl */ `
struct Params {
  size: u32, biases: u32, rate: f32, shrink: f32, clip: f32,
  decay1: f32, away1: f32, decay2: f32, away2: f32, epsilon: f32,
}
@group(0) @binding(0) var<storage, read> decision: array<f32>;
@group(0) @binding(1) var<storage, read> biases: array<u32>;
@group(0) @binding(2) var<storage, read_write> weights: array<f32>;
@group(0) @binding(3) var<storage, read_write> gradient: array<f32>;
${declared.join('\n')}
@group(1) @binding(0) var<uniform> p: Params;

fn isBias(i: u32) -> bool {
  for (var pair = 0u; pair < p.biases; pair++) {
    if (i >= biases[2u * pair] && i < biases[2u * pair + 1u]) { return true; }
  }
  return false;
}

${INDEX}
  if (i >= p.size || decision[1] == 0.0) { return; }
  var g = gradient[i] * decision[0];
  if (p.clip > 0.0) { g = clamp(g, -p.clip, p.clip); }
  gradient[i] = g;
  var weight = weights[i];
  if (p.shrink != 1.0 && !isBias(i)) { weight *= p.shrink; }
${statements}
}
`;
}

/** Writes a norm to a report. Buffers: sums of squares; report. Numbers: index in the report. */
export const REPORT_NORM = /* wgsl */ `
struct Params { index: u32 }
@group(0) @binding(0) var<storage, read> sums: array<f32>;
@group(0) @binding(1) var<storage, read_write> report: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;

@compute @workgroup_size(1)
fn main() {
  var sum = 0.0;
  for (var i = 0u; i < ${SUM_GROUPS}u; i++) { sum += sums[i]; }
  report[p.index] = sqrt(sum);
}
`;
