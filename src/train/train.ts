/**
 * Training as a library call: from a text and options to events. Runs in Node and in a page.
 *
 * A new run takes `planStart`, `corpusToStart` and `startRun`; a resumed one takes `planResumption`, `corpusToResume` and `resumeRun`.
 * Both end in `trainOn`.
 */

import type { Checkpoint, TrainedCheckpoint } from '../checkpoint/checkpoint.ts';
import { givenStorage } from '../checkpoint/storage/given-storage.ts';
import { fitShape } from '../data/batches/splits.ts';
import { buildCorpus, type Corpus } from '../data/corpus.ts';
import { makePortableEngine } from '../engine/select.ts';
import { OptionError, UsageError } from '../errors.ts';
import { layoutOf } from '../model/config.ts';
import { formatCount } from '../util/format.ts';
import type { OptionOrigins } from '../util/option-origins.ts';
import { advisor } from './advice/advisor.ts';
import type { TrainingEvent } from './events.ts';
import { runTraining } from './loop.ts';
import { checkObservers, notifyObservers } from './observers/observers.ts';
import type { TrainingOptions } from './options.ts';
import { applyPreset } from './preset/apply-preset.ts';
import { measureSpeed } from './preset/measure-speed.ts';
import { isEngineFailure, RunEngines } from './recovery/run-engines.ts';
import type { RunInput } from './run/training-run.ts';
import { keptGpuNotice, openedEngine } from './start/kept-engine.ts';
import { reshapeRun } from './start/reshape.ts';
import {
  checkSameHeldOut,
  checkSameHeldOutTexts,
  checkSameRun,
  checkSameText,
  errorOfRun,
  type Resumption,
  requireTrainingState,
  resumedOptions,
} from './start/resume.ts';
import {
  type StartingVocabulary,
  startingOptions,
  startingParameters,
  startingVocabulary,
} from './start/start-from.ts';
import {
  checkMaxInFlight,
  checkpointOf,
  checkRunId,
  type GivenTexts,
  noFilesError,
  optionsOf,
  type TrainInput,
  textsOf,
  UNNAMED_CHECKPOINT,
} from './train-input.ts';

/** The settings of a run that are neither its corpus nor its options. */
export type TrainSettings = Pick<TrainInput, 'availableMemory' | 'observers' | 'makeEngine'> &
  Pick<RunInput, 'storage' | 'runId' | 'signal' | 'maxInFlight' | 'freeMemory' | 'host'>;

/** What a run begins with. */
interface Beginning {
  /** Where the options come from. */
  readonly origins?: OptionOrigins | undefined;
  /** The checkpoint that the weights, or the whole run, come from. */
  readonly initial?: Checkpoint | undefined;
  /** Whether the run of that checkpoint continues. Default: false, a new run. */
  readonly resumes?: boolean | undefined;
}

/** The plan of a new run, before its text is read. */
interface StartPlan {
  readonly options: TrainingOptions;
  readonly origins: OptionOrigins;
  readonly initial: Checkpoint | undefined;
  readonly vocabulary: StartingVocabulary;
  readonly notices: readonly string[];
}

const DEFAULT_MEMORY = 4e9;

/**
 * Trains a model on a text, without files.
 *
 * @returns events: one for every iteration, evaluation and checkpoint; the last one, `finished`, carries the model
 * @throws {OptionError} for an invalid option
 * @throws {UsageError} for paths
 * @throws {TextError} for a text that can't be trained on
 * @throws {MemoryError | CheckpointError | DivergenceError | EngineLostError} as `runTraining`
 */
