/** `char-rnn convert`: writes a model in another format. */
import { basename } from 'node:path';
import { type Checkpoint, readingNotices } from '../../checkpoint/checkpoint.ts';
import type { QuantizeOption } from '../../checkpoint/quantization.ts';
import type { StoredPrecision } from '../../checkpoint/stored-precision.ts';
import { parameterCount } from '../../engine/layout.ts';
import { UsageError } from '../../errors.ts';
import {
  type ExportOptions,
  exportCheckpoint,
  keptPrecision,
  keptQuantization,
} from '../../formats/export.ts';
import type { ExportFormat, FormatName } from '../../formats/format-names.ts';
import { pythonModule } from '../../formats/python-module.ts';
import { openCheckpointPath } from '../../formats/read.node.ts';
import { layoutOf } from '../../model/config.ts';
import { formatCount } from '../../util/format.ts';
import { fileWord } from '../arguments/command-line.ts';
import type { CommandInput } from '../command.ts';
import { describeShape, storedText } from '../terminal/model-text.ts';
import { watchOutput } from '../terminal/output.ts';
import { catchSignals } from '../terminal/signals.ts';
import { checkCanCreate, formatFromName, type OutputFile, writeFiles } from './exported-files.ts';
import { findModelFile } from './model-file.ts';

export interface ConvertFlags {
  readonly from?: FormatName | undefined;
  readonly to?: ExportFormat | undefined;
  readonly asModule: boolean;
  readonly weights?: 'npz' | undefined;
  readonly precision?: StoredPrecision | undefined;
  readonly quantize?: QuantizeOption | undefined;
  readonly json: boolean;
  readonly force: boolean;
}

export async function runConvert({ positionals }: CommandInput, flags: ConvertFlags): Promise<number> {
  watchOutput((code) => {
    process.exitCode = code;
  });
  const [from, to, ...more] = positionals;
  if (from === undefined || to === undefined || more.length > 0) {
    throw new UsageError(`convert takes two files, IN and OUT, got ${positionals.length}.`, {
      remedies: [{ text: 'For example', command: ['convert', 'cv/best.safetensors', 'model.onnx'] }],
    });
  }
  const format = flags.to ?? formatFromName(to);
  const isSafetensors = format === 'safetensors' || format === 'pytorch';
  if (flags.asModule && !isSafetensors) {
    const weights = fileWord(withExtension(to, '.safetensors'));
    throw new UsageError(`--as-module works only with weights in safetensors, not in ${to}.`, {
      remedies: [
        {
          text: 'Write them as safetensors',
          command: ['convert', fileWord(from), weights, '--as-module'],
        },
      ],
    });
  }
  const module = flags.asModule ? withExtension(to, '.py') : undefined;
  if (module === to)
    throw new UsageError(`${to} is the name of the Python module: give the weights another name.`);
  const weights = flags.weights === 'npz' && format !== 'npz' ? withExtension(to, '.npz') : undefined;
  await checkCanCreate([to, module, weights], flags.force);

  const { checkpoint, format: found } = await openCheckpointPath(await findModelFile(from), flags.from);
  const exportAs = (to: ExportFormat) =>
    exportCheckpoint(checkpoint, to, {
      ...typesFor(checkpoint, to, flags),
      pytorchModules: !flags.asModule,
    });
  const main = exportAs(format);
  const arrays = weights === undefined ? undefined : exportAs('npz');
  const outputs: OutputFile[] = [{ path: to, parts: main.parts, check: main.check }];
  if (weights !== undefined && arrays) outputs.push({ path: weights, ...arrays });
  if (module) outputs.push({ path: module, parts: [new TextEncoder().encode(pythonModule(basename(to)))] });

  const { config } = checkpoint;
  // Signals are caught only while files are written, to remove a partial file. During reading a signal ends the program directly.
  const stopped = catchSignals();
  const say = (line: string) => {
    if (!flags.json) process.stdout.write(`${line}\n`);
  };
  say(
    `${from}: ${found}, ${describeShape(config)}, ${formatCount(parameterCount(layoutOf(config)))} parameters, ${storedText(checkpoint)}`,
  );
  for (const notice of readingNotices(checkpoint)) say(notice);
  const { sizes, exitCode } = await writeFiles(outputs, stopped, say);
  if (exitCode !== undefined) return exitCode;
  // A vocabulary has no weights, but the .npz file next to it does.
  const { notices } = format === 'vocabulary' && arrays ? arrays : main;
  for (const notice of notices) say(notice);
  if (flags.json) {
    const files = outputs.map(({ path }, index) => ({ path, bytes: sizes[index] }));
    const read = readingNotices(checkpoint);
    process.stdout.write(
      `${JSON.stringify({ from, format: found, to: format, files, notices: [...read, ...notices] }, undefined, 2)}\n`,
    );
  }
  return 0;
}

/** The types to store: as asked, by default as in the file. A Python module reads floats. */
function typesFor(
  checkpoint: Checkpoint,
  format: ExportFormat,
  { quantize, precision, asModule }: ConvertFlags,
): Pick<ExportOptions, 'precision' | 'quantize'> {
  if (quantize === 'int8' && asModule) {
    throw new UsageError('--as-module writes a Python module that reads floats: leave out --quantize int8.');
  }
  const asStored = quantize === undefined && precision === undefined && !asModule;
  const wanted = asStored ? keptQuantization(checkpoint, format) : quantize;
  if (wanted === 'int8') return { precision, quantize: wanted };
  return { precision: precision ?? keptPrecision(checkpoint, format) };
}

/** Replaces the extension of a path. */
function withExtension(path: string, extension: string): string {
  return path.replace(/(?<=[^/\\])\.[^./\\]+$/, '') + extension;
}
