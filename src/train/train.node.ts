/** `train` in Node: texts and checkpoints are files. */
import { hostname } from 'node:os';
import { dirname, resolve } from 'node:path';
import { prepareCorpus } from '../data/corpus.node.ts';
import { buildCorpus, type Corpus } from '../data/corpus.ts';
import { makeEngine as makeFastEngine } from '../engine/select.node.ts';
import type { MakeEngine } from '../engine/select.ts';
import { OptionError, TextError, UsageError } from '../errors.ts';
import type { TrainedCheckpoint } from '../formats/checkpoint.ts';
import { namedModel } from '../formats/find-checkpoint.node.ts';
import { readCheckpointFile } from '../formats/read.node.ts';
import { runStorage } from '../formats/run-storage.node.ts';
import { surveyFolder } from '../formats/run-survey.node.ts';
import { type FolderStorage, folderStorage } from '../formats/storage.node.ts';
import type { Given } from '../util/check-options.ts';
import { formatCount } from '../util/format-number.ts';
import { freeMemory } from '../util/free-memory.node.ts';
import { availableMemory } from '../util/memory.node.ts';
import type { OptionOrigins } from '../util/option-origins.ts';
import { eventLog } from './event-log.node.ts';
import type { TrainingEvent } from './events.ts';
import { type CheckpointToResume, checkpointToResume } from './find-run.node.ts';
import type { TrainingObserver } from './observers.ts';
import type { TrainingOptions } from './options.ts';
import { preparingEvents } from './prepare-events.ts';
import { checkSameHeldOut, checkSameText, otherTextRemedy, resumedOptions } from './resume.ts';
import { checkRunId, checkSameRun } from './run-id.ts';
import { inputsOfRun } from './run-inputs.node.ts';
import { startingOptions, startingVocabulary } from './start-from.ts';
import { tensorBoard } from './tensorboard.node.ts';
import { trainOn, train as trainOnText } from './train.ts';

