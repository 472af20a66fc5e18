/** Softmax and cross entropy, fused: loss = log Σ exp(logit) − logit[target]; gradient = p − one-hot. */
import { checkCrossEntropy } from '../checks.ts';
import type { CrossEntropy, FloatArray } from '../engine.ts';
import { floatsOf, intsOf } from './handles.ts';
import { checkedToken } from './recurrent.ts';

export function crossEntropy(call: CrossEntropy) {
  const { positions, vocabularySize: V } = checkCrossEntropy(call);
  const logits = floatsOf(call.logits);
  const targets = intsOf(call.targets);
  const weights = call.positionWeights && floatsOf(call.positionWeights);
  const losses = floatsOf(call.loss);
  const logProbabilities = call.logProbabilities && floatsOf(call.logProbabilities);
  const gradient = call.gradient && floatsOf(call.gradient);
  const scale = call.gradientScale ?? 1;

  let total = 0;
  for (let position = 0; position < positions; position++) {
    const at = position * V;
    const target = checkedToken(targets[position] as number, V);
    const weight = weights ? (weights[position] as number) : 1;
    const normalizer = logSumExp(logits, at, V);
    const loss = normalizer - (logits[at + target] as number);
    total += weight === 0 ? 0 : weight * loss;
    if (losses.length > 1) losses[1 + position] = loss;
    for (let v = at; v < at + V; v++) {
      const logProbability = logits[v]! - normalizer;
      if (logProbabilities) logProbabilities[v] = logProbability;
      if (gradient) gradient[v] = weight * scale * Math.exp(logProbability);
    }
    if (gradient) gradient[at + target] = gradient[at + target]! - weight * scale;
  }
  losses[0] = total;
}

/** log Σ exp of V numbers, computed after subtracting the largest. */
export function logSumExp(values: FloatArray, at: number, V: number): number {
  let maximum = Number.NEGATIVE_INFINITY;
  for (let v = at; v < at + V; v++) maximum = Math.max(maximum, values[v]!);
  let sum = 0;
  for (let v = at; v < at + V; v++) sum += Math.exp(values[v]! - maximum);
  return maximum + Math.log(sum);
}
