/** Clipping, norms and updates over the flat vector of all parameters. */
import { checkUpdate } from '../checks.ts';
import { type FloatArray, UPDATE_REPORT, type Update } from '../engine.ts';
import { floatsOf, intsOf, vectorOf } from './handles.ts';

/** ‖values‖₂. */
function norm(values: FloatArray): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! * values[i]!;
  return Math.sqrt(sum);
}

/** Scales down to `limits.norm`, then clamps every element to ± `limits.element`. */
function clip(
  values: FloatArray,
  limits: { readonly norm?: number | undefined; readonly element?: number | undefined },
) {
  if (limits.norm !== undefined) {
    const length = norm(values);
    if (length > limits.norm) {
      const factor = limits.norm / length;
      for (let i = 0; i < values.length; i++) values[i] = values[i]! * factor;
    }
  }
  const bound = limits.element;
  if (bound !== undefined) {
    for (let i = 0; i < values.length; i++) values[i] = Math.min(bound, Math.max(-bound, values[i]!));
  }
}

/** One step of RMSProp or Adam, made only if the gradient and the loss are finite. */
export function update(call: Update) {
  checkUpdate(call);
  const weights = vectorOf(call.weights).data;
  const gradient = vectorOf(call.gradient).data;
  const report = floatsOf(call.report);

  const raw = norm(gradient);
  const loss = call.loss ? (floatsOf(call.loss)[0] as number) : 0;
  const steps = intsOf(call.steps);
  const applied = Number.isFinite(raw) && Number.isFinite(loss);
  report[UPDATE_REPORT.rawGradientNorm] = raw;
  report[UPDATE_REPORT.applied] = applied ? 1 : 0;
  report[UPDATE_REPORT.loss] = loss;
  if (applied) {
    steps[0] = (steps[0] as number) + 1;
    clip(gradient, { norm: call.clipNorm, element: call.clipElement });
    const moments = call.moments.map((moment) => vectorOf(moment).data);
    applyRule(call, steps[0] as number, weights, gradient, moments);
  }
  report[UPDATE_REPORT.gradientNorm] = norm(gradient);
  report[UPDATE_REPORT.weightNorm] = norm(weights);
}

/** @param steps Updates made, this one included. */
function applyRule(
  { rule, learningRate }: Update,
  steps: number,
  weights: FloatArray,
  gradient: FloatArray,
  moments: readonly FloatArray[],
) {
  const first = moments[0] as FloatArray;
  if (rule.kind === 'rmsprop') {
    for (let i = 0; i < weights.length; i++) {
      const g = gradient[i]!;
      first[i] = rule.alpha * first[i]! + (1 - rule.alpha) * g * g;
      weights[i] = weights[i]! - (learningRate * g) / (Math.sqrt(first[i]!) + rule.epsilon);
    }
    return;
  }
  const second = moments[1] as FloatArray;
  const correction1 = 1 - rule.beta1 ** steps;
  const correction2 = 1 - rule.beta2 ** steps;
  for (let i = 0; i < weights.length; i++) {
    const g = gradient[i]!;
    first[i] = rule.beta1 * first[i]! + (1 - rule.beta1) * g;
    second[i] = rule.beta2 * second[i]! + (1 - rule.beta2) * g * g;
    const step = first[i]! / correction1 / (Math.sqrt(second[i]! / correction2) + rule.epsilon);
    weights[i] = weights[i]! - learningRate * step;
  }
}
