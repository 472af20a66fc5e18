/** Decides from a file's first bytes whether it can be read as text. */
import { fstatSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { describeSystemError } from '../../util/system-error.ts';
import { fileKind } from './file-kind.ts';
import type { WalkedFile } from './folder-walk.node.ts';
import { OWN_FILE_BYTES, ownFileKind, ownNameKind } from './own-files.ts';

/** A text, a file that this program wrote, or a file that can't be read as text. */
export type FileClass =
  | { readonly is: 'text' }
  | { readonly is: 'own'; readonly kind: string }
  | { readonly is: 'other'; readonly kind: string };

export interface ClassifyOptions {
  /** Whether any bytes can be read as text. */
  readonly anyBytes: boolean;
  /** Whether a file's name is enough to identify a file that this program wrote. */
  readonly byName: boolean;
}

export async function classifyFile(
  file: Pick<WalkedFile, 'path' | 'dev' | 'ino'>,
  options: ClassifyOptions,
): Promise<FileClass> {
  if (isOwnOutput(file)) return { is: 'own', kind: 'the output of this command' };
  const named = options.byName ? ownNameKind(basename(file.path)) : undefined;
  if (named !== undefined) return { is: 'own', kind: named };
  let start: Uint8Array;
  try {
    start = await startOf(file.path);
  } catch (error) {
    return { is: 'other', kind: `unreadable: ${describeSystemError(error)}` };
  }
  const own = ownFileKind(start);
  if (own !== undefined) return { is: 'own', kind: own };
  if (options.anyBytes) return { is: 'text' };
  const kind = fileKind(start);
  if (kind.is === 'text' || kind.is === 'gzip') return { is: 'text' };
  return { is: 'other', kind: kind.name.replace(/^an? /, '') };
}

async function startOf(path: string): Promise<Uint8Array> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(new Uint8Array(OWN_FILE_BYTES), 0, OWN_FILE_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Whether standard output or standard error goes to this file. It would grow while being read. */
function isOwnOutput({ dev, ino }: Pick<WalkedFile, 'dev' | 'ino'>): boolean {
  return [1, 2].some((descriptor) => {
    try {
      const facts = fstatSync(descriptor);
      return facts.isFile() && facts.dev === dev && facts.ino === ino;
    } catch {
      return false;
    }
  });
}
