/** `train` in Node: texts and checkpoints may be files, and checkpoints go to a folder. */
import { hostname } from 'node:os';
import { dirname, resolve } from 'node:path';
import type { Checkpoint, TrainedCheckpoint } from '../checkpoint/checkpoint.ts';
import { namedModel } from '../checkpoint/storage/find-checkpoint.node.ts';
import { type FolderStorage, folderStorage } from '../checkpoint/storage/folder-storage.node.ts';
import { givenStorage } from '../checkpoint/storage/given-storage.ts';
import { runStorage } from '../checkpoint/storage/run-storage.node.ts';
import { surveyFolder } from '../checkpoint/storage/run-survey.node.ts';
import type { CheckpointStorage } from '../checkpoint/storage/storage.ts';
import { prepareCorpus, type TextSource } from '../data/corpus.node.ts';
import type { Corpus } from '../data/corpus.ts';
import { makeEngine as makeFastEngine } from '../engine/select.node.ts';
import { OptionError, UsageError } from '../errors.ts';
import { readCheckpointFile } from '../formats/read.node.ts';
import { availableMemory, freeMemory } from '../util/machine.node.ts';
import type { TrainingEvent } from './events.ts';
import { eventLog } from './log/event-log.node.ts';
import type { TrainingObserver } from './observers/observers.ts';
import { tensorBoard } from './observers/tensorboard.node.ts';
import type { TrainingOptions } from './options.ts';
import { reportPreparation } from './prepare-events.ts';
import { makeSchedule } from './run/schedule.ts';
import { type CheckpointToResume, checkpointToResume, type WantedRun } from './start/find-run.node.ts';
import { requireTrainingState, storedTrainingOptions } from './start/resume.ts';
import { inputsOfRun } from './start/run-inputs.node.ts';
import {
  corpusToResume,
  corpusToStart,
  planResumption,
  planStart,
  resumeRun,
  startRun,
  type TrainSettings,
} from './train.ts';
import {
  type CheckpointInput,
  checkpointOf,
  checkRunId,
  type TrainInput,
  textsOf,
  UNNAMED_CHECKPOINT,
} from './train-input.ts';

/**
 * Trains a model on a text.
 *
 * @returns events: one for every iteration, evaluation and checkpoint; the last one, `finished`, carries the model
 * @throws {OptionError} for an invalid option
 * @throws {TextError} for a text that is missing or can't be trained on
 * @throws {MemoryError} for a model that does not fit in memory
 * @throws {CheckpointError} for a checkpoint that can't be read, or a folder that can't be written
 * @throws {DivergenceError} when the loss is not finite or three times the first
 * @throws {EngineLostError} when the engine is lost and no other one works; what was learned is saved
 */
export async function* train(input: TrainInput): AsyncGenerator<TrainingEvent, void, void> {
  if (input.resume === undefined) yield* startNewRun(input);
  else yield* resumeTraining(input.resume, input);
}

async function* startNewRun(input: TrainInput): AsyncGenerator<TrainingEvent, void, void> {
  const { text, textFile, include, initFrom, checkpointDir, runId } = input;
  if ((text === undefined) === (textFile === undefined)) {
    throw new UsageError('train: give either `text`, the text itself, or `textFile`, where it is');
  }
  const initial = initFrom === undefined ? undefined : yield* initialCheckpoint(initFrom);
  const plan = planStart(input, initial);
  const { options, vocabulary } = plan;
  const hasFolder = typeof checkpointDir === 'string';
  const storage = hasFolder
    ? runStorage(checkpointDir, { ...options, runId })
    : checkpointDir && givenStorage('checkpointDir', checkpointDir);
  let corpus: Corpus;
  if (text !== undefined) corpus = await corpusToStart(textsOf(input), plan);
  else {
    const { validation: valid, test } = heldOutPaths(input);
    const source = { paths: pathsOf(textFile) ?? [], include };
    const reading = { ...options, ...vocabulary.choice, valid, test };
    corpus = yield* prepareFiles(storage, source, { ...reading, ...readLimits(input) });
  }
  yield* closingAfter(startRun(corpus, plan, settingsOf(input, storage, hasFolder)), storage, corpus);
}

