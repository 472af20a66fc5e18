/**
 * The temperature T at which some predictions have the lowest loss (Guo et al. 2017, "On calibration of modern neural networks").
 *
 * With β = 1/T, the logits z and the actual symbol y, a prediction's loss is log Σ exp(β·z) − β·z_y. Its first derivative with respect to β is
 * E[z] − z_y, and its second Var[z], where z is distributed as the model predicts at β. So the loss is convex in β, and Newton's method finds
 * the minimum.
 *
 * Dimension letters: N predictions, V vocabulary.
 */
import type { FloatArray } from '../engine/engine.ts';

/** The range in which a temperature is fitted. */
export const FITTED_TEMPERATURES = { minimum: 0.1, maximum: 10 } as const;

/** Newton's method needs fewer than ten steps, halving the range on a logarithmic scale about thirty. */
const MAX_STEPS = 100;
/** Relative precision of β. */
const PRECISION = 1e-8;
/** Number of logits processed between two yields. */
const CHUNK = 1 << 16;

export interface Predictions {
  /** [N, V] */
  readonly logits: FloatArray;
  /** [N]: the actual symbols. */
  readonly targets: Int32Array;
  readonly vocabularySize: number;
}

/** The sums of losses, in nats, and of their derivatives with respect to β. */
interface LossAt {
  nats: number;
  slope: number;
  curvature: number;
}

/**
 * The best temperature, rounded to four significant digits. If the loss is lowest outside the range of `FITTED_TEMPERATURES`, the end of the
 * range; if no temperature makes a difference, 1.
 *
 * Rounding changes β by less than 0.05%, and so the loss by less than ½·Var[β·z]·(5e-4)² nats per symbol: less than 1e-6, unless the variance
 * is above 8.
 *
 * Yields after every few thousand logits, so that the caller can pause.
 */
export async function* bestTemperature(predictions: Predictions): AsyncGenerator<void, number, void> {
  let [low, high] = [1 / FITTED_TEMPERATURES.maximum, 1 / FITTED_TEMPERATURES.minimum];
  let beta = 1;
  for (let step = 0; step < MAX_STEPS; step++) {
    const { slope, curvature } = yield* lossAt(predictions, beta);
    if (slope === 0) break;
    if (slope > 0) high = beta;
    else low = beta;
    const newton = beta - slope / curvature;
    const next = newton > low && newton < high ? newton : Math.sqrt(low * high);
    const isClose = Math.abs(next - beta) <= PRECISION * beta;
    beta = next;
    if (isClose) break;
  }
  return Number((1 / beta).toPrecision(4));
}

/** The sum of the losses at a temperature, in nats. Yields like `bestTemperature`. */
export async function* natsAt(
  predictions: Predictions,
  temperature: number,
): AsyncGenerator<void, number, void> {
  return (yield* lossAt(predictions, 1 / temperature)).nats;
}

async function* lossAt(
  { logits, targets, vocabularySize: V }: Predictions,
  beta: number,
): AsyncGenerator<void, LossAt, void> {
  const sums = { nats: 0, slope: 0, curvature: 0 };
  const chunk = Math.max(1, Math.floor(CHUNK / V));
  for (let start = 0; start < targets.length; start += chunk) {
    const end = Math.min(targets.length, start + chunk);
    for (let n = start; n < end; n++) addLoss(sums, logits, n * V, V, targets[n] as number, beta);
    yield;
  }
  return sums;
}

/** Adds the loss of the prediction whose logits are at an offset. */
function addLoss(sums: LossAt, logits: FloatArray, at: number, V: number, target: number, beta: number) {
  let top = Number.NEGATIVE_INFINITY;
  for (let v = at; v < at + V; v++) top = Math.max(top, logits[v] as number);
  // Logits are counted from the largest, so that no exponential overflows and the variance keeps its digits.
  let [total, first, second] = [0, 0, 0];
  for (let v = at; v < at + V; v++) {
    const z = (logits[v] as number) - top;
    const weight = Math.exp(beta * z);
    total += weight;
    first += weight * z;
    second += weight * z * z;
  }
  const mean = first / total;
  const own = (logits[at + target] as number) - top;
  sums.nats += Math.log(total) - beta * own;
  sums.slope += mean - own;
  sums.curvature += second / total - mean * mean;
}
