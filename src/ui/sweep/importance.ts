/**
 * How much each parameter of a sweep matters: the share of the variance of the trials' ranks that the parameter explains by itself.
 *
 * For numbers with at least three values, a parabola in the parameter's rank is fitted to the ranks of the losses, because many settings are
 * best in the middle of their range. For others, the means of the groups of equal values are. The share is the adjusted R², which is about 0
 * for a parameter that does not matter, whatever the number of groups. Shares of several parameters do not add up to 1.
 */
import { compare } from '../../util/compare.ts';
import type { SweepDetail, SweepParameter, SweepTrial } from '../protocol.ts';

/** Where the good values are; `none` if the parameter explains next to nothing. */
export type GoodValues = 'higher' | 'lower' | 'middle' | 'ends' | 'group' | 'none';

export interface Importance {
  readonly name: string;
  /** From 0 to 1. */
  readonly share: number;
  readonly good: GoodValues;
  /** For `group`: the value whose trials have the best mean rank. */
  readonly bestValue: string | undefined;
}

export interface Importances {
  /** The trials that were compared. */
  readonly trials: number;
  /** The most important first. */
  readonly parameters: readonly Importance[];
}

/** With fewer trials, the shares are mostly chance. */
export const FEW_TRIALS = 10;
/** Below this share, the result does not say which values are good. */
const NEXT_TO_NOTHING = 0.05;

/**
 * Compares the trials at the end of a rung, all after the same part of their training. Exploded trials come last; failed ones are left out.
 *
 * @param rung From 0.
 */
export function importances({ trials, parameters }: SweepDetail, rung: number): Importances {
  const compared = trials.flatMap((trial) => {
    const outcome = outcomeAt(trial, rung);
    return outcome === undefined ? [] : [{ trial, outcome }];
  });
  const worse = centred(ranksOf(compared.map(({ outcome }) => outcome)));
  const own = parameters.map((parameter) => {
    const values = compared.map(({ trial }) => trial.parameters[parameter.name]);
    return importanceOf(parameter, values, worse);
  });
  return { trials: compared.length, parameters: own.sort((a, b) => b.share - a.share) };
}

/** The loss at the end of a rung; Infinity if the trial exploded before; undefined if it was not there. */
export function outcomeAt({ jobs }: SweepTrial, rung: number): number | undefined {
  const job = jobs[rung];
  if (job?.state === 'exploded') return Number.POSITIVE_INFINITY;
  return job?.loss ?? undefined;
}

function importanceOf(
  { name, isNumber }: SweepParameter,
  values: readonly unknown[],
  worse: readonly number[],
): Importance {
  const groups = new Set(values);
  if (!isNumber || groups.size < 3) return ofGroups(name, values, worse);
  const rank = centred(ranksOf(values.map(Number)));
  const bend = without(centred(rank.map((value) => value * value)), rank);
  const [slope, curvature] = [explained(rank, worse), explained(bend, worse)];
  const share = adjusted(slope + curvature, worse.length, 2);
  const isBent = curvature > slope;
  const sign = product(isBent ? bend : rank, worse);
  const good: GoodValues = isBent ? (sign > 0 ? 'middle' : 'ends') : sign > 0 ? 'lower' : 'higher';
  return { name, share, good: share < NEXT_TO_NOTHING ? 'none' : good, bestValue: undefined };
}

function ofGroups(name: string, values: readonly unknown[], worse: readonly number[]): Importance {
  const groups = new Map<unknown, { sum: number; count: number }>();
  for (const [at, value] of values.entries()) {
    const group = groups.get(value) ?? { sum: 0, count: 0 };
    group.sum += worse[at] as number;
    group.count++;
    groups.set(value, group);
  }
  const between = [...groups.values()].reduce((total, { sum, count }) => total + (sum * sum) / count, 0);
  const all = product(worse, worse);
  const share = adjusted(all > 0 ? between / all : 0, worse.length, groups.size - 1);
  const [best] = [...groups].sort(([, a], [, b]) => a.sum / a.count - b.sum / b.count);
  const isTelling = share >= NEXT_TO_NOTHING && best !== undefined;
  return {
    ...{ name, share },
    good: isTelling ? 'group' : 'none',
    bestValue: isTelling ? String(best[0]) : undefined,
  };
}

/** R², adjusted for the number of fitted coefficients; 0 with too few trials for them. */
function adjusted(share: number, trials: number, coefficients: number): number {
  const rest = trials - 1 - coefficients;
  if (rest <= 0) return 0;
  return Math.min(1, Math.max(0, 1 - ((1 - share) * (trials - 1)) / rest));
}

/** The share of the variance of `b` that `a` explains. Both have mean 0. */
function explained(a: readonly number[], b: readonly number[]): number {
  const both = product(a, a) * product(b, b);
  return both > 0 ? product(a, b) ** 2 / both : 0;
}

/** The part of `a` that is orthogonal to `b`. */
function without(a: readonly number[], b: readonly number[]): number[] {
  const size = product(b, b);
  const factor = size > 0 ? product(a, b) / size : 0;
  return a.map((value, at) => value - factor * (b[at] as number));
}

function product(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, at) => sum + value * (b[at] as number), 0);
}

function centred(values: readonly number[]): number[] {
  const mean = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  return values.map((value) => value - mean);
}

/** Ranks from 1. Equal values share the mean of their ranks. */
export function ranksOf(values: readonly number[]): number[] {
  const order = values.map((_, at) => at).sort((a, b) => compare(values[a] as number, values[b] as number));
  const ranks = new Array<number>(values.length);
  for (let first = 0; first < order.length; ) {
    let last = first;
    while (last + 1 < order.length && values[order[last + 1] as number] === values[order[first] as number])
      last++;
    for (let at = first; at <= last; at++) ranks[order[at] as number] = (first + last) / 2 + 1;
    first = last + 1;
  }
  return ranks;
}
