/**
 * Training as a stream of events.
 *
 * One iteration is a batch forward and backward, clip, update; every `evaluateEvery` iterations and after the last epoch
 * the validation loss is measured and a checkpoint saved. However the run ends, by its last iteration, the signal or
 * `return()`, what was learned is saved; a run that diverged ends with an error instead.
 */
import type { Splits } from '../data/batches.ts';
import type { Corpus } from '../data/corpus.ts';
import { splitCorpus, splitWarnings } from '../data/splits.ts';
import type { Engine } from '../engine/engine.ts';
import { parameterCount } from '../engine/layout.ts';
import type { CheckpointStorage } from '../formats/storage.ts';
import type { ModelConfig } from '../model/config.ts';
import { checkMemory } from '../model/memory.ts';
import { nextTurn } from '../util/event-loop.ts';
import { formatCount } from '../util/format-number.ts';
import { evaluateSplit } from './evaluation.ts';
import type { FinishedEvent, TrainingEvent } from './events.ts';
import { IterationClock } from './iteration-clock.ts';
import { momentCount } from './optimizer.ts';
import type { TrainingOptions } from './options.ts';
import { type IterationFigures, type RunStart, TrainingRun } from './run.ts';
import { SaveSchedule } from './save-schedule.ts';
import { Saver } from './saver.ts';
import { checkStability } from './stability.ts';

export interface TrainerInput {
  readonly corpus: Corpus;
  readonly options: TrainingOptions;
  readonly engine: Engine;
  /** Where checkpoints go. Absent: nowhere. */
  readonly storage?: CheckpointStorage | undefined;
  /** What to start from instead of random parameters. */
  readonly start?: RunStart | undefined;
  /** Finishes the iteration, saves, and ends the run as `interrupted`. */
  readonly signal?: AbortSignal | undefined;
  /** Bytes of memory that the run may take. */
  readonly availableMemory: number;
}

/**
 * @throws {TextError} when the text does not make a batch
 * @throws {MemoryError} when the model does not fit
 * @throws {CheckpointError} when checkpoints can't be written, before training; when the last one can't, after it
 * @throws {DivergenceError} when the loss is not finite or three times the first
 */
export async function* runTraining(input: TrainerInput): AsyncGenerator<TrainingEvent, void, void> {
  const { corpus, options, engine, storage, signal } = input;
  for (const message of corpus.notices) yield { type: 'notice', message };
  const splits = splitCorpus(corpus, options);
  const config = configOf(corpus, options);
  checkMemory(config, { ...options, moments: momentCount(options.optimizer) }, input.availableMemory);
  const run = new TrainingRun({ engine, config, options, corpus, splits, start: input.start });
  const isOver = run.iteration >= run.schedule.last;
  if (!isOver) await storage?.prepare();
  yield startedEvent(run, input, splits);
  if (isOver) {
    yield { type: 'notice', message: overMessage(run) };
    yield await finishedEvent(run, 'completed', undefined);
    return;
  }
  for (const warning of splitWarnings(splits, options)) yield { type: 'warning', ...warning };

  const saver = new Saver(run, options.saveName, storage);
  const clock = new IterationClock();
  const saves = new SaveSchedule(options.checkpointEvery);
  let ended = false;
  try {
    while (run.iteration < run.schedule.last && !signal?.aborted) {
      const figures = await run.iterate();
      const milliseconds = clock.lap();
      const event: TrainingEvent = { type: 'iteration', ...withoutUpdated(figures), milliseconds };
      try {
        checkStability(run.iteration, figures.trainLoss, run.trainLosses.first as number, figures.updated);
      } catch (error) {
        ended = true;
        yield event;
        throw error;
      }
      if (run.schedule.evaluatesAt(run.iteration)) yield* evaluateAndSave(input, run, splits, saver, clock);
      else if (saves.due(run.iteration)) yield* saveBetween(saver, saves, clock);
      yield event;
      if (stopsEarly(run, options)) {
        yield { type: 'notice', message: earlyMessage(run) };
        break;
      }
      await nextTurn();
    }
    if (saver.needed) yield* saver.save(undefined);
    ended = true;
  } finally {
    // The consumer left the loop, or something failed: what was learned is kept.
    if (!ended && saver.needed) await saver.saveQuietly();
  }
  yield await finishedEvent(run, endReason(run, input), saver.failure ? undefined : saver.path);
  // The caller has the model; a program that relies on the file is told.
  if (saver.failure) throw saver.failure;
}