export async function* train(input: TrainInput): AsyncGenerator<TrainingEvent, void, void> {
  const { textFile, include, strict, memory, tensorboardDir, checkpointDir } = input;
  const ofFiles = Object.entries({ textFile, include, strict, memory, tensorboardDir });
  for (const [option, value] of ofFiles) if (value !== undefined) throw noFilesError(option);
  if (typeof checkpointDir === 'string') throw noFilesError('checkpointDir');
  const settings = { ...input, storage: checkpointDir && givenStorage('checkpointDir', checkpointDir) };
  if (input.resume !== undefined) {
    const checkpoint = requireTrainingState(checkpointOf('resume', input.resume), UNNAMED_CHECKPOINT);
    const resumption = planResumption(input, checkpoint, UNNAMED_CHECKPOINT);
    const corpus = await corpusToResume(textsOf(input), resumption, UNNAMED_CHECKPOINT);
    yield* resumeRun(corpus, resumption, UNNAMED_CHECKPOINT, settings);
    return;
  }
  const initial = input.initFrom === undefined ? undefined : checkpointOf('initFrom', input.initFrom);
  const texts = textsOf(input);
  const plan = planStart(input, initial);
  yield* startRun(await corpusToStart(texts, plan), plan, settings);
}

/**
 * The plan of a new run.
 *
 * @param initial The checkpoint that the weights come from. Default: random weights.
 * @throws {OptionError} for an invalid option
 * @throws {CheckpointError} as `startingOptions`
 */
export function planStart(input: TrainInput, initial: Checkpoint | undefined): StartPlan {
  checkRunId(input.runId);
  checkObservers(input.observers);
  checkMaxInFlight(input.maxInFlight);
  const start = startingOptions(optionsOf(input), initial, input.origins);
  return { ...start, initial, vocabulary: startingVocabulary(initial, start.options) };
}

/** The corpus of a new run, from texts in memory. */
export function corpusToStart(texts: GivenTexts, { options, vocabulary }: StartPlan): Promise<Corpus> {
  return buildCorpus(texts, { ...options, ...vocabulary.choice });
}

/** Starts a run on its corpus. */
export function startRun(
  corpus: Corpus,
  { options, origins, initial, vocabulary, notices }: StartPlan,
  settings: TrainSettings,
): AsyncGenerator<TrainingEvent, void, void> {
  const all = [...notices, ...vocabulary.notices, ...corpus.notices];
  return trainOn({ ...corpus, notices: all }, options, settings, { initial, origins });
}

/**
 * The plan of a resumed run.
 *
 * @param name The name of its checkpoint in messages.
 * @throws {UsageError | OptionError} for an option that a resumed run can't have
 * @throws {CheckpointError} `checkpoint-option` for an option that can't change during a run
 */
export function planResumption(input: TrainInput, checkpoint: TrainedCheckpoint, name: string): Resumption {
  const { initFrom, initVocabulary, runId, origins } = input;
  if (initFrom !== undefined)
    throw new UsageError('train: `resume` continues a run, `initFrom` starts a new one: give only one');
  if (initVocabulary !== undefined)
    throw new OptionError('initVocabulary', 'works only with `initFrom`: a resumed run keeps its vocabulary');
  for (const option of ['preset', 'time'] as const)
    if (input[option] !== undefined)
      throw new OptionError(option, 'works only for a new run: a resumed run keeps its settings');
  checkRunId(runId);
  checkSameRun(runId, checkpoint.training.runId, name);
  checkObservers(input.observers);
  checkMaxInFlight(input.maxInFlight);
  const resumption = resumedOptions(optionsOf(input), checkpoint, name, origins);
  checkSameHeldOut(input, checkpoint, name);
  return resumption;
}

/**
 * The corpus of a resumed run, from texts in memory.
 *
 * @throws {CheckpointError} `checkpoint-other-text` unless they are the texts of the run
 */
export async function corpusToResume(
  texts: GivenTexts,
  { options, checkpoint }: Resumption,
  name: string,
): Promise<Corpus> {
  const { vocabulary } = checkpoint;
  const corpus = await buildCorpus(texts, { ...options, vocabulary }).catch((error: unknown) => {
    throw errorOfRun(error, name);
  });
  checkSameHeldOutTexts(corpus.texts, checkpoint, name);
  return corpus;
}

