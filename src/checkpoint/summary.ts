/** What a list shows about a checkpoint. It is read without the weights. */
import type { ModelConfig } from '../model/config.ts';
import type { Checkpoint, LossRecord, TrainedText } from './checkpoint.ts';
import { configOf, metadataFrom, weightsIn } from './codec.ts';
import type { ByteSource } from './safetensors/byte-source.ts';
import { readSafetensors } from './safetensors/safetensors.ts';
import { decodeLosses, GENERATOR, trainedText } from './tensors/training-tensors.ts';

export interface CheckpointSummary {
  readonly config: ModelConfig;
  /** As in the checkpoint. */
  readonly weightTypes?: Checkpoint['weightTypes'];
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
  const { weightTypes } = weightsIn(facts, tensors, name);
  // Other tools may drop the tensors of the training state but keep the metadata, or keep a state that converted weights do not fit.
  if (!facts.training || !tensors.has(GENERATOR) || weightTypes)
    return { config, ...(weightTypes && { weightTypes }) };
  const { runId, iteration, epoch, options, text } = facts.training;
  const validationLosses = decodeLosses(tensors, 'train.validation_losses', name);
  return {
    config,
    training: { runId, iteration, epoch, options, text: text && trainedText(text), validationLosses },
  };
}
