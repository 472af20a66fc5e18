/** Clipping, norms and updates over the flat vector of all parameters. */
import { checkUpdate } from '../checks.ts';
import { type FloatArray, UPDATE_REPORT, type Update, type Vector } from '../engine.ts';
import { parameterSlices } from '../layout.ts';
import type { UpdateRule, UpdateRuleKind } from '../update-rules.ts';
import { floatsOf, floatVectorOf, intsOf } from './handles.ts';

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

/** Clips, then applies an update rule, if the gradient and the loss are finite. */
export function update(call: Update) {
  checkUpdate(call);
  const weights = floatVectorOf(call.weights).data;
  const gradient = floatVectorOf(call.gradient).data;
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
    const moments = call.moments.map((moment) => floatVectorOf(moment).data);
    const { rule, learningRate, weightDecay = 0 } = call;
    if (weightDecay > 0) decay(call.weights, 1 - learningRate * weightDecay);
    applyRule(rule, { weights, gradient, moments, learningRate, steps: steps[0] as number });
  }
  report[UPDATE_REPORT.gradientNorm] = norm(gradient);
  report[UPDATE_REPORT.weightNorm] = norm(weights);
}

/** Multiplies the weights of all matrices by a factor. Biases do not change. */
function decay(vector: Vector, factor: number) {
  const { data } = floatVectorOf(vector);
  for (const { shape, offset, size } of parameterSlices(vector.layout)) {
    if (shape.length < 2) continue;
    for (let i = offset; i < offset + size; i++) data[i] = data[i]! * factor;
  }
}

/** The input of a rule. */
interface RuleInput {
  readonly weights: FloatArray;
  /** After clipping. */
  readonly gradient: FloatArray;
  readonly moments: readonly FloatArray[];
  readonly learningRate: number;
  /** Updates made, including this one. */
  readonly steps: number;
}

/** The rules; `update-rules.ts` has their equations. */
const APPLY: { readonly [K in UpdateRuleKind]: (rule: UpdateRule<K>, input: RuleInput) => void } = {
  rmsprop({ alpha, epsilon }, { weights, gradient, moments, learningRate }) {
    const [mean] = moments as [FloatArray];
    for (let i = 0; i < weights.length; i++) {
      const g = gradient[i]!;
      mean[i] = alpha * mean[i]! + (1 - alpha) * g * g;
      weights[i] = weights[i]! - (learningRate * g) / (Math.sqrt(mean[i]!) + epsilon);
    }
  },

  adam({ beta1, beta2, epsilon }, { weights, gradient, moments, learningRate, steps }) {
    const [first, second] = moments as [FloatArray, FloatArray];
    const correction1 = 1 - beta1 ** steps;
    const correction2 = 1 - beta2 ** steps;
    for (let i = 0; i < weights.length; i++) {
      const g = gradient[i]!;
      first[i] = beta1 * first[i]! + (1 - beta1) * g;
      second[i] = beta2 * second[i]! + (1 - beta2) * g * g;
      const step = first[i]! / correction1 / (Math.sqrt(second[i]! / correction2) + epsilon);
      weights[i] = weights[i]! - learningRate * step;
    }
  },
};

function applyRule<K extends UpdateRuleKind>(rule: UpdateRule<K>, input: RuleInput) {
  APPLY[rule.kind](rule, input);
}
