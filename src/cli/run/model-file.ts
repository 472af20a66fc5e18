/** The checkpoint that a command is given: a file, or the one in a folder. */
import { namedModel } from '../../checkpoint/storage/find-checkpoint.node.ts';
import { note } from '../terminal/note.ts';

/**
 * The file that a path means. For a folder, standard error tells which file it is.
 *
 * @param say Called with the choice. Default: prints it on standard error.
 * @throws {CheckpointError} `checkpoint-missing` for a folder without a model
 */
export async function modelFile(path: string, say: (line: string) => void = note): Promise<string> {
  const named = await namedModel(path);
  named.problems.forEach(note);
  if (named.choice !== undefined) say(named.choice);
  return named.path;
}
