/** `char-rnn train`: trains a model, shows its progress and prints a summary. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Remedy, UsageError } from '../../errors.ts';
import type { BaselineEvent, FinishedEvent, StartedEvent } from '../../train/events.ts';
import type { TrainingOptions } from '../../train/options.ts';
import { train } from '../../train/train.node.ts';
import type { TrainInput } from '../../train/train-input.ts';
import type { Given } from '../../util/check-options.ts';
import { parseSize } from '../../util/format.ts';
import { eventInFlags } from '../arguments/flags-in-messages.ts';
import type { CommandInput } from '../command.ts';
import { gpuOffer } from '../report/gpu-offer.ts';
import { nativeOffer } from '../report/native-offer.ts';
import { remedyLines } from '../report/report-error.ts';
import { watchOutput } from '../terminal/output.ts';
import { plainLog, type TrainingView } from '../terminal/plain-log.ts';
import { catchSignals } from '../terminal/signals.ts';
import { requestedGpu } from './requested-gpu.ts';
import { findNewestRun } from './resumed-run.ts';
import { type RunStart, writeRunFile } from './run-file.ts';
import { summaryLines } from './run-summary.ts';

/** The flags that are not training options. */
export interface TrainFlags extends Pick<TrainInput, 'include' | 'strict'> {
  readonly configFile?: string | undefined;
  readonly dataDir: string;
  /** `2GB`. */
  readonly memory?: string | undefined;
  readonly validation?: string | undefined;
  readonly test?: string | undefined;
  readonly initFrom?: string | undefined;
  /** The empty string means the newest run. */
  readonly resume?: string | undefined;
  readonly checkpointDir: string;
  readonly tensorboardDir?: string | undefined;
  readonly log: 'auto' | 'plain';
  readonly accurateGpuTiming: number;
  readonly opencl: number;
}

export async function runTrain(
  input: CommandInput,
  own: TrainFlags,
  given: Given<TrainingOptions>,
): Promise<number> {
  const { log, dataDir, opencl, accurateGpuTiming, memory: size, configFile: _, ...rest } = own;
  const options = { ...given, gpu: requestedGpu({ ...given, opencl }) };
  const maxInFlight = accurateGpuTiming ? 1 : undefined;
  const memory = size === undefined ? undefined : parseSize(size);
  const textFile = textOf(input, dataDir, rest.resume !== undefined);
  const { notices, ...resumed } = await resumedFiles(input, rest, options, textFile);
  const files = { ...rest, ...resumed };
  const view = await makeView(log);
  for (const line of notices) view.note(line);
  let isTraining = false;
  const stopped = catchSignals((code) => {
    // Before the first iteration there is nothing to save, and reading from a pipe may never end.
    if (!isTraining) {
      view.note('stopped before the first iteration: nothing was saved');
      process.exit(code);
    }
    view.note('stopping after this iteration …');
  });
  // A closed pipe ends the run, with a checkpoint. A closed terminal ends it only by SIGHUP.
  watchOutput(
    (code) => {
      if (code === 0) view.note('standard output was closed: stopping after this iteration …');
      stopped.stop(code);
    },
    { outlivesTerminal: true },
  );
  let finished: FinishedEvent | undefined;
  let started: StartedEvent | undefined;
  let baseline: BaselineEvent | undefined;
  let begun = performance.now();
  let iterations = 0;
  let isTimed = false;
  try {
    for await (const event of train({
      ...options,
      origins: input.origins,
      ...files,
      textFile,
      memory,
      maxInFlight,
      signal: stopped.signal,
    })) {
      view.show(eventInFlags(event, input.command.flags));
      if (event.type === 'started') {
        isTraining = true;
        const problem = writeRunFile(event, runStart(input, textFile, rest));
        if (problem) view.note(problem);
        if (event.start === 'new' && !CHOSEN.some((option) => event.origins[option])) view.note(PRESET_HINT);
        started = event;
        begun = performance.now();
      }
      if (event.type === 'timed' && !isTimed) {
        isTimed = true;
        const time = {
          engine: options.engine ?? 'auto',
          description: started?.engine ?? '',
          milliseconds: event.restMilliseconds,
        };
        const { engine, milliseconds } = time;
        const lines = [
          ...nativeOffer(time),
          ...gpuOffer({ engine, gpu: started?.options.gpu, milliseconds }),
        ];
        for (const line of lines) view.note(line);
      }
      if (event.type === 'baseline') baseline = event;
      if (event.type === 'iteration') iterations++;
      // The lines at the start already contain the advice about the model's size.
      if (event.type === 'notice' || (event.type === 'advice' && !event.code.startsWith('model-'))) {
        const remedies = usableRemedies(event.remedies ?? [], input);
        for (const line of remedyLines(remedies, input)) view.note(line);
      }
      if (event.type === 'finished') finished = event;
    }
  } finally {
    view.close();
  }
  if (started && finished) {
    const milliseconds = performance.now() - begun;
    for (const line of await summaryLines({ started, finished, baseline, iterations, milliseconds }))
      view.note(line);
  }
  return stopped.exitCode() ?? 0;
}

