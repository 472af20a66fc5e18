/** `char-rnn convert`: writes a model in another format. */
import type { Stats } from 'node:fs';
import { lstat, readlink, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { readingNotices } from '../../checkpoint/checkpoint.ts';
import type { StoredPrecision } from '../../checkpoint/stored-precision.ts';
import { parameterCount } from '../../engine/layout.ts';
import { CheckpointError, UsageError } from '../../errors.ts';
import { type Exported, exportCheckpoint, formatOfName, keptPrecision } from '../../formats/export.ts';
import { EXPORT_FORMATS, type ExportFormat, type FormatName } from '../../formats/format-names.ts';
import { pythonModule } from '../../formats/python-module.ts';
import { openCheckpointPath } from '../../formats/read.node.ts';
import { writeExport } from '../../formats/write-export.node.ts';
import { layoutOf } from '../../model/config.ts';
import { formatBytes, formatCount } from '../../util/format.ts';
import { fileWord } from '../arguments/command-line.ts';
import type { CommandInput } from '../command.ts';
import { describeShape, storedText } from '../terminal/model-text.ts';
import { watchOutput } from '../terminal/output.ts';
import { catchSignals } from '../terminal/signals.ts';
import { findModelFile } from './model-file.ts';

export interface ConvertFlags {
  readonly from?: FormatName | undefined;
  readonly to?: ExportFormat | undefined;
  readonly asModule: boolean;
  readonly weights?: 'npz' | undefined;
  readonly precision?: StoredPrecision | undefined;
  readonly json: boolean;
  readonly force: boolean;
}

/** A file to be written. */
interface Output {
  readonly path: string;
  readonly parts: Iterable<Uint8Array>;
  /** Compares the written file with the model. */
  readonly check?: Exported['check'];
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
      precision: flags.precision ?? keptPrecision(checkpoint, to),
      pytorchModules: !flags.asModule,
    });
  const main = exportAs(format);
  const arrays = weights === undefined ? undefined : exportAs('npz');
  const outputs: Output[] = [{ path: to, parts: main.parts, check: main.check }];
  if (weights !== undefined && arrays) outputs.push({ path: weights, ...arrays });
  if (module) outputs.push({ path: module, parts: [new TextEncoder().encode(pythonModule(basename(to)))] });

  const { config } = checkpoint;
  // Signals are caught only while files are written, to remove a partial file. During reading a signal ends the program directly.
  const stopped = catchSignals();
  const say = (line: string) => {
    if (!flags.json) process.stdout.write(`${line}\n`);
  };
  const sizes: number[] = [];
  try {
    say(
      `${from}: ${found}, ${describeShape(config)}, ${formatCount(parameterCount(layoutOf(config)))} parameters, ${storedText(checkpoint)}`,
    );
    for (const notice of readingNotices(checkpoint)) say(notice);
    for (const output of outputs) {
      const size = await write(output, stopped.signal);
      sizes.push(size);
      say(`wrote ${output.path}, ${formatBytes(size)}`);
    }
  } catch (error) {
    if (!stopped.signal.aborted) throw error;
  } finally {
    stopped.release();
  }
  const signalled = stopped.exitCode();
  if (signalled !== undefined) return signalled;
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

/** @throws {UsageError} if the extension is not that of a format */
function formatFromName(path: string): ExportFormat {
  const format = formatOfName(path);
  if (format) return format;
  const pickle = /\.(pt|pth|bin)$/i.test(path)
    ? '\nPyTorch reads .safetensors files; .pt files hold Python objects, which only Python can write.'
    : '';
  throw new UsageError(
    `${path}: its name does not show the format. End it in .safetensors, .onnx, .npz, .t7 or .json (torch-rnn's vocabulary).${pickle}`,
    {
      remedies: [
        { text: `Or name the format, one of ${EXPORT_FORMATS.join(', ')}`, set: { to: 'safetensors' } },
      ],
    },
  );
}

/** Replaces the extension of a path. */
function withExtension(path: string, extension: string): string {
  return path.replace(/(?<=[^/\\])\.[^./\\]+$/, '') + extension;
}

/**
 * Refuses files that exist, and anything that is not a file: writing replaces the whole file, so /dev/stdout would become one.
 *
 * @throws {CheckpointError} `checkpoint-exists`
 */
async function checkCanCreate(paths: readonly (string | undefined)[], force: boolean): Promise<void> {
  for (const path of paths) {
    if (path === undefined) continue;
    const [there, meant] = await Promise.all([factsOf(lstat(path)), factsOf(stat(path))]);
    // A link into /proc, such as /dev/stdout, is something that this process has open, even if it leads to a file.
    const target = await readlink(path).catch(() => '');
    if ((meant && !meant.isFile()) || target.startsWith('/proc/')) {
      throw new CheckpointError(
        'checkpoint-exists',
        `${path} is not a file, and was not changed. Name a file to write to.`,
      );
    }
    if (there && !force) {
      throw new CheckpointError(
        'checkpoint-exists',
        `${path} exists, and was not changed. Name another file, or replace it.`,
        { remedies: [{ text: 'To replace it', set: { force: true } }] },
      );
    }
  }
}

function factsOf(facts: Promise<Stats>): Promise<Stats | undefined> {
  return facts.catch(() => undefined);
}

/** Writes the whole file, or nothing if it is aborted. @returns its size in bytes */
async function write({ path, parts, check }: Output, signal: AbortSignal): Promise<number> {
  let size = 0;
  const counted = (function* () {
    for (const part of parts) {
      signal.throwIfAborted();
      size += part.length;
      yield part;
    }
  })();
  await writeExport(path, { parts: counted, ...(check && { check }) });
  return size;
}
