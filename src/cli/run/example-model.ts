/** The model that comes with the package: `sample` and `serve` use it if no checkpoint is named. */
import { fileURLToPath } from 'node:url';
import { modelsHere } from '../../checkpoint/storage/find-checkpoint.node.ts';
import { UsageError } from '../../errors.ts';
import { commandLine, fileWord } from '../arguments/command-line.ts';
import { note } from '../terminal/note.ts';

const EXAMPLE_MODEL = fileURLToPath(new URL('../../../models/moby-dick.safetensors', import.meta.url));

/**
 * The path of the example model, for a command without a checkpoint.
 *
 * @param say Called with a line that says so. Default: prints it on standard error.
 * @throws {UsageError} if there are models here: one of them is more likely to be meant
 */
export async function exampleModel(command: 'sample' | 'serve', say = note): Promise<string> {
  const [model] = await modelsHere();
  if (model !== undefined) {
    throw new UsageError(`${command} needs a model: a checkpoint, or the folder of a run.`, {
      remedies: [{ text: 'For example', command: [command, fileWord(model)] }],
    });
  }
  const other = commandLine([command, 'CHECKPOINT']);
  say(`no checkpoint is named: using the example model, trained on Moby Dick. To use another: ${other}`);
  return EXAMPLE_MODEL;
}