/** A user who sets one of these needs no hint at presets. */
const CHOSEN = ['preset', 'time', 'cell', 'hiddenSize', 'layers', 'optimizer', 'learningRate', 'maxEpochs'];
const PRESET_HINT =
  "these are the original's settings; --preset balanced chooses settings for this text and machine, which usually give a lower loss in the same time";

/** The inputs of the run that `run.json` stores besides the training options. */
function runStart(
  { origins }: CommandInput,
  textFile: string | readonly string[] | undefined,
  rest: Readonly<Record<string, unknown>>,
): RunStart {
  const { checkpointDir: _, tensorboardDir: __, resume: ___, ...inputs } = rest;
  return { textFile, inputs, paths: new Set(['validation', 'test', 'initFrom']), origins };
}

/** Drops remedies that start a new run if the command line names no text. */
function usableRemedies(
  remedies: readonly Remedy[],
  { positionals, typed }: CommandInput,
): readonly Remedy[] {
  if (positionals.length > 0 || typed.has('dataDir')) return remedies;
  return remedies.filter(({ set }) => !set || !Object.hasOwn(set, 'resume') || set.resume !== undefined);
}

/**
 * Where to resume from and where to save. `--resume` without a value finds the newest run in the checkpoint folder and its numbered
 * siblings. New checkpoints go to the folder of the resumed one, unless another was typed.
 */
async function resumedFiles(
  { typed }: CommandInput,
  { resume, checkpointDir }: { readonly resume?: string | undefined; readonly checkpointDir: string },
  { saveName }: Given<TrainingOptions>,
  textFile: TrainInput['textFile'],
): Promise<Pick<TrainInput, 'resume' | 'checkpointDir'> & { readonly notices: readonly string[] }> {
  if (resume === undefined) return { checkpointDir, notices: [] };
  const asked = typed.has('checkpointDir') ? checkpointDir : undefined;
  if (resume) return { resume, checkpointDir: asked, notices: [] };
  // The run to resume is in the typed folder.
  if (asked !== undefined) return { resume: asked, checkpointDir: asked, notices: [] };
  const paths = typeof textFile === 'string' ? [textFile] : textFile;
  return { ...(await findNewestRun(checkpointDir, { saveName, paths })), checkpointDir: undefined };
}

/** The text to train on; undefined for a resumed run, which knows its text. */
function textOf(
  { positionals, typed }: CommandInput,
  dataDir: string,
  resumes: boolean,
): string | readonly string[] | undefined {
  const [text] = positionals;
  if (text !== undefined && typed.has('dataDir')) {
    throw new UsageError(`the text is named twice: ${text} and ${typed.get('dataDir')} ${dataDir}`);
  }
  if (positionals.length > 1 && positionals.includes('-')) {
    throw new UsageError(
      'standard input, -, cannot be one of several texts. Save it to a file and name that.',
    );
  }
  if (text !== undefined) return positionals;
  if (typed.has('dataDir')) return dataDir;
  if (resumes) return undefined;
  if (existsSync(join(dataDir, 'input.txt'))) return dataDir;
  throw new UsageError(`no text was named, and there is no ${join(dataDir, 'input.txt')} here.`, {
    remedies: [
      { text: 'Name a text file', command: ['train', 'book.txt'] },
      { text: 'Or a folder of texts', command: ['train', 'texts/'] },
      { text: 'Or pipe a text to standard input, and name it -' },
    ],
  });
}

async function makeView(log: 'auto' | 'plain'): Promise<TrainingView> {
  const { TERM, CI } = process.env;
  const live = log === 'auto' && process.stdout.isTTY && TERM !== 'dumb' && !CI;
  return live ? (await import('../terminal/live-view.ts')).liveView() : plainLog();
}
