/** `train` in Node: texts and checkpoints may be files, and checkpoints go to a folder. */
import { hostname } from 'node:os';
import { dirname, resolve } from 'node:path';
import type { Checkpoint, TrainedCheckpoint } from '../checkpoint/checkpoint.ts';
import { namedModel } from '../checkpoint/storage/find-checkpoint.node.ts';
import { type FolderStorage, folderStorage } from '../checkpoint/storage/folder-storage.node.ts';
import { runStorage } from '../checkpoint/storage/run-storage.node.ts';
import { surveyFolder } from '../checkpoint/storage/run-survey.node.ts';
import type { CheckpointStorage } from '../checkpoint/storage/storage.ts';
import { prepareCorpus } from '../data/corpus.node.ts';
import type { Corpus } from '../data/corpus.ts';
import { makeEngine as makeFastEngine } from '../engine/select.node.ts';
import { OptionError, UsageError } from '../errors.ts';
import { readCheckpointFile } from '../formats/read.node.ts';
import { availableMemory, freeMemory } from '../util/machine.node.ts';
import type { TrainingEvent } from './events.ts';
import { eventLog } from './observers/event-log.node.ts';
import type { TrainingObserver } from './observers/observers.ts';
import { tensorBoard } from './observers/tensorboard.node.ts';
import type { TrainingOptions } from './options.ts';
import { preparingEvents } from './prepare-events.ts';
import { type CheckpointToResume, checkpointToResume, type WantedRun } from './start/find-run.node.ts';
import { asTrained } from './start/resume.ts';
import { checkRunId } from './start/run-id.ts';
import { inputsOfRun } from './start/run-inputs.node.ts';
import { startingOptions, startingVocabulary } from './start/start-from.ts';
import { corpusToResume, resumeOn, resumptionOf, type TrainSettings, trainOn, trainOnText } from './train.ts';
import {
  type CheckpointInput,
  checkpointOf,
  NAMELESS,
  optionsOf,
  type TrainInput,
  textsOf,
} from './train-input.ts';

/**
 * Trains a model on a text.
 *
 * @returns events: one for every iteration, evaluation and checkpoint; the last one, `finished`, carries the model
 * @throws {OptionError} for an option that does not fit
 * @throws {TextError} for a text that is missing or can't be trained on
 * @throws {MemoryError} for a model that does not fit in memory
 * @throws {CheckpointError} for a checkpoint that can't be read, or a folder that can't be written
 * @throws {DivergenceError} when the loss is not finite or three times the first
 */
export async function* train(input: TrainInput): AsyncGenerator<TrainingEvent, void, void> {
  const { text, textFile, include, strict, memory, validation, test, initFrom, resume, runId, signal } =
    input;
  if (resume !== undefined) {
    yield* resumeTraining(resume, input);
    return;
  }
  if ((text === undefined) === (textFile === undefined)) {
    throw new UsageError('train: give either `text`, the text itself, or `textFile`, where it is');
  }
  let initial: Checkpoint | undefined;
  if (typeof initFrom === 'string') {
    const named = await namedModel(initFrom);
    for (const message of named.notices) yield { type: 'notice', message };
    initial = await readCheckpointFile(named.path);
  } else if (initFrom !== undefined) initial = checkpointOf('initFrom', initFrom);
  const { options, origins, notices } = startingOptions(optionsOf(input), initial, input.origins);
  checkRunId(runId);
  const place = input.checkpointDir;
  const storage = typeof place === 'string' ? runStorage(place, { ...options, runId }) : place;
  const settings = settingsOf(input, storage, typeof place === 'string');
  if (text !== undefined) {
    yield* trainOnText(input, { ...settings, initial });
    return;
  }
  const vocabulary = startingVocabulary(initial, options);
  const heldOut = heldOutPaths({ validation, test });
  const corpus = yield* reserving(
    storage,
    preparingEvents(
      prepareCorpus(
        { paths: pathsOf(textFile) ?? [], include },
        {
          ...{ ...options, ...vocabulary.choice },
          ...{ valid: heldOut.validation, test: heldOut.test, strict, memory, signal },
        },
      ),
    ),
  );
  try {
    const all = [...notices, ...vocabulary.notices, ...corpus.notices];
    yield* trainOn({ ...corpus, notices: all }, options, { ...settings, initial, origins });
  } finally {
    await storage?.close();
    await corpus.close?.();
  }
}

/** What of a run comes from the machine, and what a caller may put in its place. */
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

/** Who watches a run, in order; its advisor is before them. */
function observersOf({ tensorboardDir, observers = [] }: TrainInput, hasLog: boolean): TrainingObserver[] {
  return [
    ...(tensorboardDir === undefined ? [] : [tensorBoard(tensorboardDir)]),
    ...(hasLog ? [eventLog()] : []),
    ...observers,
  ];
}

