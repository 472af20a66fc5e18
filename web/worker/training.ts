/** Training in the worker: the events of a run as messages, at most four a second. */
import { cellFacts } from '../../src/engine/cells.ts';
import { openCheckpoint } from '../../src/formats/open.ts';
import { InMemoryModel } from '../../src/in-memory-model.ts';
import { baselineText, judgeRunSize, memoryText } from '../../src/train/event-facts.ts';
import type { TrainingEvent } from '../../src/train/events.ts';
import { train } from '../../src/train/train.ts';
import { formatCount } from '../../src/util/format.ts';
import { modelFileName } from '../model-file-name.ts';
import type { Api, TrainingMessage, TrainRequest } from './api.ts';
import { setModel } from './open-model.ts';
import { optionsToEndAt } from './run-end.ts';
import { deleteRun, newRunFolder, RunFolder } from './stored-runs.ts';

type StartedEvent = Extract<TrainingEvent, { type: 'started' }>;

/** Milliseconds between messages about iterations. Drawing the curve takes processor time from the threads that train. */
const INTERVAL = 250;
/** How often a run is saved by default: a browser may close a page at any time, on a phone even without warning. */
const CHECKPOINT_EVERY = '1m';

export const trainInWorker: Api['train'] = async function* (request, signal) {
  const { folder, problem } = await folderOf(request);
  if (problem !== undefined) yield { type: 'message', kind: 'warning', text: problem };
  let hasStarted = false;
  try {
    for await (const message of messagesOf(request, folder, signal)) {
      hasStarted ||= message.type === 'started';
      yield message;
    }
  } finally {
    // Of a run that could not start, nothing stays.
    if (!hasStarted && request.resume === undefined && folder) await deleteRun(folder.id).catch(() => {});
  }
};

async function* messagesOf(
  request: TrainRequest,
  folder: RunFolder | undefined,
  signal: AbortSignal,
): AsyncGenerator<TrainingMessage, void, void> {
  const points = new PointBuffer();
  let iterations = 0;
  let bestLoss = request.resume === undefined ? undefined : (await folder?.record())?.bestLoss;
  /** Whether the last checkpoint could not be written. */
  let isUnsaved = false;
  let started: StartedEvent | undefined;
  /** Without space for it, the list shows the run as it was. Its model is not lost. */
  const record = (iteration: number) =>
    folder?.writeRecord({ name: request.name, iteration, iterations, bestLoss }).catch(() => {});
  async function* backTo(iteration: number): AsyncGenerator<TrainingMessage> {
    if (points.length > 0) yield { ...points.take(), iterations };
    yield { type: 'back', iteration, facts: started ? factsOf(started) : [] };
  }
  for await (const event of await runOf(request, folder, signal)) {
    switch (event.type) {
      case 'started':
        ({ iterations } = event);
        started = event;
        yield {
          type: 'started',
          run: folder?.id ?? '',
          facts: factsOf(event),
          ...{ iteration: event.iteration, iterations },
        };
        break;
      case 'iteration':
        points.add(event);
        if (points.isDue) yield { ...points.take(), iterations };
        break;
      case 'evaluated':
        if (event.best) bestLoss = event.validationLoss;
        yield {
          type: 'evaluated',
          ...{ iteration: event.iteration, validationLoss: event.validationLoss, best: event.best },
        };
        break;
      case 'baseline':
        yield {
          type: 'baseline',
          ...{ loss: event.loss, order: event.order, fact: `baseline: ${baselineText(event, started)}` },
        };
        break;
      case 'sampled':
        yield { type: 'sampled', iteration: event.iteration, text: event.text };
        break;
      case 'checkpointed':
        isUnsaved = false;
        await record(event.iteration);
        break;
      case 'notice':
      case 'warning':
      case 'advice':
        // The facts at the start contain it.
        if (event.type === 'advice' && event.code.startsWith('model-')) break;
        // One warning is enough if the browser has no space for any checkpoint.
        if (event.type === 'warning' && event.code === 'checkpoint-save-failed') {
          if (isUnsaved) break;
          isUnsaved = true;
        }
        yield { type: 'message', kind: event.type, text: event.message };
        break;
      case 'restored':
        yield { type: 'message', kind: 'warning', text: event.reason };
        yield* backTo(event.iteration);
        break;
      case 'continued':
        // A warning has explained it.
        if (started) started = { ...started, engine: event.engine };
        yield* backTo(event.iteration);
        break;
      case 'finished': {
        if (points.length > 0) yield { ...points.take(), iterations };
        if (event.path !== undefined) await record(event.iteration);
        const model = await setModel(async () => ({
          model: new InMemoryModel(event.checkpoint),
          name: modelFileName(request.name),
        }));
        yield { type: 'finished', reason: event.reason, isStored: event.path !== undefined, model };
      }
    }
  }
}

