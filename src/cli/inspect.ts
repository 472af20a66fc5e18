/** `char-rnn inspect`. */
import { parameterCount } from '../engine/layout.ts';
import { UsageError } from '../errors.ts';
import type { Checkpoint, LossRecord } from '../formats/checkpoint.ts';
import { readCheckpointFile } from '../formats/read.node.ts';
import { layoutOf } from '../model/config.ts';
import { fixed } from '../util/c-format.ts';
import { checkOptions } from '../util/check-options.ts';
import { formatCount } from '../util/format-number.ts';
import { parseArguments } from './arguments.ts';
import { inspectCommand, trainCommand } from './commands.ts';
import { inspectFlagsSchema } from './flags.ts';
import { commandHelp } from './help.ts';
import { describeShape } from './model-shape.ts';
import { watchOutput } from './output.ts';
import { reportError } from './report-error.ts';

export async function runInspect(words: readonly string[]): Promise<number> {
  let typed: ReadonlyMap<string, string> | undefined;
  try {
    const given = parseArguments(words, inspectCommand.flags);
    typed = given.typed;
    if (given.help) {
      process.stdout.write(commandHelp(inspectCommand));
      return 0;
    }
    const { json } = checkOptions(inspectFlagsSchema, given.values);
    const [path, ...more] = given.positionals;
    if (path === undefined || more.length > 0) {
      throw new UsageError(
        `inspect takes one checkpoint, got ${given.positionals.length}: char-rnn inspect CHECKPOINT`,
      );
    }
    const checkpoint = await readCheckpointFile(path);
    const text = json
      ? JSON.stringify(toJson(path, checkpoint), undefined, 2)
      : toLines(path, checkpoint).join('\n');
    watchOutput((code) => {
      process.exitCode = code;
    });
    process.stdout.write(`${text}\n`);
    return 0;
  } catch (error) {
    return reportError(error, inspectCommand.name, typed);
  }
}

function toJson(path: string, checkpoint: Checkpoint) {
  const { config, precision, vocabulary, training } = checkpoint;
  return {
    path,
    ...config,
    parameters: parameterCount(layoutOf(config)),
    precision,
    vocabulary: {
      kind: vocabulary.kind,
      normalize: vocabulary.normalize,
      size: vocabulary.size,
      hasUnknown: vocabulary.hasUnknown,
      unicodeVersion: vocabulary.unicodeVersion,
      symbols: vocabulary.symbols,
    },
    training: training && {
      runId: training.runId,
      iteration: training.iteration,
      epoch: training.epoch,
      learningRate: training.learningRate,
      optimizerSteps: training.optimizerSteps,
      options: training.options,
      text: training.text,
      trainLosses: pairs(training.trainLosses),
      validationLosses: pairs(training.validationLosses),
    },
  };
}

function pairs({ iterations, values }: LossRecord) {
  return Array.from(iterations, (iteration, index) => ({ iteration, loss: values[index] as number }));
}

/** Lines of train losses that are shown; a run has thousands. */
const SHOWN_TRAIN_LOSSES = 10;

function toLines(path: string, checkpoint: Checkpoint): string[] {
  const { config, precision, vocabulary, training } = checkpoint;
  const lines = [
    path,
    `  model            ${describeShape(config)}, dropout ${config.dropout}, ${precision}`,
    `  parameters       ${formatCount(parameterCount(layoutOf(config)))}`,
    `  vocabulary size  ${vocabulary.size}${vocabulary.hasUnknown ? ', one of them for unknown characters' : ''}`,
    `  symbols          ${vocabulary.kind}s ${shownSymbols(vocabulary.symbols)}`,
  ];
  if (!training) return [...lines, '  no training state: a model to use only'];
  lines.push(
    `  iteration        ${formatCount(training.iteration)}, epoch ${fixed(training.epoch, 3)}, learning rate ${training.learningRate}`,
    ...(training.text
      ? [
          `  text             ${formatCount(training.text.bytes)} bytes, SHA-256 ${plain(training.text.sha256)}`,
        ]
      : []),
    'options',
    ...optionLines(training.options),
    'validation losses by iteration',
    ...lossLines(training.validationLosses, Number.POSITIVE_INFINITY),
    `train losses by iteration (${formatCount(training.trainLosses.iterations.length)}, the last ones)`,
    ...lossLines(training.trainLosses, SHOWN_TRAIN_LOSSES),
  );
  return lines;
}

function optionLines(options: Readonly<Record<string, unknown>>): string[] {
  const flagOf = new Map(trainCommand.flags.map((flag) => [flag.key, flag.info.flag]));
  return Object.entries(options).map(
    ([key, value]) =>
      `  ${plain(flagOf.get(key) ?? key).padEnd(26)} ${typeof value === 'number' ? value : plain(String(JSON.stringify(value) ?? ''))}`,
  );
}

/** A text from a file without the characters that could move the cursor or worse. */
function plain(text: string): string {
  return text.replace(/^"(.*)"$/, '$1').replace(/\p{Control}/gu, '\ufffd');
}

function lossLines(record: LossRecord, most: number): string[] {
  const all = pairs(record);
  if (all.length === 0) return ['  none'];
  return all
    .slice(-Math.min(most, all.length))
    .map(({ iteration, loss }) => `  ${String(iteration).padStart(8)}  ${fixed(loss, 6)}`);
}

/** The symbols, escaped where they can't be seen; not all of a large vocabulary. */
function shownSymbols(symbols: readonly string[]): string {
  const shown = symbols.slice(0, 200).map((symbol) => JSON.stringify(symbol).slice(1, -1));
  return (
    shown.join(' ') + (symbols.length > shown.length ? ` … (${symbols.length - shown.length} more)` : '')
  );
}
