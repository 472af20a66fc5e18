/** `LanguageModel` for Node: it also loads and saves files, and uses the fast engines. */
import { basename, dirname } from 'node:path';
import type { Checkpoint } from './checkpoint/checkpoint.ts';
import { encodeCheckpoint } from './checkpoint/codec.ts';
import { folderStorage } from './checkpoint/storage/folder-storage.node.ts';
import { makeEngine } from './engine/select.node.ts';
import { OptionError } from './errors.ts';
import { readCheckpointFile } from './formats/read.node.ts';
import { type ModelInput, LanguageModel as PortableLanguageModel } from './language-model.ts';
import { kindOf } from './util/check-content.ts';

export class LanguageModel extends PortableLanguageModel {
  /** @throws {OptionError} for an invalid option */
  constructor(checkpoint: Checkpoint, input: ModelInput = {}) {
    super(checkpoint, { ...input, makeEngine: input.makeEngine ?? makeEngine });
  }

  /**
   * Loads the model in a checkpoint file.
   *
   * @throws {OptionError} if `path` is not a path
   * @throws {CheckpointError} if the file is missing, or is not a complete, valid checkpoint
   */
  static async load(path: string, input: ModelInput = {}): Promise<LanguageModel> {
    if ((path as unknown) instanceof Uint8Array) {
      throw new OptionError(
        'path',
        'got bytes, expected the path of a file; fromBytes takes the bytes of one',
      );
    }
    if (typeof path !== 'string' && !((path as unknown) instanceof URL))
      throw new OptionError('path', `got ${kindOf(path)}, expected the path of a file`);
    return new LanguageModel(await readCheckpointFile(path), input);
  }

  /**
   * Writes the checkpoint atomically: it replaces an earlier file at the path only when it is complete.
   *
   * @throws {CheckpointError} `checkpoint-save-failed`; an earlier file is still there, unchanged
   */
  async save(path: string): Promise<void> {
    await folderStorage(dirname(path)).save(basename(path), encodeCheckpoint(this.checkpoint));
  }
}
