/** `LanguageModel` in Node: loads and saves files. */
import { basename, dirname } from 'node:path';
import { encodeCheckpoint } from './formats/checkpoint-codec.ts';
import { readCheckpointFile } from './formats/read.node.ts';
import { folderStorage } from './formats/storage.node.ts';
import { LanguageModel as PortableLanguageModel } from './language-model.ts';

export class LanguageModel extends PortableLanguageModel {
  /**
   * The model in a checkpoint file.
   *
   * @throws {CheckpointError} when it is missing, or not a whole, well-formed checkpoint
   */
  static async load(path: string): Promise<LanguageModel> {
    return new LanguageModel(await readCheckpointFile(path));
  }

  /**
   * Writes the checkpoint, whole or not at all. An earlier file at the path is replaced.
   *
   * @throws {CheckpointError} `checkpoint-save-failed`; what stood there before is untouched
   */
  async save(path: string): Promise<void> {
    await folderStorage(dirname(path)).save(basename(path), encodeCheckpoint(this.checkpoint));
  }
}
