/** A trained model that can be read from and written to files of all formats. Runs in Node and in a page. */
import type { Checkpoint } from './checkpoint/checkpoint.ts';
import { bytesSource } from './checkpoint/safetensors/byte-source.ts';
import { STORED_PRECISIONS, type StoredPrecision } from './checkpoint/stored-precision.ts';
import { OptionError } from './errors.ts';
import { exportCheckpoint } from './formats/export.ts';
import { EXPORT_FORMATS, type ExportFormat } from './formats/format-names.ts';
import { openCheckpoint } from './formats/open.ts';
import { InMemoryModel, type ModelInput } from './in-memory-model.ts';
import { joinBytes } from './util/bytes.ts';

export { loadedModel, type ModelInput, modelOptionsSchema, openPool } from './in-memory-model.ts';

/** A trained model: see `InMemoryModel` for what its methods may throw. */
export class LanguageModel extends InMemoryModel {
  /**
   * The model in the bytes of a checkpoint file of any known format.
   *
   * @param name The name of the bytes in messages.
   * @throws {CheckpointError} if the bytes are not a complete, valid checkpoint
   */
  static fromBytes<Model extends LanguageModel>(
    this: new (
      checkpoint: Checkpoint,
      input?: ModelInput,
    ) => Model,
    bytes: Uint8Array,
    name = 'the checkpoint',
    input: ModelInput = {},
  ): Model {
    return new this(openCheckpoint(bytes, name), input);
  }

  /**
   * The checkpoint as the bytes of a file. They are read back and compared with the checkpoint.
   *
   * @param precision The type of the numbers in the file. Default: that of the checkpoint, float32 in ONNX and float64 in Torch7. Another
   *   one leaves out the training state. `int8`, for matrices in safetensors, too.
   * @throws {OptionError} for an unknown format or precision
   * @throws {CheckpointError} `checkpoint-not-convertible` or `torch7-unsupported` if the format can't store the model
   */
  toBytes(format: ExportFormat = 'safetensors', precision?: StoredPrecision | 'int8'): Uint8Array {
    if (!EXPORT_FORMATS.includes(format)) {
      throw new OptionError(
        'format',
        `got ${JSON.stringify(format)}, expected one of ${EXPORT_FORMATS.join(', ')}`,
      );
    }
    const isInt8 = precision === 'int8';
    if (precision !== undefined && !isInt8 && !STORED_PRECISIONS.includes(precision)) {
      throw new OptionError(
        'precision',
        `got ${JSON.stringify(precision)}, expected one of ${STORED_PRECISIONS.join(', ')}, int8`,
      );
    }
    const { parts, check } = exportCheckpoint(
      this.checkpoint,
      format,
      isInt8 ? { quantize: precision } : { precision },
    );
    const bytes = joinBytes(parts);
    check(bytesSource(bytes), `the file in ${format}`);
    return bytes;
  }
}
