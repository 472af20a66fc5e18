/** The events of a run that take more than one line to make. */
import type { Splits } from '../data/batches.ts';
import { parameterCount } from '../engine/layout.ts';
import type { RunFiles } from '../formats/run-files.ts';
import { formatBytes, formatCount } from '../util/format-number.ts';
import type { FinishedEvent, IterationEvent, SkippedEvent, StartedEvent } from './events.ts';
import { momentCount } from './optimizer.ts';
import type { IterationFigures, TrainingRun } from './run.ts';
import { SKIPS_BORNE, type Skip } from './stability.ts';
import type { TrainerInput } from './trainer-input.ts';

export function startedEvent(
  run: TrainingRun,
  input: TrainerInput,
  splits: Splits,
  files: RunFiles | undefined,
): StartedEvent {
  const { corpus, options, engine } = input;
  return {
    type: 'started',
    runId: run.id,
    options,
    start: !input.start ? 'new' : input.start.training ? 'resumed' : 'weights',
    text: corpus.text,
    vocabularySize: corpus.vocabulary.size,
    batches: {
      train: splits.train.count,
      validation: splits.validation.count,
      test: splits.test.count,
    },
    tokens: corpus.tokens.length,
    parameters: parameterCount(run.network.layout),
    memory: memoryOf(run, input),
    freeMemory: input.freeMemory,
    engine: engine.description.text,
    iterations: run.schedule.last,
    writes: input.storage?.place,
    writesInstead: input.storage?.insteadOf,
    files,
  };
}

/** What Node takes beside data: code, and room to work. */
const PROGRAM_BYTES = 15e6;

/**
 * Bytes by which the run makes the process grow: the engine's, and copies of parameters and moments: for a save, and for the last
 * good state.
 */
function memoryOf(run: TrainingRun, { engine, options }: TrainerInput): number {
  const bytes = options.precision === 'float64' ? 8 : 4;
  const copy = parameterCount(run.network.layout) * (1 + momentCount(options.optimizer)) * bytes;
  const copies = copy * (run.canGoBack ? 2 : 1);
  return engine.bytesInUse + copies + PROGRAM_BYTES;
}

/** That the memory which is free will not do. */
export function memoryWarnings({ memory, freeMemory }: StartedEvent): { code: string; message: string }[] {
  if (freeMemory === undefined || memory <= freeMemory) return [];
  const message =
    `the run takes about ${formatBytes(memory)}, and ${formatBytes(freeMemory)} are free: it may become very slow or be killed. ` +
    'Close other programs, or try fewer hidden units, a smaller batch or a shorter sequence.';
  return [{ code: 'memory-short', message }];
}

export function skippedEvent({ iteration }: TrainingRun, { cause, inARow }: Skip): SkippedEvent {
  return { type: 'skipped', iteration, cause, inARow, borne: SKIPS_BORNE };
}

export function iterationEvent(
  { updated: _, ...figures }: IterationFigures,
  milliseconds: number,
): IterationEvent {
  return { type: 'iteration', ...figures, milliseconds };
}

export async function finishedEvent(
  run: TrainingRun,
  reason: FinishedEvent['reason'],
  path: string | undefined,
): Promise<FinishedEvent> {
  const { iteration, epoch } = run;
  return { type: 'finished', reason, iteration, epoch, checkpoint: await run.checkpoint(), path };
}

/** Why nothing is trained in a run that has reached its end. */
export function overMessage({ iteration, schedule }: TrainingRun): string {
  return (
    `the run has reached its end, iteration ${formatCount(iteration)} of ${formatCount(schedule.last)}: nothing was trained. ` +
    'To go further: a larger -max_epochs or --max_iterations; both are totals.'
  );
}

export function earlyMessage({ validationLosses }: TrainingRun): string {
  return (
    `--early_stop: ${formatCount(validationLosses.sinceLowest)} evaluations in a row were no better than the best. ` +
    'The checkpoint with the lowest validation loss in its name is the one to use.'
  );
}
