/** Writes an exported file. It gets its final name only after it has been checked. */
import { dirname } from 'node:path';
import { withFile } from '../checkpoint/safetensors/file-source.node.ts';
import { asCheckpointError } from '../checkpoint/storage/folder-storage.node.ts';
import { writeWhole } from '../checkpoint/storage/whole-file.node.ts';
import { makeFolder } from '../util/files.node.ts';
import type { Exported } from './export.ts';

/**
 * @param check Compares the written file with the model. Default: no comparison.
 * @throws {CheckpointError} `checkpoint-save-failed`, `checkpoint-export-differs`; the earlier file is untouched
 */
export async function writeExport(
  path: string,
  { parts, check }: Pick<Exported, 'parts'> & Partial<Pick<Exported, 'check'>>,
): Promise<void> {
  const write = async () => {
    await makeFolder(dirname(path));
    await writeWhole(path, parts, 'other', (temporary) => {
      if (check) withFile(temporary, (file) => check(file, path));
    });
  };
  await asCheckpointError(path, write, 'If there was a file of this name, it is unchanged.');
}
