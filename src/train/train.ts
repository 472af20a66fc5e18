/** Training as a library call: from a text and options to a stream of events. Runs in Node and in a page. */

import type { Checkpoint, TrainedCheckpoint } from '../checkpoint/checkpoint.ts';
import type { CheckpointStorage } from '../checkpoint/storage/storage.ts';
import { fitShape } from '../data/batches/splits.ts';
import { buildCorpus, type Corpus } from '../data/corpus.ts';
import { makePortableEngine } from '../engine/select.ts';
import { OptionError, UsageError } from '../errors.ts';
import { layoutOf } from '../model/config.ts';
import { formatCount } from '../util/format.ts';
import { advisor } from './advice/advisor.ts';
import type { TrainingEvent } from './events.ts';
import { runTraining } from './loop.ts';
import { observed } from './observers/observers.ts';
import type { TrainingOptions } from './options.ts';
import { reshaped } from './start/reshape.ts';
import {
  asTrained,
  checkSameHeldOut,
  checkSameHeldOutTexts,
  checkSameText,
  errorOfRun,
  type Resumption,
  resumedOptions,
} from './start/resume.ts';
import { checkRunId, checkSameRun } from './start/run-id.ts';
import { startingOptions, startingParameters, startingVocabulary } from './start/start-from.ts';
import {
  checkpointOf,
  type GivenTexts,
  NAMELESS,
  noFiles,
  optionsOf,
  type TrainInput,
  textsOf,
} from './train-input.ts';

/** What a run is made of beside its corpus and options. */
export interface TrainSettings
  extends Pick<
    TrainInput,
    'origins' | 'runId' | 'signal' | 'availableMemory' | 'maxInFlight' | 'observers' | 'makeEngine'
  > {
  /** Where checkpoints go. Absent: nowhere. */
  readonly storage?: CheckpointStorage | undefined;
  /** What the weights, or the run, come from. */
  readonly initial?: Checkpoint | undefined;
  /** Bytes of memory that are free now, where that is known. */
  readonly freeMemory?: number | undefined;
  /** Name of this machine, where it is known. */
  readonly host?: string | undefined;
}

const DEFAULT_MEMORY = 4e9;

/**
 * Trains a model on a text, without files.
 *
 * @returns events: one for every iteration, evaluation and checkpoint; the last one, `finished`, carries the model
 * @throws {OptionError} for an option that does not fit
 * @throws {UsageError} for paths
 * @throws {TextError} for a text that can't be trained on
 * @throws {MemoryError | CheckpointError | DivergenceError} as `runTraining`
 */
export async function* train(input: TrainInput): AsyncGenerator<TrainingEvent, void, void> {
  const { textFile, include, strict, memory, tensorboardDir, checkpointDir } = input;
  const ofFiles = Object.entries({ textFile, include, strict, memory, tensorboardDir });
  for (const [option, value] of ofFiles) if (value !== undefined) throw noFiles(option);
  if (typeof checkpointDir === 'string') throw noFiles('checkpointDir');
  const settings = { ...input, storage: checkpointDir };
  if (input.resume !== undefined) {
    const checkpoint = asTrained(checkpointOf('resume', input.resume), NAMELESS);
    const resumption = resumptionOf(input, checkpoint, NAMELESS);
    const corpus = await corpusToResume(textsOf(input), resumption, NAMELESS);
    yield* resumeOn(corpus, resumption, NAMELESS, settings);
    return;
  }
  const initial = input.initFrom === undefined ? undefined : checkpointOf('initFrom', input.initFrom);
  yield* trainOnText(input, { ...settings, initial });
}

/** Starts a run on the texts that an input holds itself. */
export async function* trainOnText(
  input: TrainInput,
  settings: TrainSettings,
): AsyncGenerator<TrainingEvent, void, void> {
  const texts = textsOf(input);
  checkRunId(input.runId);
  const { initial } = settings;
  const { options, origins, notices } = startingOptions(optionsOf(input), initial, input.origins);
  const vocabulary = startingVocabulary(initial, options);
  const corpus = await buildCorpus(texts, { ...options, ...vocabulary.choice });
  const all = [...notices, ...vocabulary.notices, ...corpus.notices];
  yield* trainOn({ ...corpus, notices: all }, options, { ...settings, origins });
}

/**
 * The options of a run that goes on.
 *
 * @param name What to call its checkpoint in messages.
 * @throws {UsageError | OptionError} for what a run that goes on can't be given
 * @throws {CheckpointError} `checkpoint-option` for an option that can't be changed in the middle of a run
 */
export function resumptionOf(input: TrainInput, checkpoint: TrainedCheckpoint, name: string): Resumption {
  const { initFrom, initVocabulary, runId, origins } = input;
  if (initFrom !== undefined)
    throw new UsageError('train: `resume` continues a run, `initFrom` starts a new one: give only one');
  if (initVocabulary !== undefined)
    throw new OptionError('initVocabulary', 'works only with `initFrom`: a resumed run keeps its vocabulary');
  checkRunId(runId);
  checkSameRun(runId, checkpoint.training.runId, name);
  const resumption = resumedOptions(optionsOf(input), checkpoint, name, origins);
  checkSameHeldOut(input, checkpoint, name);
  return resumption;
}

/**
 * The corpus of a run that goes on with texts that are given themselves.
 *
 * @throws {CheckpointError} `checkpoint-other-text` unless they are those of the run
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

/** Goes on with a run on its corpus. */
export async function* resumeOn(
  corpus: Corpus,
  { options, origins, checkpoint, notices }: Resumption,
  name: string,
  settings: TrainSettings,
): AsyncGenerator<TrainingEvent, void, void> {
  checkSameText(corpus.text, checkpoint, name);
  const { iteration, epoch } = checkpoint.training;
  const line = `resuming ${name} at iteration ${formatCount(iteration)}, epoch ${epoch.toFixed(2)}`;
  yield* trainOn({ ...corpus, notices: [line, ...notices, ...corpus.notices] }, options, {
    ...settings,
    ...{ initial: checkpoint, origins, resumes: true },
  });
}

/** Trains on a corpus that is already there. */
export async function* trainOn(
  corpus: Corpus,
  asked: TrainingOptions,
  {
    storage,
    initial,
    origins,
    signal,
    availableMemory = DEFAULT_MEMORY,
    freeMemory,
    host,
    runId,
    makeEngine = makePortableEngine,
    maxInFlight,
    observers = [],
    resumes = false,
  }: TrainSettings & { readonly resumes?: boolean },
): AsyncGenerator<TrainingEvent, void, void> {
  const options = asked.fit ? { ...asked, ...fitShape(corpus, asked) } : asked;
  const notices = [...corpus.notices];
  if (asked.fit) {
    notices.push(
      `\`fit\`: \`batchSize\` ${formatCount(options.batchSize)}, \`sequenceLength\` ${formatCount(options.sequenceLength)}`,
    );
  }
  const resumed =
    resumes && initial?.training
      ? reshaped(initial.training, corpus, options, layoutOf(initial.config))
      : undefined;
  if (resumed) notices.push(...resumed.notices);
  const { engine, notice } = await makeEngine(options);
  if (notice) notices.push(notice);
  try {
    const events = runTraining({
      corpus: { ...corpus, notices },
      options,
      origins,
      engine,
      storage,
      start: initial && {
        parameters: startingParameters(initial, corpus.vocabulary, options),
        training: resumed?.training,
      },
      signal,
      maxInFlight,
      availableMemory,
      freeMemory,
      host,
      runId,
    });
    yield* observed(events, [advisor(resumed?.training), ...observers]);
  } finally {
    await engine.close();
  }
}
