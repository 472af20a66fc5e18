/** Writes exported models to files that the user names: `convert`, `average`. */
import type { Stats } from 'node:fs';
import { lstat, readlink, stat } from 'node:fs/promises';
import { CheckpointError, UsageError } from '../../errors.ts';
import { type Exported, formatOfName } from '../../formats/export.ts';
import { EXPORT_FORMATS, type ExportFormat } from '../../formats/format-names.ts';
import { writeExport } from '../../formats/write-export.node.ts';
import { formatBytes } from '../../util/format.ts';
import type { catchSignals } from '../terminal/signals.ts';

/** A file to be written. */
export interface OutputFile {
  readonly path: string;
  readonly parts: Iterable<Uint8Array>;
  /** Compares the written file with the model. */
  readonly check?: Exported['check'];
}

/** @throws {UsageError} if the extension is not that of a format */
export function formatFromName(path: string): ExportFormat {
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

/**
 * Refuses files that exist, and anything that is not a file: writing replaces the whole file, so /dev/stdout would become one.
 *
 * @throws {CheckpointError} `checkpoint-exists`
 */
export async function checkCanCreate(paths: readonly (string | undefined)[], force: boolean): Promise<void> {
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

/**
 * Writes files. A signal removes the file that is being written, and the rest is not written.
 *
 * @param stopped From `catchSignals`; released at the end.
 * @param say Called with a line for each file.
 * @returns the size of each file in bytes, and the exit code if a signal came
 */
export async function writeFiles(
  files: readonly OutputFile[],
  stopped: ReturnType<typeof catchSignals>,
  say: (line: string) => void,
): Promise<{ readonly sizes: readonly number[]; readonly exitCode: number | undefined }> {
  const sizes: number[] = [];
  try {
    for (const file of files) {
      const size = await write(file, stopped.signal);
      sizes.push(size);
      say(`wrote ${file.path}, ${formatBytes(size)}`);
    }
  } catch (error) {
    if (!stopped.signal.aborted) throw error;
  } finally {
    stopped.release();
  }
  return { sizes, exitCode: stopped.exitCode() };
}

/** Writes the whole file, or nothing if it is aborted. @returns its size in bytes */
async function write({ path, parts, check }: OutputFile, signal: AbortSignal): Promise<number> {
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
