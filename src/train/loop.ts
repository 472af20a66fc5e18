/**
 * The training loop, as a generator of events.
 *
 * An iteration is one batch, or several with `accumulate`: forward, backward, clip, update. Every `evaluateEvery` iterations and after the
 * last epoch, the loop measures the validation loss and saves a checkpoint. It also saves one whenever `checkpointEvery` is due, and when
 * the run ends, whether by its last iteration, by `earlyStop`, by the signal or by `return()`. A run that diverged ends with an error
 * instead.
 */

import { chooseRunFiles } from '../checkpoint/storage/run-files.ts';
import type { Splits } from '../data/batches/batches.ts';
import { splitCorpus, splitWarnings } from '../data/batches/splits.ts';
import { DivergenceError } from '../errors.ts';
import { nextTurn } from '../util/event-loop.ts';
import { evaluateSplit, type SplitLoss } from './evaluation.ts';
import type { FinishedEvent, TrainingEvent } from './events.ts';
import { modelConfig, type TrainingOptions } from './options.ts';
import { presetOf } from './preset/apply-preset.ts';
import { type Explosion, judgeLoss } from './recovery/divergence.ts';
import { goOnElsewhere, isLossOf, runOnWorkingEngine } from './recovery/go-on-elsewhere.ts';
import { recoverFromDivergence } from './recovery/recover-from-divergence.ts';
import { Baseline } from './run/baseline.ts';
import {
  alreadyEndedNotice,
  averageMessage,
  earlyStopMessage,
  finishedEvent,
  memoryWarnings,
  startedEvent,
} from './run/run-events.ts';
import { type Parts, partsOn, reportIteration } from './run/run-parts.ts';
import type { RunInput, TrainingRun } from './run/training-run.ts';
import { Saver } from './saving/saver.ts';

/**
 * Runs a training from its start to its end, and closes its storage.
 *
 * @throws {TextError} if the text is too short for one batch
 * @throws {MemoryError} if the model does not fit in memory
 * @throws {CheckpointError} before training, if checkpoints can't be written; at the end, also from `return()`, if the last one could not
 * @throws {DivergenceError} if the loss is not finite or three times the first, and no retry is left
 * @throws {EngineLostError} if the engine is lost and no other one works; the newest copy of the state is saved
 */
export async function* runTraining(input: RunInput): AsyncGenerator<TrainingEvent, void, void> {
  try {
    let parts = yield* begin(input);
    while (parts) parts = yield* trainUntilLost(parts);
  } finally {
    await input.storage?.close();
  }
}

/** Makes the parts of a run. Returns undefined if a resumed run has already ended: then it only reports that. */
async function* begin(given: RunInput): AsyncGenerator<TrainingEvent, Parts | undefined, void> {
  const { corpus, options, storage } = given;
  for (const message of corpus.notices) yield { type: 'notice', message };
  const heldOut = given.start?.training?.shapeChange?.heldOut;
  const splits = splitCorpus(corpus, {
    ...options,
    heldOut,
    random: { seed: options.seed, offset: options.randomOffset, length: options.randomLength },
  });
  const config = modelConfig(options, corpus.vocabulary.size);
  const { input, run } = yield* runOnWorkingEngine(given, config, splits);
  const isResumed = run.iteration > 0;
  const isEarly = isResumed && stopsEarly(run, options);
  const over = hasPendingEvaluation(run, splits) ? undefined : alreadyEndedNotice(run, options, isEarly);
  if (!over) await storage?.prepare();
  const { saveName } = options;
  const files = storage && (await chooseRunFiles(storage, { runId: run.id, saveName, isResumed }));
  const started = startedEvent(run, input, splits, files);
  yield started;
  if (over) {
    const { reason, ...notice } = over;
    yield notice;
    yield await finishedEvent(run, reason, undefined);
    return undefined;
  }
  for (const warning of [
    ...splitWarnings(splits, { ...options, fit: options.fit || presetOf(options) !== undefined }, corpus),
    ...memoryWarnings(started),
  ]) {
    yield { type: 'warning', ...warning };
  }
  const saver = await Saver.open(run, options, storage && files && { storage, files });
  const baseline = new Baseline(input);
  const event = await baseline.begin(input.signal);
  if (event) yield event;
  return { ...partsOn(input, run, saver, undefined), config, splits, saver, baseline };
}

