/** The checkpoint that a command is given: a file, or the one in a folder. */
import { namedModel } from '../../checkpoint/storage/find-checkpoint.node.ts';
import { note } from '../terminal/note.ts';

/**
 * The file that a path means. For a folder, standard error tells which file it is.
 *
 * @throws {CheckpointError} `checkpoint-missing` for a folder without a model
 */
export async function modelFile(path: string): Promise<string> {
  const named = await namedModel(path);
  for (const notice of named.notices) note(notice);
  return named.path;
}
