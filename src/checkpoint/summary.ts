/** What a list shows about a checkpoint. It is read without the weights. */
import type { ModelConfig } from '../model/config.ts';
import type { LossRecord, TrainedText } from './checkpoint.ts';
import { configOf, metadataFrom } from './codec.ts';
import type { ByteSource } from './safetensors/byte-source.ts';
import { readSafetensors } from './safetensors/safetensors.ts';
import { decodeLosses, GENERATOR, trainedText } from './tensors/training-tensors.ts';

export interface CheckpointSummary {
  readonly config: ModelConfig;
  /** Absent in a model without a training state. */
  readonly training?: TrainingSummary | undefined;
}

export interface TrainingSummary {
  readonly runId: string;
  readonly iteration: number;
  readonly epoch: number;
  /** The options of the run, by their names in the library. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly text: TrainedText | undefined;
  /** All validation losses of the run up to the checkpoint, in nats. */
  readonly validationLosses: LossRecord;
}

/**
 * Reads the summary of a file.
 *
 * @param name What to call the file in messages.
 * @throws {CheckpointError} if it is not a checkpoint of this program, or is truncated
 */
export function readSummary(file: ByteSource, name: string): CheckpointSummary {
  const stored = readSafetensors(file, name);
  const { tensors } = stored;
  const facts = metadataFrom(stored, name);
  const config = configOf(facts);
  // Other tools may drop the tensors of the training state but keep the metadata.
  if (!facts.training || !tensors.has(GENERATOR)) return { config };
  const { runId, iteration, epoch, options, text } = facts.training;
  const validationLosses = decodeLosses(tensors, 'train.validation_losses', name);
  return {
    config,
    training: { runId, iteration, epoch, options, text: text && trainedText(text), validationLosses },
  };
}