/** Trains until the run ends. If the engine is lost, returns the parts with which the run continues, on another engine. */
async function* trainUntilLost(parts: Parts): AsyncGenerator<TrainingEvent, Parts | undefined, void> {
  try {
    yield* loop(parts);
    return undefined;
  } catch (error) {
    if (!isLossOf(parts, error)) throw error;
    return yield* goOnElsewhere(parts, error);
  }
}

/** Trains until the run ends, and saves the model. */
async function* loop(parts: Parts): AsyncGenerator<TrainingEvent, void, void> {
  const { run, splits, saver, clock, queue, baseline, copy } = parts;
  const { options, signal } = parts.input;
  let explosion: Explosion | undefined;
  let isOutOfPatience = stopsEarly(run, options);
  let hasEnded = false;
  let hasFailed = false;
  try {
    if (hasPendingEvaluation(run, splits)) {
      explosion = yield* evaluateAndSave(parts);
      isOutOfPatience = stopsEarly(run, options);
    }
    const goesOn = () => run.enqueued < run.schedule.last && !isOutOfPatience && !signal?.aborted;
    while (explosion || queue.length > 0 || goesOn()) {
      if (explosion) {
        await queue.discard();
        const outcome = recoverFromDivergence(run, explosion, options);
        if (outcome instanceof DivergenceError) throw outcome;
        explosion = undefined;
        await saver.goBack();
        await copy?.goBack();
        yield outcome;
        continue;
      }
      if (goesOn()) await queue.fill();
      const known = await baseline.advance();
      if (known) yield known;
      // The only place where training waits for the engine.
      const figures = await queue.next();
      const milliseconds = clock.lap();
      const trouble = run.judge(figures);
      const reported = { figures, milliseconds, skip: trouble?.kind === 'skip' ? trouble : undefined };
      parts.unreported = reported;
      explosion = trouble?.kind === 'explosion' ? trouble : yield* evaluateOrSave(parts);
      yield* saver.events();
      yield* reportIteration(parts, reported);
      isOutOfPatience = !explosion && stopsEarly(run, options);
      await nextTurn();
    }
    if (isOutOfPatience) yield { type: 'notice', message: earlyStopMessage(run) };
    hasEnded = true;
    await finish(parts, !run.isSound);
    yield* saver.events();
  } catch (error) {
    hasFailed = true;
    // The caller continues from a copy.
    if (isLossOf(parts, error)) hasEnded = true;
    throw error;
  } finally {
    // The consumer has left the loop, or something failed: save the progress.
    if (!hasEnded) await saveOnEarlyEnd(parts, explosion !== undefined || !run.isSound, hasFailed);
  }
  yield await finishedEvent(run, endReason(parts), saver.failure ? undefined : saver.path);
  // The caller has the model, but may rely on the file: so the run ends with the error.
  if (saver.failure) throw saver.failure;
}

/**
 * Waits for the iterations in flight, and saves the result.
 *
 * @param isLost Whether the parameters are useless after an explosion. Then the last good state is saved, if the run keeps one.
 */
async function finish({ run, saver, queue }: Parts, isLost: boolean): Promise<void> {
  // This comes first, because the storage is closed if one of the next steps fails.
  await saver.settle();
  if (isLost) await queue.discard();
  else await queue.drain();
  if (isLost && run.canGoBack) run.goBack(false);
  if (!isLost || (run.canGoBack && run.iteration > 0)) await saver.finish();
}

/**
 * Saves the progress when the run ends early.
 *
 * @throws {CheckpointError} if that fails, because a consumer that has left the loop gets no more events; not if another error is being
 *   thrown
 */