async function* resumeTraining(
  from: CheckpointInput,
  input: TrainInput,
): AsyncGenerator<TrainingEvent, void, void> {
  const { text, textFile, include, checkpointDir, runId, saveName } = input;
  checkRunId(runId);
  const paths = pathsOf(textFile);
  const found = await findCheckpointToResume(from, { runId, saveName, paths });
  const { path, checkpoint } = found;
  for (const message of found.warnings) yield { type: 'warning', code: 'checkpoint-damaged', message };
  if (found.others.length > 0) yield { type: 'notice', message: severalRuns(String(from), found) };
  const resumption = planResumption(input, checkpoint, path);
  const { options } = resumption;
  const file = typeof from === 'string' ? path : undefined;
  const hasFolder = typeof checkpointDir === 'string' || (checkpointDir === undefined && file !== undefined);
  const storage =
    checkpointDir !== undefined && typeof checkpointDir !== 'string'
      ? givenStorage('checkpointDir', checkpointDir)
      : await storageOfRun(file, checkpointDir, checkpoint, options);
  let corpus: Corpus;
  if (text !== undefined) corpus = await corpusToResume(textsOf(input), resumption, path);
  else {
    const given = { paths, include, ...heldOutPaths(input) };
    const inputs = await inputsOfRun(checkpoint, path, given, { for: 'resume' });
    const { source, wanted, valid, test, explain } = inputs;
    const reading = { ...options, vocabulary: checkpoint.vocabulary, valid, test, wanted };
    // A run that has reached its end writes nothing.
    const reserved = hasEnded(checkpoint, options) ? undefined : storage;
    const prepared = yield* prepareFiles(reserved, source, { ...reading, ...readLimits(input) }, explain);
    corpus = { ...prepared, notices: [...inputs.notices, ...prepared.notices] };
  }
  const run = resumeRun(corpus, resumption, path, settingsOf(input, storage, hasFolder));
  yield* closingAfter(run, storage, corpus);
}

/** Passes on the events of a run, and closes its storage and corpus at its end. */
async function* closingAfter(
  run: AsyncGenerator<TrainingEvent, void, void>,
  storage: CheckpointStorage | undefined,
  corpus: Corpus,
): AsyncGenerator<TrainingEvent, void, void> {
  try {
    yield* run;
  } finally {
    await storage?.close();
    await corpus.close?.();
  }
}

/** The checkpoint that a new run takes its weights from. */
async function* initialCheckpoint(from: CheckpointInput): AsyncGenerator<TrainingEvent, Checkpoint, void> {
  if (typeof from !== 'string') return checkpointOf('initFrom', from);
  const { path, problems, choice } = await namedModel(from);
  for (const message of [...problems, choice]) if (message !== undefined) yield { type: 'notice', message };
  return await readCheckpointFile(path);
}

/** The settings of a run: from the machine, unless the caller gives others. */
function settingsOf(
  input: TrainInput,
  storage: CheckpointStorage | undefined,
  hasLog: boolean,
): TrainSettings {
  const { runId, signal, maxInFlight } = input;
  return {
    ...{ storage, runId, signal, maxInFlight, host: hostname(), freeMemory: freeMemory() },
    availableMemory: input.availableMemory ?? availableMemory(),
    observers: observersOf(input, hasLog),
    makeEngine: input.makeEngine ?? makeFastEngine,
  };
}

/** The observers of a run, in order, after its advisor. The log comes last, so that it has the events that the program's observers add. */
function observersOf({ tensorboardDir, observers = [] }: TrainInput, hasLog: boolean): TrainingObserver[] {
  return [
    ...(tensorboardDir === undefined ? [] : [tensorBoard(tensorboardDir)]),
    ...observers,
    ...(hasLog ? [eventLog()] : []),
  ];
}

function readLimits({
  strict,
  memory,
  signal,
}: TrainInput): Pick<TrainInput, 'strict' | 'memory' | 'signal'> {
  return { strict, memory, signal };
}

/**
 * Whether a run has made all its iterations. The text is not read yet, so the length of an epoch is derived from the position of the run; with
 * batches of another shape, the run has ended for certain only after `maxEpochs`.
 */
