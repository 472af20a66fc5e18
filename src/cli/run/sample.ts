/** `char-rnn sample`: prints only text to standard output, and everything else to standard error. */
import { readingNotices } from '../../checkpoint/checkpoint.ts';
import type { QuantizeOption } from '../../checkpoint/quantization.ts';
import type { Content } from '../../data/symbols/tokenizer.ts';
import { readWholeText } from '../../data/text/whole-text.node.ts';
import type { Precision } from '../../engine/engine.ts';
import type { EngineName } from '../../engine/names.ts';
import { UsageError } from '../../errors.ts';
import type { LanguageModel } from '../../language-model.node.ts';
import { checkGenerateOptions, type GenerateOptions } from '../../sample/options.ts';
import { encodePrompt } from '../../sample/prompt.ts';
import type { Given } from '../../util/check-options.ts';
import { readPrompt } from '../arguments/escapes.ts';
import type { CommandInput } from '../command.ts';
import { EXIT_FAILURE } from '../exit-codes.ts';
import { estimateSamplingTime, nativeOffer } from '../report/native-offer.ts';
import { sampleFormat } from '../report/sample-formats.ts';
import { slowPrecisionLines } from '../report/slow-precision.ts';
import { converse } from '../sampling/sample-interactive.ts';
import { type SampleRun, writeMany, writeOne } from '../sampling/sample-run.ts';
import { describeModel } from '../terminal/model-text.ts';
import { note } from '../terminal/note.ts';
import { TextOutput } from '../terminal/output.ts';
import { catchSignals } from '../terminal/signals.ts';
import { exampleModel } from './example-model.ts';
import { findModelFile } from './model-file.ts';
import { loadModel } from './read-for-inference.ts';
import { readingOptionsFor } from './reading-options.ts';
import { requestedGpu } from './requested-gpu.ts';

/** The flags that are not options of the library's `generate`. */
export interface SampleFlags {
  readonly interactive: boolean;
  /** 0: always the most likely symbol. */
  readonly sample: number;
  readonly count: number;
  readonly unique: boolean;
  readonly novel?: string | undefined;
  readonly encoding?: string | undefined;
  readonly field?: string | undefined;
  readonly format: 'text' | 'json' | 'jsonl';
  readonly alternatives: number;
  readonly echo: number;
  readonly primeFile?: string | undefined;
  readonly verbose: number;
  readonly precision?: Precision | undefined;
  readonly quantize?: QuantizeOption | undefined;
  readonly engine: EngineName;
  readonly threads?: number | undefined;
  readonly gpu?: number | undefined;
  readonly opencl: number;
}

export async function runSample(
  input: CommandInput,
  own: SampleFlags,
  options: Given<GenerateOptions>,
): Promise<number> {
  const { randomSeed } = input;
  if (own.interactive) checkInteractive(own);
  if (options.draws === 'device' && own.format !== 'text')
    throw new UsageError(
      `--draws device leaves the predictions on the GPU: it cannot be combined with --format ${own.format}, which lists them.`,
    );
  const say = own.verbose === 1 ? note : () => {};
  const named = checkpointOf(input);
  const path = named === undefined ? await exampleModel('sample', say) : await findModelFile(named, say);
  if (randomSeed !== undefined) process.stderr.write(`seed ${randomSeed}\n`);
  const checked = checkGenerateOptions({
    ...options,
    ...(own.sample === 0 && { temperature: 0 }),
    ...(randomSeed !== undefined && { seed: randomSeed }),
    ...(own.primeFile !== undefined && { prompt: '' }),
  });
  const model = await loadModel(path, {
    engine: own.engine,
    gpu: requestedGpu(own),
    threads: own.threads,
    precision: own.precision,
    quantize: own.quantize,
    onNotice: note,
  });
  for (const line of slowPrecisionLines(
    model.checkpoint,
    model.quantization ? 'float32' : own.precision,
    input,
  )) {
    say(line);
  }
  try {
    return await sampleFrom(
      model,
      path,
      own,
      own.interactive ? withTurnLength(checked, input) : checked,
      say,
    );
  } finally {
    await model.close();
  }
}

