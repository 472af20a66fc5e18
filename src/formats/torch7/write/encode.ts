/** Writes a checkpoint as a Torch7 file for the original's `sample.lua`, `inspect_checkpoint.lua` and `train.lua`. */

import type { Checkpoint, LossRecord } from '../../../checkpoint/checkpoint.ts';
import { CheckpointError } from '../../../errors.ts';
import { layoutOf } from '../../../model/config.ts';
import { toOriginalOrder } from '../../../model/original-order.ts';
import { NO_REGULARIZATION } from '../../../model/regularization.ts';
import { latin1 } from '../../../util/bytes.ts';
import { formatBytes, formatCount } from '../../../util/format.ts';
import { encodeFacts, FACTS_OPTION } from '../stored-facts.ts';
import { Table, type Value } from '../values.ts';
import { AsciiSink } from './ascii-sink.ts';
import { BinarySink } from './binary-sink.ts';
import { isOriginal, networkModule, type OriginalConfig } from './network.ts';
import { criterion, oneHotBytes } from './nn-modules.ts';
import type { Sink } from './sink.ts';
import { writeObject } from './writer.ts';

/** `binary` is for machines whose longs have 64 bits, `binary32` for 32 bits (Windows), `ascii` for all. */
export type Torch7Kind = 'binary' | 'binary32' | 'ascii';

/**
 * Encodes the file in parts. Numbers have double precision, as the original's programs expect.
 *
 * @throws {CheckpointError} `torch7-unsupported` for a model that the original does not have
 */
export function encodeTorch7(
  checkpoint: Checkpoint,
  { kind = 'binary' }: { readonly kind?: Torch7Kind | undefined } = {},
): Uint8Array[] {
  const sink = sinkOf(kind);
  writeObject(charRnnTable(checkpoint), sink);
  return sink.parts();
}

export function sinkOf(kind: Torch7Kind): Sink {
  return kind === 'ascii' ? new AsciiSink() : new BinarySink(kind === 'binary32' ? 4 : 8);
}

/** The table that the original's `train.lua` would save. */
function charRnnTable(checkpoint: Checkpoint): Table {
  const { regularization = NO_REGULARIZATION, parameters, training, origin } = checkpoint;
  const config = originalConfig(checkpoint);
  const inOrder = toOriginalOrder(layoutOf(config), Float64Array.from(parameters));
  const network = networkModule(config, regularization, inOrder);
  const history = training ?? origin;
  const lastLoss = history?.validationLosses.values.at(-1);
  return Table.of({
    protos: Table.of({ rnn: network, criterion: criterion() }),
    opt: optionsTable(checkpoint),
    vocab: vocabularyTable(checkpoint),
    i: history?.iteration ?? 0,
    epoch: history?.epoch ?? 0,
    train_losses: lossTable(history?.trainLosses),
    val_losses: lossTable(history?.validationLosses),
    ...(lastLoss !== undefined && { val_loss: lastLoss }),
  });
}

/** Maximum bytes of an array in Node 20. */
const MAX_ARRAY_BYTES = 2 ** 32;

/** @throws {CheckpointError} `torch7-unsupported` for a model that the original does not have */
function originalConfig({ config, vocabulary }: Checkpoint): OriginalConfig {
  const unitMatrix = oneHotBytes(config.vocabularySize);
  if (unitMatrix > MAX_ARRAY_BYTES) {
    throw new CheckpointError(
      'torch7-unsupported',
      `the model can't be written as a Torch7 checkpoint: the identity matrix with which the original encodes tokens would take ${formatBytes(unitMatrix)} ` +
        `for ${formatCount(config.vocabularySize)} symbols.`,
      OTHER_FORMATS,
    );
  }
  const problem =
    config.embeddingSize !== undefined
      ? 'it has an embedding'
      : config.reset === 'after'
        ? "its gru's reset gate acts after the product"
        : vocabulary.hasUnknown && vocabulary.tokenOf(vocabulary.symbolOf(vocabulary.size - 1)) !== undefined
          ? 'its symbol for unknown characters is one of its characters too'
          : undefined;
  if (problem === undefined && isOriginal(config)) return config;
  throw new CheckpointError(
    'torch7-unsupported',
    `the model can't be written as a Torch7 checkpoint: ${problem ?? `its cell is ${config.cell}`}, which the original does not have.`,
    OTHER_FORMATS,
  );
}

const OTHER_FORMATS = { remedies: [{ text: 'These formats hold it: safetensors, npz, onnx' }] };

/** The original's names for our options. */
const OPTION_NAMES: Readonly<Record<string, string>> = {
  learningRate: 'learning_rate',
  learningRateDecay: 'learning_rate_decay',
  learningRateDecayAfter: 'learning_rate_decay_after',
  decayRate: 'decay_rate',
  gradientClip: 'grad_clip',
  batchSize: 'batch_size',
  sequenceLength: 'seq_length',
  maxEpochs: 'max_epochs',
  trainFraction: 'train_frac',
  validationFraction: 'val_frac',
  evaluateEvery: 'eval_val_every',
  printEvery: 'print_every',
  saveName: 'savefile',
  seed: 'seed',
};

function optionsTable(checkpoint: Checkpoint): Table {
  const { config, regularization = NO_REGULARIZATION, training, origin } = checkpoint;
  const ours = Object.entries(training?.options ?? {}).flatMap(([name, value]) => {
    const known = OPTION_NAMES[name];
    return known === undefined ? [] : [[known, value]];
  });
  const options: Record<string, unknown> = {
    model: config.cell,
    rnn_size: config.hiddenSize,
    num_layers: config.layers,
    dropout: regularization.dropout,
    gpuid: -1,
    opencl: 0,
    ...Object.fromEntries(ours),
    ...(origin?.program === 'char-rnn' && origin.options),
    [FACTS_OPTION]: encodeFacts(checkpoint),
  };
  const fields = Object.entries(options).flatMap(([name, value]): [string, Value][] => {
    if (typeof value === 'string') return [[bytesOf(name), bytesOf(value)]];
    return typeof value === 'number' || typeof value === 'boolean' ? [[bytesOf(name), value]] : [];
  });
  return Table.of(Object.fromEntries(fields));
}

/** A table that maps symbols to numbers from 1. */
function vocabularyTable({ vocabulary }: Checkpoint): Table {
  const table = new Table();
  for (let token = 0; token < vocabulary.size; token++)
    table.add(latin1(vocabulary.bytesOf(token)), token + 1);
  return table;
}

function lossTable(record: LossRecord | undefined): Table {
  const table = new Table();
  record?.iterations.forEach((iteration, index) => {
    table.add(iteration, record.values[index] as number);
  });
  return table;
}

/** A text in UTF-8, as one character for each byte. */
function bytesOf(text: string): string {
  return latin1(new TextEncoder().encode(text));
}
