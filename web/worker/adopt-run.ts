/** Takes a run that was trained elsewhere, for example on the command line, into the browser's storage, so that it can continue here. */
import type { Checkpoint, TrainingState } from '../../src/checkpoint/checkpoint.ts';
import { unpacked } from '../../src/data/encoding/decode.ts';
import { openCheckpoint } from '../../src/formats/open.ts';
import { formatCount } from '../../src/util/format.ts';
import { sha256 } from '../../src/util/hash.ts';
import { lastPart } from '../../src/util/last-part.ts';
import type { NamedBytes } from './api.ts';
import { recordOf } from './run-end.ts';
import { newRunFolder, type StoredRun } from './stored-runs.ts';

/**
 * Stores a run.
 *
 * @param file A checkpoint with its training state, such as last.safetensors.
 * @param text The text that the run was trained on, byte for byte; it may be compressed by gzip.
 * @throws {Error} if the checkpoint can't be trained further, if the text is another one, or if the browser can't store the run
 */
export async function adoptRun(file: NamedBytes, text: NamedBytes): Promise<StoredRun> {
  const training = stateOf(openCheckpoint(file.bytes, file.name), file.name);
  const content = await unpacked(text.bytes, text.name);
  await checkText(training, content, text.name);
  return newRunFolder(async (folder) => {
    await folder.writeText(content);
    await folder.writeLast(file.bytes);
    await folder.writeRecord(recordOf(training, text.name));
    return (await folder.record()) as StoredRun;
  });
}

function stateOf({ training }: Checkpoint, name: string): TrainingState {
  if (!training)
    throw new Error(
      `${name} is a model without the state of its training, so it can’t be trained further: choose last.safetensors from the folder of the run.`,
    );
  if (training.text?.validPath !== undefined || training.text?.testPath !== undefined)
    throw new Error(
      `${name} is of a run with a file of its own to validate or test on. A page has only one text: continue this run on the command line.`,
    );
  const { compute } = training.options;
  if (compute === 'bfloat16' || compute === 'bfloat16-amx')
    throw new Error(
      `${name} is of a run that computes in ${compute}, which a page can’t do: continue this run on the command line.`,
    );
  return training;
}

async function checkText({ text: known }: TrainingState, content: Uint8Array, name: string): Promise<void> {
  if (!known || (await sha256(content)) === known.sha256) return;
  const [path, ...others] = known.paths ?? [];
  const its = path !== undefined && others.length === 0 ? `${lastPart(path)}, with ` : 'a text of ';
  const difference =
    content.length === known.bytes
      ? 'this file has the same size, but other content'
      : `this file has ${formatCount(content.length)}`;
  throw new Error(
    `${name} is not the text of this run: it was trained on ${its}${formatCount(known.bytes)} bytes, and ${difference}.`,
  );
}
