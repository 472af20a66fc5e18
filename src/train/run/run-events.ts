/** Makes the events of a run that need more than one line. */

import type { RunFiles } from '../../checkpoint/storage/run-files.ts';
import type { Splits } from '../../data/batches/batches.ts';
import { parameterCount } from '../../engine/layout.ts';
import { estimateCopies } from '../../model/memory.ts';
import { countModelBytes } from '../../score/count-model/count-model-loss.ts';
import { formatBytes, formatCount } from '../../util/format.ts';
import { VERSION } from '../../util/version.ts';
import {
  EVENTS_VERSION,
  type FinishedEvent,
  type IterationEvent,
  type NoticeEvent,
  type SkippedEvent,
  type StartedEvent,
} from '../events.ts';
import { memoryNeeds } from '../memory-needs.ts';
import { modelConfig, type TrainingOptions } from '../options.ts';
import { MAX_CONSECUTIVE_SKIPS, type Skip } from '../recovery/divergence.ts';
import type { IterationFigures, RunInput, TrainingRun } from './training-run.ts';

/** What the description of the engine says about the options' `compute`. */
const ROUNDINGS: Readonly<Record<TrainingOptions['compute'], string>> = {
  float32: '',
  bfloat16: ', products in bfloat16',
  'bfloat16-amx': ', products in bfloat16, summed as by AMX',
  float16: ', recurrent weights in float16',
};

export function startedEvent(
  run: TrainingRun,
  input: RunInput,
  splits: Splits,
  files: RunFiles | undefined,
): StartedEvent {
  const { corpus, options, origins = {}, engine } = input;
  return {
    type: 'started',
    formatVersion: EVENTS_VERSION,
    programVersion: VERSION,
    host: input.host,
    runId: run.id,
    options,
    origins: Object.fromEntries(Object.entries(origins).filter(([, origin]) => origin !== 'default')),
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
    ...memoryOf(run, input, splits),
    freeMemory: input.freeMemory,
    engine: engine.description.text + ROUNDINGS[options.compute],
    iteration: run.iteration,
    iterations: run.schedule.last,
    writes: input.storage?.place,
    writesInstead: input.storage?.insteadOf,
    files,
  };
}

/** Memory of Node for code and work, in addition to the data. */
const PROGRAM_BYTES = 15e6;

/**
 * Estimated bytes of memory that the run adds to the process: the engine's memory, unless it is a GPU's, and copies of parameters, their
 * average and moments for a save, for the last good state, and for an engine that can be lost; and the count model, until its loss is
 * known.
 */
function memoryOf(
  run: TrainingRun,
  { engine, options, corpus }: RunInput,
  { train, validation }: Splits,
): Pick<StartedEvent, 'memory' | 'gpuMemory'> {
  const needs = memoryNeeds(options, { saves: true, canBeLost: engine.description.canBeLost });
  const copies = estimateCopies(modelConfig(options, corpus.vocabulary.size), {
    ...needs,
    retries: run.canGoBack,
  });
  const trainTokens = train.count * train.batchSize * train.sequenceLength;
  const baseline = options.baseline && validation.count > 0 ? countModelBytes(trainTokens) : 0;
  const rest = copies + baseline + PROGRAM_BYTES;
  const { bytesInUse, description } = engine;
  return description.limits?.isOnDevice
    ? { memory: rest, gpuMemory: bytesInUse }
    : { memory: bytesInUse + rest };
}

/** Warns if the run needs more than the free memory. */
export function memoryWarnings({ memory, freeMemory }: StartedEvent): { code: string; message: string }[] {
  if (freeMemory === undefined || memory <= freeMemory) return [];
  const message =
    `the run needs about ${formatBytes(memory)}, but only ${formatBytes(freeMemory)} are free: it may become very slow or be killed. ` +
    'Close other programs, or try fewer hidden units, a smaller batch or a shorter sequence.';
  return [{ code: 'memory-short', message }];
}

export function skippedEvent({ iteration }: TrainingRun, { cause, consecutive }: Skip): SkippedEvent {
  return { type: 'skipped', iteration, cause, consecutive, limit: MAX_CONSECUTIVE_SKIPS };
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

/** The notice for a resumed run that has already ended, with a remedy that extends it; undefined if there is more to train. */
export function alreadyEndedNotice(
  run: TrainingRun,
  { earlyStop, maxEpochs, maxIterations }: TrainingOptions,
  isEarly: boolean,
): (NoticeEvent & { readonly reason: FinishedEvent['reason'] }) | undefined {
  const { iteration, schedule, validationLosses } = run;
  const { last, epochLength } = schedule;
  if (iteration >= last) {
    const end = `iteration ${formatCount(last)}`;
    const message =
      iteration === last
        ? `the run has reached its end, ${end}: nothing was trained.`
        : `the run is at iteration ${formatCount(iteration)}, beyond the requested end, ${end}: nothing was trained.`;
    const isByCount = last === maxIterations;
    // In batches of the current shape. In a run that once had another shape, the iterations do not measure the position in the text.
    const all = maxEpochs * epochLength;
    const place = isByCount
      ? schedule.positionAt(2 * iteration)
      : 2 * Math.max(schedule.positionAt(iteration), all);
    const set = {
      ...(isByCount && { maxIterations: 2 * iteration }),
      ...(place > all && { maxEpochs: Math.ceil(place / epochLength) }),
    };
    const text = 'To train further; the end counts from the start of the run';
    return {
      type: 'notice',
      reason: isByCount ? 'iterations' : 'completed',
      message,
      remedies: [{ text, set }],
    };
  }
  if (!isEarly || earlyStop === undefined) return undefined;
  const { sinceLowest, lowest = Number.NaN } = validationLosses;
  const message =
    `the run has ended early: ${inARow(sinceLowest)} no better than the best, ` +
    `${lowest.toFixed(4)}. Nothing was trained.`;
  const remedies = [{ text: 'To train further', set: { earlyStop: sinceLowest + earlyStop } }];
  return { type: 'notice', reason: 'no-better', message, remedies };
}

/** `the last evaluation was`, `3 evaluations in a row were`. */
function inARow(evaluations: number): string {
  return evaluations === 1
    ? 'the last evaluation was'
    : `${formatCount(evaluations)} evaluations in a row were`;
}

export function averageMessage({ validationLosses }: TrainingRun): string {
  return (
    `${inARow(validationLosses.sinceLowest)} no better than the best: from now on, the run averages the weights, ` +
    'and evaluates, samples and saves the average.'
  );
}

export function earlyStopMessage({ validationLosses }: TrainingRun): string {
  return (
    `${inARow(validationLosses.sinceLowest)} no better than the best: the run ends early. ` +
    'The best checkpoint is the one to use.'
  );
}
