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
  try {
    yield* trainUnlocked(input);
  } finally {
    await input.storage?.close();
  }
}

/** The parts of a run that is under way. */
interface Parts {
  readonly input: TrainerInput;
  readonly run: TrainingRun;
  readonly splits: Splits;
  readonly saver: Saver;
  readonly saves: SaveSchedule;
  readonly clock: IterationClock;
}

async function* trainUnlocked(input: TrainerInput): AsyncGenerator<TrainingEvent, void, void> {
  const { corpus, options, engine, storage, signal } = input;
  for (const message of corpus.notices) yield { type: 'notice', message };
  const splits = splitCorpus(corpus, options);
  const config = configOf(corpus, options);
  const needs = { ...options, moments: momentCount(options.optimizer), saves: storage !== undefined };
  checkMemory(config, needs, input.availableMemory);
  const run = new TrainingRun({ engine, config, options, corpus, splits, start: input.start });
  const isOver = run.iteration >= run.schedule.last && !owesEvaluation(run, splits);
  if (!isOver) await storage?.prepare();
  yield startedEvent(run, input, splits);
  if (isOver) {
    yield { type: 'notice', message: overMessage(run) };
    yield await finishedEvent(run, 'completed', undefined);
    return;
  }
  for (const warning of splitWarnings(splits, options)) yield { type: 'warning', ...warning };

  const saver = await Saver.open(run, options, storage);
  const saves = new SaveSchedule(options.checkpointEvery);
  const parts: Parts = { input, run, splits, saver, saves, clock: new IterationClock() };
  let ended = false;
  try {
    let isNoBetter = false;
    if (owesEvaluation(run, splits)) {
      yield* evaluateAndSave(parts);
      isNoBetter = stopsEarly(run, options);
    }
    while (run.iteration < run.schedule.last && !isNoBetter && !signal?.aborted) {
      const figures = await run.iterate();
      const milliseconds = parts.clock.lap();
      const event: TrainingEvent = { type: 'iteration', ...withoutUpdated(figures), milliseconds };
      try {
        checkStability(run.iteration, figures.trainLoss, run.trainLosses.first as number, figures.updated);
      } catch (error) {
        ended = true;
        yield event;
        throw error;
      }
      if (run.schedule.evaluatesAt(run.iteration)) yield* evaluateAndSave(parts);
      else if (saves.due(run.iteration)) await save(parts, undefined);
      yield* saver.events();
      yield event;
      isNoBetter = stopsEarly(run, options);
      await nextTurn();
    }
    if (isNoBetter) yield { type: 'notice', message: earlyMessage(run) };
    ended = true;
    await saver.finish();
    yield* saver.events();
  } finally {
    // The consumer left the loop, or something failed: what was learned is kept.
    if (!ended) await saver.finish();
  }
  yield await finishedEvent(run, endReason(parts), saver.failure ? undefined : saver.path);
  // The caller has the model; a program that relies on the file is told.
  if (saver.failure) throw saver.failure;
}

/** Whether the evaluation that belongs to the iteration is still to be made: a run was interrupted in it. */
function owesEvaluation(
  { iteration, schedule, validationLosses }: TrainingRun,
  { validation }: Splits,
): boolean {
  return (
    iteration > 0 &&
    validation.count > 0 &&
    schedule.evaluatesAt(iteration) &&
    validationLosses.at(iteration) === undefined
  );
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

function endReason({ run, splits, input: { signal, options } }: Parts): FinishedEvent['reason'] {
  const isShort = run.iteration < run.schedule.last;
  if (signal?.aborted && (isShort || owesEvaluation(run, splits))) return 'interrupted';
  if (isShort) return 'no-better';
  return run.iteration === options.maxIterations ? 'iterations' : 'completed';
}

/** The validation loss, a sample and a checkpoint; their time does not count as training. */
async function* evaluateAndSave(parts: Parts): AsyncGenerator<TrainingEvent, void, void> {
  const { input, run, splits, clock } = parts;
  clock.pause();
  let loss: number | undefined;
  if (splits.validation.count > 0) {
    const evaluation = evaluateSplit(input.engine, run.network, splits.validation, input.signal);
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
  clock.resume();
  await save(parts, loss);
}

/** A checkpoint of this moment. Its snapshot does not count as training; its way to the disk goes on meanwhile. */
async function save({ saver, saves, clock }: Parts, validationLoss: number | undefined): Promise<void> {
  clock.pause();
  await saver.save(validationLoss);
  saves.saved();
  clock.resume();
}