function hasEnded({ training }: TrainedCheckpoint, options: TrainingOptions): boolean {
  const { iteration, epoch, batchSize, shapeChange } = training;
  const before = storedTrainingOptions(training, 'the checkpoint');
  const batchOffset = shapeChange?.batchOffset ?? 0;
  const epochLength = Math.round((iteration * before.accumulate + batchOffset) / epoch);
  const hasSameShape =
    batchSize === options.batchSize &&
    before.sequenceLength === options.sequenceLength &&
    before.accumulate === options.accumulate;
  if (!hasSameShape || !(epochLength > 0))
    return epoch >= options.maxEpochs || iteration >= (options.maxIterations ?? Number.POSITIVE_INFINITY);
  return iteration >= makeSchedule(options, epochLength, batchOffset).last;
}

/** The checkpoint to resume: read from a path, or given as a value or as bytes. */
async function findCheckpointToResume(from: CheckpointInput, wanted: WantedRun): Promise<CheckpointToResume> {
  if (typeof from === 'string') return await checkpointToResume(from, wanted);
  const checkpoint = requireTrainingState(checkpointOf('resume', from), UNNAMED_CHECKPOINT);
  return { path: UNNAMED_CHECKPOINT, checkpoint, others: [], warnings: [] };
}

/**
 * Where a resumed run writes: next to its checkpoint, or in another folder, where files of other runs are left alone.
 *
 * @param path The file of its checkpoint; undefined if it came without a file.
 * @throws {OptionError} if another run in the folder has the `saveName`
 */
async function storageOfRun(
  path: string | undefined,
  checkpointDir: string | undefined,
  { training }: TrainedCheckpoint,
  { saveName }: TrainingOptions,
): Promise<FolderStorage | undefined> {
  const { runId } = training;
  if (path === undefined)
    return checkpointDir === undefined ? undefined : runStorage(checkpointDir, { saveName, runId });
  const own = dirname(path);
  if (checkpointDir !== undefined && resolve(checkpointDir) !== resolve(own)) {
    return runStorage(checkpointDir, { saveName, runId });
  }
  if (training.options.saveName === saveName) return folderStorage(own);
  const { runs } = await surveyFolder(own);
  if (runs.some((run) => run.saveName === saveName && run.runId !== runId))
    throw new OptionError('saveName', `another run in ${own} has the name ${saveName}`);
  return folderStorage(own);
}

function severalRuns(folder: string, { checkpoint, others }: CheckpointToResume): string {
  const { saveName } = checkpoint.training.options;
  return `${folder} holds ${others.length + 1} runs; this one is ${saveName}, not ${others.join(', ')}`;
}

/**
 * Reads the texts of files into a corpus, which may take long. First it reserves the folder for checkpoints, so that a folder that another
 * training has locked is refused immediately. A folder that does not exist can't be locked: it is made once the text has been read.
 *
 * @param explain Turns an error in the texts into the one to throw.
 */
async function* prepareFiles(
  storage: (CheckpointStorage & Partial<Pick<FolderStorage, 'reserve'>>) | undefined,
  source: TextSource,
  options: Parameters<typeof prepareCorpus>[1],
  explain: (error: unknown) => Promise<unknown> = async (error) => error,
): AsyncGenerator<TrainingEvent, Corpus, void> {
  let isPrepared = false;
  try {
    await storage?.reserve?.();
    const corpus = yield* reportPreparation(prepareCorpus(source, options));
    isPrepared = true;
    return corpus;
  } catch (error) {
    throw await explain(error);
  } finally {
    if (!isPrepared) await storage?.close();
  }
}

/**
 * The paths of the held-out texts.
 *
 * @throws {UsageError} for a text in memory, which works only if the main text is in memory too
 */
function heldOutPaths({ validation, test }: Pick<TrainInput, 'validation' | 'test'>) {
  if (typeof validation === 'object' || typeof test === 'object')
    throw new UsageError('train: with `textFile`, `validation` and `test` are paths');
  return { validation, test };
}

function pathsOf(textFile: TrainInput['textFile']): readonly string[] | undefined {
  return typeof textFile === 'string' ? [textFile] : textFile;
}