async function sampleFrom(
  model: LanguageModel,
  path: string,
  own: SampleFlags,
  checked: GenerateOptions,
  say: (line: string) => void,
): Promise<number> {
  const prompt =
    own.primeFile === undefined
      ? promptFromFlag(checked.prompt, model)
      : await readText(own.primeFile, model, own);
  for (const notice of readingNotices(model.checkpoint)) note(`${path}: ${notice}`);
  say(`model: ${await describeModel(model)}`);
  if (own.interactive) return await converse({ model, options: checked, prompt, say: note });
  const milliseconds = estimateSamplingTime(model.parameterCount, (checked.length ?? 0) * own.count);
  const description = await model.describeEngine();
  for (const line of nativeOffer({ engine: own.engine, description, milliseconds })) say(line);
  const novel = own.novel === undefined ? undefined : await readText(own.novel, model, own);
  const stopped = catchSignals();
  const output = new TextOutput((code) => stopped.stop(code));
  const { prompt: _, ...rest } = checked;
  const run: SampleRun = {
    model,
    prompt,
    options: {
      ...rest,
      signal: stopped.signal,
      onNotice: note,
      alternatives: own.format === 'text' ? undefined : own.alternatives,
    },
    format: sampleFormat(own.format, {
      checkpoint: path,
      prompt: encodePrompt(model.vocabulary, prompt, checked.unknown).bytes,
      echo: own.echo === 1,
      oneLine: checked.lines === 1,
    }),
    write: (content) => output.write(content),
  };
  try {
    const isOne = own.count === 1 && !own.unique && novel === undefined;
    if (isOne) await writeOne(run);
    else if (!(await writeMany(run, { count: own.count, unique: own.unique, novel }))) return EXIT_FAILURE;
  } finally {
    stopped.release();
  }
  return stopped.exitCode() ?? 0;
}

/** The length of a turn, in symbols, if no option limits it. */
const TURN_LENGTH = 200;

function withTurnLength(checked: GenerateOptions, { values }: CommandInput): GenerateOptions {
  const ends = ['length', 'lines', 'words', 'seconds', 'stop', 'match', 'template'];
  return ends.some((key) => values[key] !== undefined) ? checked : { ...checked, length: TURN_LENGTH };
}

function checkInteractive({ count, unique, novel, format, primeFile }: SampleFlags): void {
  if (count > 1 || unique || novel !== undefined || format !== 'text') {
    throw new UsageError(
      '--interactive writes one text: it cannot be combined with --count, --unique, --novel or --format.',
    );
  }
  if (primeFile === '-') {
    throw new UsageError(
      '--interactive reads lines from standard input, so --prime-file needs the name of a file.',
    );
  }
}

/** The checkpoint that is named, if there is one. */
function checkpointOf({ positionals, typed }: CommandInput): string | undefined {
  const [path, ...more] = positionals;
  if (more.length > 0)
    throw new UsageError(`sample takes one checkpoint, got ${positionals.length}: ${positionals.join(' ')}`);
  if (typed.has('prompt') && typed.has('primeFile')) {
    throw new UsageError(
      `the prompt is given twice: by ${typed.get('prompt')} and ${typed.get('primeFile')}`,
    );
  }
  return path;
}

/** The typed prompt, with its escapes replaced. */
function promptFromFlag(typed: string, { vocabulary }: LanguageModel): string {
  const { text, notices } = readPrompt(typed, vocabulary, 'the prompt');
  for (const notice of notices) note(notice);
  return text;
}

/** Reads a file, a folder or standard input. A byte model reads it unchanged. */
async function readText(path: string, { checkpoint }: LanguageModel, own: SampleFlags): Promise<Content> {
  const { content, notices } = await readWholeText(path, readingOptionsFor(checkpoint, own));
  for (const notice of notices) note(notice);
  return content;
}
