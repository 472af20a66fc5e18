import { namedModel } from '../../checkpoint/storage/find-checkpoint.node.ts';
import { note } from '../terminal/note.ts';

/**
 * The checkpoint that a path names: a file, or the best one in a folder. For a folder, its name goes to standard error.
 *
 * @param say Called with the choice. Default: prints it on standard error.
 * @throws {CheckpointError} `checkpoint-missing` for a folder without a model
 */
export async function findModelFile(path: string, say: (line: string) => void = note): Promise<string> {
  const named = await namedModel(path);
  named.problems.forEach(note);
  if (named.choice !== undefined) say(named.choice);
  return named.path;
}
