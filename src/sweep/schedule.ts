/**
 * Successive halving (Jamieson and Talwalkar 2016), synchronous: all trials train to the first rung, the best of them to the second, and so
 * on.
 *
 * Trials are promoted only when all trials of their rung have ended. So the result does not depend on the number of workers or on their
 * speed.
 */

export interface Halving {
  /** The number of rungs; 1 means no halving. */
  readonly rungs: number;
  /** One trial in `eta` continues to the next rung, which is `eta` times as long. */
  readonly eta: number;
}

/** The length of a run: what determines its rungs. */
export interface RunLength {
  /** Iterations of the whole run. */
  readonly iterations: number;
  /** Iterations between evaluations. Undefined: a number that suits the rungs. */
  readonly evaluateEvery: number | undefined;
  /** Whether the run evaluates after its last iteration, even if that is no multiple of `evaluateEvery`. */
  readonly evaluatesAtEnd: boolean;
}

export interface RunRungs {
  readonly evaluateEvery: number;
  /** The iteration at which each rung ends. The run evaluates there. */
  readonly rungs: readonly number[];
}

/** Iterations between the evaluations of a run without halving, if it is long enough. */
const EVALUATE_EVERY = 1000;

/**
 * The rungs of a run. Each ends with one of the run's own evaluations: another evaluation could change what a run does after an explosion.
 *
 * @returns undefined if the run is too short for so many rungs
 */
export function rungsOf(length: RunLength, { rungs: count, eta }: Halving): RunRungs | undefined {
  const { iterations, evaluatesAtEnd } = length;
  const first = Math.floor(iterations / eta ** (count - 1));
  const fitting = count > 1 ? first : Math.min(EVALUATE_EVERY, iterations);
  const evaluateEvery = length.evaluateEvery ?? Math.max(1, fitting);
  const atEvaluation = (iteration: number) => Math.floor(iteration / evaluateEvery) * evaluateEvery;
  const rungs = Array.from({ length: count }, (_, rung) => {
    const isLast = rung === count - 1;
    const end = iterations / eta ** (count - 1 - rung);
    return isLast && evaluatesAtEnd ? iterations : atEvaluation(end);
  });
  const isIncreasing = rungs.every((end, rung) => end > (rungs[rung - 1] ?? 0));
  return isIncreasing ? { evaluateEvery, rungs } : undefined;
}

/** What a trial has reached at the end of a rung. */
export interface RungResult {
  readonly trial: number;
  /** The lowest validation loss so far, in nats per token; undefined if the trial failed or exploded. */
  readonly loss: number | undefined;
}

/** The trials of a rung, best first: by loss, then by number. Those without a loss come last. */
export function ranked<Result extends RungResult>(results: readonly Result[]): Result[] {
  const lossOf = ({ loss }: RungResult) => loss ?? Number.POSITIVE_INFINITY;
  return [...results].sort((a, b) => {
    const [first, second] = [lossOf(a), lossOf(b)];
    return first < second ? -1 : first > second ? 1 : a.trial - b.trial;
  });
}

/** The training of a trial to the end of a rung. */
export interface RungJob extends RungResult {
  /** From 0. */
  readonly rung: number;
  /** Whether it waits or runs. */
  readonly isOpen: boolean;
}

/** A job that follows from the results of the rung below it. */
export type NextJob = Pick<RungJob, 'trial' | 'rung'>;

/**
 * The jobs that the results so far make possible: those of the first rung that is not complete.
 *
 * A rung is decided again if a failed trial of it is repeated. Then its decision is the same as without the failure, and so are those of the
 * rungs above it: trials that were promoted in place of the repeated ones keep their results, but are not compared any more.
 *
 * @param jobs All jobs of trials that are compared with each other.
 */
export function nextJobs(jobs: readonly RungJob[], { rungs, eta }: Halving): NextJob[] {
  let compared = new Set(jobs.map(({ trial }) => trial));
  for (let rung = 0; rung + 1 < rungs; rung++) {
    const own = jobs.filter((job) => job.rung === rung);
    if (own.some(({ isOpen }) => isOpen)) return [];
    const chosen = promoted(
      own.filter(({ trial }) => compared.has(trial)),
      eta,
    );
    const known = new Set(jobs.flatMap((job) => (job.rung === rung + 1 ? [job.trial] : [])));
    const missing = chosen.filter((trial) => !known.has(trial));
    if (missing.length > 0) return missing.map((trial) => ({ trial, rung: rung + 1 }));
    compared = new Set(chosen);
  }
  return [];
}

/** The numbers of the trials that continue to the next rung: one in `eta`, at least one, but none without a loss. */
export function promoted(results: readonly RungResult[], eta: number): number[] {
  const count = Math.max(1, Math.floor(results.length / eta));
  return ranked(results)
    .slice(0, count)
    .filter(({ loss }) => loss !== undefined)
    .map(({ trial }) => trial);
}
