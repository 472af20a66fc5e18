/** Training as a library call: from a text and options to a stream of events. Runs in Node and in a page. */
import { buildCorpus, type Corpus, type TextInput } from '../data/corpus.ts';
import { fitShape } from '../data/splits.ts';
import { type MakeEngine, makePortableEngine } from '../engine/select.ts';
import type { Checkpoint } from '../formats/checkpoint.ts';
import type { CheckpointStorage } from '../formats/storage.ts';
import { layoutOf } from '../model/config.ts';
import { checkContent } from '../util/check-content.ts';
import type { Given } from '../util/check-options.ts';
import { formatCount } from '../util/format-number.ts';
import type { OptionOrigins } from '../util/option-origins.ts';
import { advisor } from './advisor.ts';
import type { TrainingEvent } from './events.ts';
import { runTraining } from './loop.ts';
import { observed, type TrainingObserver } from './observers.ts';
import type { TrainingOptions } from './options.ts';
import { reshaped } from './reshape.ts';
import { checkRunId } from './run-id.ts';
import { startingOptions, startingParameters, startingVocabulary } from './start-from.ts';

/** What `train` takes beside the training options. */
export interface TrainSettings {
  /** Where checkpoints go. Absent: nowhere; the last event carries the model. */
  readonly storage?: CheckpointStorage | undefined;
  /** A checkpoint to take the initial weights from; the model's shape and the vocabulary come from it. */
  readonly initial?: Checkpoint | undefined;
  /** Where the options come from, if not from flags or the program that calls. `started` tells it. */
  readonly origins?: OptionOrigins | undefined;
  /** Name of the run, the same in all its checkpoints. Default: a random one. */
  readonly runId?: string | undefined;
  /** Finishes the iteration, saves, and ends the run as `interrupted`. */
  readonly signal?: AbortSignal | undefined;
  /** Bytes of memory that the run may take. Default 4 GB. */
  readonly availableMemory?: number | undefined;
  /** Bytes of it that are free now, where that is known. */
  readonly freeMemory?: number | undefined;
  /** Name of this machine, where it is known. */
  readonly host?: string | undefined;
  /** Iterations in flight at most. Default: as many as the engine asks for; 1 waits for each, to time it. */
  readonly maxInFlight?: number | undefined;
  /** Those who get each event of the run itself, from its notices on, before the caller does. */
  readonly observers?: readonly TrainingObserver[] | undefined;
  /** Chooses the engine. Default: what a page has. */
  readonly makeEngine?: MakeEngine | undefined;
}

export interface TrainInput extends Given<TrainingOptions>, TrainSettings {
  /** The text: a string, or the bytes of a file. */
  readonly text: string | Uint8Array;
  /** What the text is called in messages. */
  readonly name?: string | undefined;
  /** Texts that are held out; the fractions then no longer apply. */
  readonly validation?: TextInput | undefined;
  readonly test?: TextInput | undefined;
}

const DEFAULT_MEMORY = 4e9;

/**
 * Trains a model on a text.
 *
 * @returns events: one for every iteration, evaluation and checkpoint; the last one, `finished`, carries the model
 * @throws {OptionError} for an option that does not fit
 * @throws {TextError} for a text that can't be trained on
 * @throws {MemoryError | CheckpointError | DivergenceError} as `runTraining`
 */
export async function* train(input: TrainInput): AsyncGenerator<TrainingEvent, void, void> {
  const {
    text,
    name = 'the text',
    validation,
    test,
    storage,
    initial,
    origins: givenOrigins,
    signal,
    availableMemory,
    freeMemory,
    host,
    runId,
    makeEngine,
    maxInFlight,
    observers,
    ...given
  } = input;
  checkContent('text', text);
  if (validation) checkContent('validation.text', validation.text);
  if (test) checkContent('test.text', test.text);
  checkRunId(runId);
  const { options, origins, notices } = startingOptions(given, initial, givenOrigins);
  const vocabulary = startingVocabulary(initial, options);
  const corpus = await buildCorpus({ text, name, validation, test }, { ...options, ...vocabulary.choice });
  yield* trainOn({ ...corpus, notices: [...notices, ...vocabulary.notices, ...corpus.notices] }, options, {
    storage,
    initial,
    origins,
    signal,
    availableMemory,
    freeMemory,
    host,
    runId,
    makeEngine,
    maxInFlight,
    observers,
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
