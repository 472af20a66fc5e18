/** The parts of a running training. */
import type { TrainedCheckpoint } from '../../checkpoint/checkpoint.ts';
import type { Splits } from '../../data/batches/batches.ts';
import type { ModelConfig } from '../../model/config.ts';
import type { TrainingEvent } from '../events.ts';
import type { Skip } from '../recovery/divergence.ts';
import { StateCopy } from '../recovery/state-copy.ts';
import type { Saver } from '../saving/saver.ts';
import type { Baseline } from './baseline.ts';
import { IterationClock } from './iteration-clock.ts';
import { IterationQueue } from './iteration-queue.ts';
import { iterationEvent, skippedEvent } from './run-events.ts';
import type { IterationFigures, RunInput, TrainingRun } from './training-run.ts';

export interface Parts {
  readonly input: RunInput;
  readonly config: ModelConfig;
  readonly run: TrainingRun;
  readonly splits: Splits;
  readonly saver: Saver;
  readonly clock: IterationClock;
  readonly queue: IterationQueue;
  readonly baseline: Baseline;
  /** Undefined if the engine can't be lost. */
  readonly copy: StateCopy | undefined;
  /** The last iteration that was recorded, if its event is still to come: an evaluation comes before it. */
  unreported: ReportedIteration | undefined;
}

/** What is reported about an iteration. */
export interface ReportedIteration {
  readonly figures: IterationFigures;
  readonly milliseconds: number;
  readonly skip: Skip | undefined;
}

/** The parts that depend on the engine. @param copy The state that the run begins with, if it is a copy. */
export function partsOn(
  input: RunInput,
  run: TrainingRun,
  saver: Saver,
  begins: TrainedCheckpoint | undefined,
): Pick<Parts, 'input' | 'run' | 'queue' | 'copy' | 'clock' | 'unreported'> {
  const { canBeLost, depth: own } = input.engine.description;
  const depth = Math.min(own, input.maxInFlight ?? Number.POSITIVE_INFINITY);
  const isBoundary = (iteration: number) =>
    run.schedule.evaluatesAt(iteration) || saver.isDue(iteration) || run.mustDrainAfter(iteration);
  const copy = canBeLost && input.replaceEngine ? new StateCopy(run, begins) : undefined;
  const queue = new IterationQueue({ run, depth, isBoundary, copy });
  return { input, run, queue, copy, clock: new IterationClock(), unreported: undefined };
}

/** Reports an iteration, and whether its update was skipped. */
export function* reportIteration(
  parts: Parts,
  { figures, milliseconds, skip }: ReportedIteration,
): Generator<TrainingEvent, void, void> {
  parts.unreported = undefined;
  yield iterationEvent(figures, milliseconds);
  if (skip) yield skippedEvent(parts.run, skip);
}