async function saveOnEarlyEnd(parts: Parts, isLost: boolean, hasFailed: boolean): Promise<void> {
  try {
    await finish(parts, isLost);
  } catch (error) {
    await parts.saver.finishWith(parts.copy?.newest);
    if (!isLossOf(parts, error)) throw error;
  }
  if (!hasFailed && parts.saver.failure) throw parts.saver.failure;
}

/** Whether an evaluation is due at this iteration but missing: the run was interrupted during it. */
function hasPendingEvaluation(
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

/** Whether early-stopping patience has run out. */
function stopsEarly(
  { schedule, iteration, validationLosses }: TrainingRun,
  { earlyStop }: TrainingOptions,
): boolean {
  return (
    earlyStop !== undefined && schedule.evaluatesAt(iteration) && validationLosses.sinceLowest >= earlyStop
  );
}

function endReason({ run, splits, input: { signal, options } }: Parts): FinishedEvent['reason'] {
  const isShort = run.iteration < run.schedule.last;
  if (signal?.aborted && (isShort || hasPendingEvaluation(run, splits))) return 'interrupted';
  if (isShort) return 'no-better';
  return run.iteration === options.maxIterations ? 'iterations' : 'completed';
}

/** Evaluates or saves if that is due after an iteration, unless its loss is not finite. */
async function* evaluateOrSave(parts: Parts): AsyncGenerator<TrainingEvent, Explosion | undefined, void> {
  const { run, saver, queue } = parts;
  if (!run.isSound) return undefined;
  if (run.schedule.evaluatesAt(run.iteration)) return yield* evaluateAndSave(parts);
  // A time may come while later iterations are in flight. Their updates are in the parameters: the save waits until they are recorded.
  if (queue.length === 0 && saver.isDue(run.iteration)) await save(parts, undefined);
  return undefined;
}

/** Measures the validation loss, draws a sample and saves a checkpoint. Their time does not count as training. */
async function* evaluateAndSave(parts: Parts): AsyncGenerator<TrainingEvent, Explosion | undefined, void> {
  const { run, splits, clock, copy } = parts;
  clock.pause();
  // An evaluation may take long.
  copy?.takeIfOlder();
  let measured: SplitLoss | undefined;
  if (splits.validation.count > 0) {
    measured = yield* validate(parts);
    // Interrupted: the loop ends now, and saves.
    if (!measured) return undefined;
    const { loss: validationLoss, standardError } = measured;
    const { iteration, epoch } = run;
    const explosion = judgeLoss(iteration, 'validation loss', validationLoss, undefined);
    if (explosion) {
      clock.resume();
      return explosion;
    }
    const { best, beginsAverage } = await run.addValidationLoss(validationLoss);
    yield { type: 'evaluated', iteration, epoch, validationLoss, standardError, best };
    if (beginsAverage) yield { type: 'notice', message: averageMessage(run) };
  }
  yield { type: 'sampled', iteration: run.iteration, text: await run.sample() };
  clock.resume();
  await save(parts, measured?.loss);
  return undefined;
}

/** Measures the validation loss; undefined if the signal interrupted it. */
async function* validate({
  input,
  run,
  splits: { validation },
}: Parts): AsyncGenerator<TrainingEvent, SplitLoss | undefined, void> {
  const network = run.networkFor(validation);
  try {
    const evaluation = evaluateSplit(input.engine, network, run.parameters, validation, input.signal);
    let step = await evaluation.next();
    for (; !step.done; step = await evaluation.next()) {
      yield { type: 'evaluating', batch: step.value, batches: validation.count };
    }
    return step.value;
  } finally {
    if (network !== run.network) network.release();
  }
}

/** Saves a checkpoint. Training waits for the snapshot, which does not count as training time; the file is written in the background. */
async function save({ saver, clock, copy }: Parts, validationLoss: number | undefined): Promise<void> {
  clock.pause();
  // One snapshot for both, so that a run never continues from a copy after an evaluation whose checkpoint is missing.
  await saver.save(validationLoss, copy?.take());
  clock.resume();
}