export interface TrainInput extends Given<TrainingOptions> {
  /** The text itself, */
  readonly text?: string | Uint8Array | undefined;
  /** or where it is: files and folders, in order, or `-` for standard input. A folder with `input.txt` is that file. */
  readonly textFile?: string | readonly string[] | undefined;
  /** A pattern that files of a folder must match, such as `*.txt`. */
  readonly include?: string | undefined;
  /** Whether a file of a folder that is no text is an error; else it is left out, with a notice. */
  readonly strict?: boolean | undefined;
  /** Bytes of memory that the text may take. Default: a quarter of what the machine or its container has. */
  readonly memory?: number | undefined;
  /** Texts that are held out; the fractions then no longer apply. */
  readonly validFile?: string | undefined;
  readonly testFile?: string | undefined;
  /** Folder for checkpoints, made when missing. Absent: nothing is written; the last event carries the model. */
  readonly checkpointDir?: string | undefined;
  /** Folder for TensorBoard's event files, in which the run has a folder of its `saveName`. */
  readonly tensorboardDir?: string | undefined;
  /** Checkpoint whose weights are the start; the model's shape and the vocabulary come from it. */
  readonly initFrom?: string | undefined;
  /**
   * Checkpoint of a run to go on with as if it had never stopped, or the folder whose newest one it is. The text, its options and
   * the folder for new checkpoints are the run's own where they are not given.
   */
  readonly resume?: string | undefined;
  /**
   * Name of the run, the same in all its checkpoints. Default: a random one. A run that has it already in the folder for checkpoints
   * is begun again there; with `resume` the run that goes on must have it.
   */
  readonly runId?: string | undefined;
  /** Finishes the iteration, saves, and ends the run as `interrupted`; while a text is prepared, its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
  /** Iterations in flight at most. Default: as many as the engine asks for; 1 waits for each, to time it. */
  readonly maxInFlight?: number | undefined;
  /** Those who get each event of the run itself, from its notices on, before the caller does. */
  readonly observers?: readonly TrainingObserver[] | undefined;
  /** Where the options come from, if not from flags or the program that calls. `started` tells it. */
  readonly origins?: OptionOrigins | undefined;
  /** Chooses the engine. Default: the fastest that works here. */
  readonly makeEngine?: MakeEngine | undefined;
}

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
  const {
    text,
    textFile,
    include,
    strict,
    memory,
    validFile,
    testFile,
    checkpointDir,
    initFrom,
    resume,
    runId,
    signal,
    maxInFlight,
    tensorboardDir: _,
    observers: __,
    origins: givenOrigins,
    makeEngine = makeFastEngine,
    ...given
  } = input;
  if (resume !== undefined) {
    yield* resumeTraining(resume, input);
    return;
  }
  if ((text === undefined) === (textFile === undefined)) {
    throw new UsageError('train: give either `text`, the text itself, or `textFile`, where it is');
  }
  const from = initFrom === undefined ? undefined : await namedModel(initFrom);
  for (const message of from?.notices ?? []) yield { type: 'notice', message };
  const initial = from && (await readCheckpointFile(from.path));
  const { options, origins, notices } = startingOptions(given, initial, givenOrigins);
  checkRunId(runId);
  const storage = checkpointDir === undefined ? undefined : runStorage(checkpointDir, { ...options, runId });
  const settings = {
    storage,
    initial,
    signal,
    maxInFlight,
    availableMemory: availableMemory(),
    freeMemory: freeMemory(),
    host: hostname(),
    runId,
    observers: observersOf(input, checkpointDir !== undefined),
    makeEngine,
  };
  if (text !== undefined) {
    if (validFile !== undefined || testFile !== undefined) {
      throw new UsageError('train: `validFile` and `testFile` go with `textFile`');
    }
    yield* trainOnText({ ...given, ...settings, origins: givenOrigins, text });
    return;
  }
  const vocabulary = startingVocabulary(initial, options);
  const corpus = yield* reserving(
    storage,
    preparingEvents(
      prepareCorpus(
        { paths: pathsOf(textFile) ?? [], include },
        { ...options, ...vocabulary.choice, valid: validFile, test: testFile, strict, memory, signal },
      ),
    ),
  );
  try {
    const all = [...notices, ...vocabulary.notices, ...corpus.notices];
    yield* trainOn({ ...corpus, notices: all }, options, { ...settings, origins });
  } finally {
    await storage?.close();
    await corpus.close?.();
  }
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
async function* resumeTraining(from: string, input: TrainInput): AsyncGenerator<TrainingEvent, void, void> {
  const {
    text,
    textFile,
    validFile,
    testFile,
    checkpointDir,
    initFrom,
    resume: _,
    runId,
    signal,
    maxInFlight,
    tensorboardDir: __,
    observers: ___,
    origins: givenOrigins,
    makeEngine = makeFastEngine,
    ...others
  } = input;
  const { include, strict, memory, ...given } = others;
  if (initFrom !== undefined)
    throw new UsageError('train: `resume` continues a run, `initFrom` starts a new one: give only one');
  if (given.initVocabulary !== undefined)
    throw new OptionError('initVocabulary', 'goes with `initFrom`: a resumed run keeps its vocabulary');
  const { saveName } = given;
  checkRunId(runId);
  const found = await checkpointToResume(from, { runId, saveName, paths: pathsOf(textFile) });
  const { path, checkpoint } = found;
  checkSameRun(runId, checkpoint.training.runId, path);
  for (const message of found.warnings) yield { type: 'warning', code: 'checkpoint-damaged', message };
  if (found.others.length > 0) yield { type: 'notice', message: severalRuns(from, found) };
  const { options, origins, notices } = resumedOptions(given, checkpoint, path, givenOrigins);
  checkSameHeldOut({ text, validFile, testFile }, checkpoint, path);
  const { iteration, epoch } = checkpoint.training;
  const storage = await storageOfRun(path, checkpointDir, checkpoint, options);
  // A run that has reached its end writes nothing.
  const isOver =
    epoch >= options.maxEpochs || iteration >= (options.maxIterations ?? Number.POSITIVE_INFINITY);
  const corpusOptions = { ...options, vocabulary: checkpoint.vocabulary };
  const said: string[] = [...notices];
  let corpus: Corpus;
  if (text !== undefined) {
    corpus = await buildCorpus({ text, name: 'the text' }, corpusOptions).catch((error: unknown) => {
      throw ofRun(error, path);
    });
  } else {
    const places = { paths: pathsOf(textFile), include, validFile, testFile };
    const { source, wanted, explain, ...inputs } = await inputsOfRun(checkpoint, path, places, {
      for: 'resume',
    });
    said.push(...inputs.notices);
    const { valid, test } = inputs;
    const preparing = preparingEvents(
      prepareCorpus(source, { ...corpusOptions, valid, test, wanted, strict, memory, signal }),
    );
    corpus = yield* reserving(isOver ? undefined : storage, explained(preparing, explain));
  }
  try {
    checkSameText(corpus.text, checkpoint, path);
    const line = `resuming ${path} at iteration ${formatCount(iteration)}, epoch ${epoch.toFixed(2)}`;
    yield* trainOn({ ...corpus, notices: [line, ...said, ...corpus.notices] }, options, {
      storage,
      initial: checkpoint,
      origins,
      resumes: true,
      signal,
      maxInFlight,
      availableMemory: availableMemory(),
      freeMemory: freeMemory(),
      host: hostname(),
      observers: observersOf(input, true),
      makeEngine,
    });
  } finally {
    await storage.close();
    await corpus.close?.();
  }
}

/**
 * Where a resumed run writes: beside its checkpoint, or in another folder, in which other runs keep what they have.
 *
 * @throws {OptionError} for a `saveName` that another run in the folder has
 */
async function storageOfRun(
  path: string,
  checkpointDir: string | undefined,
  { training }: TrainedCheckpoint,
  { saveName }: TrainingOptions,
): Promise<FolderStorage> {
  const { runId } = training;
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
  storage: FolderStorage | undefined,
  preparing: AsyncGenerator<TrainingEvent, T, void>,
): AsyncGenerator<TrainingEvent, T, void> {
  let isPrepared = false;
  try {
    await storage?.reserve();
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

/** An error of a text that is given itself, where a run goes on. */
function ofRun(error: unknown, checkpoint: string): unknown {
  if (!(error instanceof TextError) || error.code !== 'text-unknown-character') return error;
  const [place] = error.message.split('\n');
  return new TextError(error.code, `${place}\nA run goes on with the text that it began with.`, {
    cause: error,
    remedies: [otherTextRemedy(checkpoint)],
  });
}

function pathsOf(textFile: TrainInput['textFile']): readonly string[] | undefined {
  return typeof textFile === 'string' ? [textFile] : textFile;
}