/** Resumes a run on its corpus. */
export async function* resumeRun(
  corpus: Corpus,
  { options, origins, checkpoint, notices }: Resumption,
  name: string,
  settings: TrainSettings,
): AsyncGenerator<TrainingEvent, void, void> {
  checkSameText(corpus.text, checkpoint, name);
  const { iteration, epoch } = checkpoint.training;
  const line = `resuming ${name} at iteration ${formatCount(iteration)}, epoch ${epoch.toFixed(2)}`;
  const all = [line, ...notices, ...corpus.notices];
  const beginning = { initial: checkpoint, origins, resumes: true };
  yield* trainOn({ ...corpus, notices: all }, options, settings, beginning);
}

/** `preset` for the options that a preset or `fit` has changed. */
function originsOfChanges(asked: TrainingOptions, options: TrainingOptions): OptionOrigins {
  const names = Object.keys(options) as (keyof TrainingOptions)[];
  return Object.fromEntries(
    names.filter((name) => options[name] !== asked[name]).map((name) => [name, 'preset']),
  );
}

/** Enough for a stable median. */
const MEASURING_MILLISECONDS = 400;

/** Measures the speed of training. If the engine fails meanwhile, it measures the one that replaces it. */
async function* speedOn(
  engines: RunEngines,
  options: TrainingOptions,
  vocabularySize: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<TrainingEvent, number, void> {
  for (;;) {
    try {
      return await measureSpeed(engines.current, options, vocabularySize, {
        milliseconds: MEASURING_MILLISECONDS,
        signal,
      });
    } catch (error) {
      if (!isEngineFailure(error)) throw error;
      yield (await engines.replace(error, 0)).warning;
    }
  }
}

/** Trains on a corpus. */
export async function* trainOn(
  corpus: Corpus,
  asked: TrainingOptions,
  {
    availableMemory = DEFAULT_MEMORY,
    makeEngine = makePortableEngine,
    observers = [],
    ...settings
  }: TrainSettings,
  { origins, initial, resumes = false }: Beginning = {},
): AsyncGenerator<TrainingEvent, void, void> {
  const fitted = (options: TrainingOptions) =>
    options.fit ? { ...options, ...fitShape(corpus, options) } : options;
  const resumed =
    resumes && initial?.training
      ? reshapeRun(initial.training, corpus, fitted(asked), layoutOf(initial.config))
      : undefined;
  const engines = await RunEngines.open(
    makeEngine,
    resumes ? { ...asked, ...openedEngine(asked, origins ?? {}) } : asked,
  );
  const gpuNotice =
    resumed && keptGpuNotice(initial?.training?.options ?? {}, asked, engines.current.description.name);
  const run = async function* (): AsyncGenerator<TrainingEvent, void, void> {
    const options = fitted(
      resumed
        ? asked
        : yield* applyPreset(corpus, asked, origins, {
            bounds: { available: availableMemory, limits: engines.current.description.limits },
            facts: {
              saves: settings.storage !== undefined,
              canBeLost: engines.current.description.canBeLost,
            },
            measure: (trial, vocabularySize) => speedOn(engines, trial, vocabularySize, settings.signal),
          }),
    );
    const { batchSize, sequenceLength } = options;
    const shape = `\`batchSize\` ${formatCount(batchSize)}, \`sequenceLength\` ${formatCount(sequenceLength)}`;
    const notices = [
      ...corpus.notices,
      ...(asked.fit ? [`\`fit\`: ${shape}`] : []),
      ...(resumed?.notices ?? []),
      ...(gpuNotice ? [gpuNotice] : []),
      ...(engines.notice ? [engines.notice] : []),
    ];
    yield* runTraining({
      ...settings,
      corpus: { ...corpus, notices },
      options,
      origins: { ...origins, ...originsOfChanges(asked, options) },
      engine: engines.current,
      replaceEngine: (error, iteration) => engines.replace(error, iteration),
      start: initial && {
        parameters: startingParameters(initial, corpus.vocabulary, options),
        training: resumed?.training,
      },
      availableMemory,
    });
  };
  try {
    yield* notifyObservers(run(), [advisor(resumed?.training), ...observers]);
  } finally {
    await engines.close();
  }
}