/** The run's folder; a reason if the browser keeps none, for example in a private window. */
async function folderOf({ resume, text }: TrainRequest): Promise<{ folder?: RunFolder; problem?: string }> {
  if (resume !== undefined) return { folder: await RunFolder.open(resume) };
  try {
    const folder = await newRunFolder(async (made) => {
      await made.writeText(text);
      return made;
    });
    return { folder };
  } catch (error) {
    return {
      problem: `this browser can't store the run (${(error as Error).message}): save the model before you close the page.`,
    };
  }
}

async function runOf(
  { text, name, options, resume, lastIteration }: TrainRequest,
  folder: RunFolder | undefined,
  signal: AbortSignal,
): Promise<AsyncIterable<TrainingEvent>> {
  // The page offers only the best and the last checkpoint, of which the storage has copies.
  const given = { signal, name, checkpointDir: folder?.storage, keep: 1 };
  if (resume === undefined || !folder)
    return train({ checkpointEvery: CHECKPOINT_EVERY, ...options, ...given, text });
  const checkpoint = openCheckpoint(await folder.checkpoint('last'), name);
  const { training } = checkpoint;
  const end = lastIteration !== undefined && training ? optionsToEndAt(lastIteration, training) : {};
  return train({
    // As of a preset: a run that has its own interval keeps it.
    ...{ checkpointEvery: CHECKPOINT_EVERY, origins: { checkpointEvery: 'preset' } },
    ...{ ...options, ...end, ...given },
    text: await folder.text(),
    resume: checkpoint,
  });
}

/** What `train` prints before the first iteration. */
function factsOf(event: StartedEvent): string[] {
  const { text, vocabularySize, parameters, batches, engine, options, start } = event;
  const { cell, layers, hiddenSize } = options;
  const { initialBias } = cellFacts(cell);
  return [
    [
      `text: ${text.name}, ${formatCount(text.bytes)} bytes, ${formatCount(text.characters)} characters`,
      `${formatCount(vocabularySize)} of them different`,
      ...(text.documents === undefined ? [] : [`${formatCount(text.documents)} documents`]),
    ].join(', '),
    `batches: ${formatCount(batches.train)} for training, ${formatCount(batches.validation)} for validation, ${formatCount(batches.test)} for the test`,
    [
      `model: ${cell}, ${layers} × ${hiddenSize}, ${formatCount(parameters)} parameters`,
      ...(initialBias && start === 'new'
        ? [`${initialBias.title} biases start at ${initialBias.value}`]
        : []),
    ].join(', '),
    `size: ${judgeRunSize(event).sentence}`,
    `memory: ${memoryText(event)}`,
    `engine: ${engine}`,
  ];
}

/** Collects iterations until a message is due. */
class PointBuffer {
  #points: number[] = [];
  #symbols = 0;
  #milliseconds = 0;
  /** The first iteration is shown at once. */
  #last = Number.NEGATIVE_INFINITY;

  get length(): number {
    return this.#points.length;
  }

  get isDue(): boolean {
    return performance.now() - this.#last >= INTERVAL;
  }

  add(event: Extract<TrainingEvent, { type: 'iteration' }>): void {
    this.#points.push(event.iteration, event.epoch, event.trainLoss, event.milliseconds);
    this.#symbols += event.tokens;
    this.#milliseconds += event.milliseconds;
  }

  take(): Omit<Extract<TrainingMessage, { type: 'points' }>, 'iterations'> {
    const points = Float64Array.from(this.#points);
    const symbolsPerSecond = (1000 * this.#symbols) / (this.#milliseconds || 1);
    this.#points = [];
    this.#symbols = 0;
    this.#milliseconds = 0;
    this.#last = performance.now();
    return { type: 'points', points, symbolsPerSecond };
  }
}