/** Goes on with the run of a checkpoint. */
async function* resumeTraining(
  from: CheckpointInput,
  input: TrainInput,
): AsyncGenerator<TrainingEvent, void, void> {
  const { text, textFile, include, strict, memory, checkpointDir, runId, saveName, signal } = input;
  checkRunId(runId);
  const paths = pathsOf(textFile);
  const found = await foundRun(from, { runId, saveName, paths });
  const { path, checkpoint } = found;
  for (const message of found.warnings) yield { type: 'warning', code: 'checkpoint-damaged', message };
  if (found.others.length > 0) yield { type: 'notice', message: severalRuns(String(from), found) };
  const resumption = resumptionOf(input, checkpoint, path);
  const { options } = resumption;
  const folder = typeof from === 'string' ? path : undefined;
  const hasFolder =
    typeof checkpointDir === 'string' || (checkpointDir === undefined && folder !== undefined);
  const storage =
    typeof checkpointDir === 'object'
      ? checkpointDir
      : await storageOfRun(folder, checkpointDir, checkpoint, options);
  const { iteration, epoch } = checkpoint.training;
  // A run that has reached its end writes nothing.
  const isOver =
    epoch >= options.maxEpochs || iteration >= (options.maxIterations ?? Number.POSITIVE_INFINITY);
  let corpus: Corpus;
  if (text !== undefined) corpus = await corpusToResume(textsOf(input), resumption, path);
  else {
    const heldOut = heldOutPaths(input);
    const { source, wanted, explain, notices, valid, test } = await inputsOfRun(
      checkpoint,
      path,
      { paths, include, ...heldOut },
      { for: 'resume' },
    );
    const { vocabulary } = checkpoint;
    const preparing = preparingEvents(
      prepareCorpus(source, { ...options, vocabulary, valid, test, wanted, strict, memory, signal }),
    );
    const prepared = yield* reserving(isOver ? undefined : storage, explained(preparing, explain));
    corpus = { ...prepared, notices: [...notices, ...prepared.notices] };
  }
  try {
    yield* resumeOn(corpus, resumption, path, settingsOf(input, storage, hasFolder));
  } finally {
    await storage?.close();
    await corpus.close?.();
  }
}

/** The checkpoint to go on from: at a path, or given itself. */
async function foundRun(from: CheckpointInput, wanted: WantedRun): Promise<CheckpointToResume> {
  if (typeof from === 'string') return await checkpointToResume(from, wanted);
  const checkpoint = asTrained(checkpointOf('resume', from), NAMELESS);
  return { path: NAMELESS, checkpoint, others: [], warnings: [] };
}

/**
 * Where a resumed run writes: beside its checkpoint, or in another folder, in which other runs keep what they have.
 *
 * @param path Of its checkpoint; undefined for one that is no file.
 * @throws {OptionError} for a `saveName` that another run in the folder has
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
 * Has the folder for checkpoints before a text is prepared, which may take long, so that one that another training has is refused at
 * once. One that is not there yet is nobody's: it is made when the text has turned out to be fine.
 */
async function* reserving<T>(
  storage: (CheckpointStorage & Partial<Pick<FolderStorage, 'reserve'>>) | undefined,
  preparing: AsyncGenerator<TrainingEvent, T, void>,
): AsyncGenerator<TrainingEvent, T, void> {
  let isPrepared = false;
  try {
    await storage?.reserve?.();
    const prepared = yield* preparing;
    isPrepared = true;
    return prepared;
  } finally {
    if (!isPrepared) await storage?.close();
  }
}

/** Prepares the texts of a run that goes on; an error says what there is to do. */
async function* explained<T>(
  preparing: AsyncGenerator<TrainingEvent, T, void>,
  explain: (error: unknown) => Promise<unknown>,
): AsyncGenerator<TrainingEvent, T, void> {
  try {
    return yield* preparing;
  } catch (error) {
    throw await explain(error);
  }
}

/**
 * Paths of texts that are held out.
 *
 * @throws {UsageError} for a text itself, which goes with a main text that is given itself
 */
function heldOutPaths({ validation, test }: Pick<TrainInput, 'validation' | 'test'>) {
  if (typeof validation === 'object' || typeof test === 'object')
    throw new UsageError('train: with `textFile`, `validation` and `test` are paths');
  return { validation, test };
}

function pathsOf(textFile: TrainInput['textFile']): readonly string[] | undefined {
  return typeof textFile === 'string' ? [textFile] : textFile;
}