async function finishedEvent(
  run: TrainingRun,
  reason: FinishedEvent['reason'],
  path: string | undefined,
): Promise<FinishedEvent> {
  const { iteration, epoch } = run;
  return { type: 'finished', reason, iteration, epoch, checkpoint: await run.checkpoint(), path };
}

function overMessage({ iteration, schedule }: TrainingRun): string {
  return (
    `the run has reached its end, iteration ${formatCount(iteration)} of ${formatCount(schedule.last)}: nothing was trained. ` +
    'To go further: a larger -max_epochs or --max_iterations; both are totals.'
  );
}

function configOf(corpus: Corpus, options: TrainingOptions): ModelConfig {
  const { cell, layers, hiddenSize, gruReset, embeddingSize, dropout } = options;
  return {
    cell,
    ...(cell === 'gru' && { reset: gruReset }),
    layers,
    hiddenSize,
    ...(embeddingSize !== undefined && { embeddingSize }),
    vocabularySize: corpus.vocabulary.size,
    dropout,
  };
}

function startedEvent(run: TrainingRun, input: TrainerInput, splits: Splits): TrainingEvent {
  const { corpus, options, engine } = input;
  return {
    type: 'started',
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
    engine: engine.description.text,
    iterations: run.schedule.last,
    writes: input.storage?.place,
  };
}

/** What Node takes beside data: code, and room to work. */
const PROGRAM_BYTES = 15e6;

/** Bytes by which the run makes the process grow: the engine's, and the copies that a save makes of parameters and moments. */
function memoryOf(run: TrainingRun, { engine, options }: TrainerInput): number {
  const bytes = options.precision === 'float64' ? 8 : 4;
  const copies = parameterCount(run.network.layout) * (1 + momentCount(options.optimizer)) * bytes;
  return engine.bytesInUse + copies + PROGRAM_BYTES;
}

function withoutUpdated({ updated: _, ...figures }: IterationFigures) {
  return figures;
}

/** Whether the evaluation of this iteration was one too many that was no better. */
function stopsEarly(
  { schedule, iteration, validationLosses }: TrainingRun,
  { earlyStop }: TrainingOptions,
): boolean {
  return (
    earlyStop !== undefined && schedule.evaluatesAt(iteration) && validationLosses.sinceLowest >= earlyStop
  );
}

function earlyMessage({ validationLosses }: TrainingRun): string {
  return (
    `--early_stop: ${formatCount(validationLosses.sinceLowest)} evaluations in a row were no better than the best. ` +
    'The checkpoint with the lowest validation loss in its name is the one to use.'
  );
}

function endReason(run: TrainingRun, { signal, options }: TrainerInput): FinishedEvent['reason'] {
  if (signal?.aborted && run.iteration < run.schedule.last) return 'interrupted';
  if (run.iteration < run.schedule.last) return 'no-better';
  return run.iteration === options.maxIterations ? 'iterations' : 'completed';
}

/** The validation loss, a sample and a checkpoint; their time does not count as training. */
async function* evaluateAndSave(
  { engine, signal }: TrainerInput,
  run: TrainingRun,
  splits: Splits,
  saver: Saver,
  clock: IterationClock,
): AsyncGenerator<TrainingEvent, void, void> {
  clock.pause();
  let loss: number | undefined;
  if (splits.validation.count > 0) {
    const evaluation = evaluateSplit(engine, run.network, splits.validation, signal);
    let step = await evaluation.next();
    for (; !step.done; step = await evaluation.next()) {
      yield { type: 'evaluating', batch: step.value, batches: splits.validation.count };
    }
    loss = step.value;
    // Interrupted: the loop ends next, and saves.
    if (loss === undefined) return;
    const best = run.validationLosses.add(run.iteration, loss);
    yield { type: 'evaluated', iteration: run.iteration, epoch: run.epoch, validationLoss: loss, best };
  }
  yield { type: 'sampled', iteration: run.iteration, text: await run.sample() };
  yield* saver.save(loss);
  clock.resume();
}

/** A checkpoint without an evaluation; its time does not count as training. */
async function* saveBetween(
  saver: Saver,
  saves: SaveSchedule,
  clock: IterationClock,
): AsyncGenerator<TrainingEvent, void, void> {
  clock.pause();
  yield* saver.save(undefined);
  saves.saved();
  clock.resume();
}
