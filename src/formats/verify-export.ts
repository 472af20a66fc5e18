/** Checks that an exported file holds the intended model, by reading it back. */

import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { checkpointTensors } from '../checkpoint/codec.ts';
import type { ByteSource } from '../checkpoint/safetensors/byte-source.ts';
import { storedBytes, type TensorToStore } from '../checkpoint/safetensors/safetensors.ts';
import type { RoundedType, WeightType } from '../checkpoint/stored-precision.ts';
import { CheckpointError } from '../errors.ts';
import type { FormatName } from './format-names.ts';
import { openCheckpointFile } from './open.ts';
import { decodeTorchRnnVocabulary } from './torch-rnn-vocabulary.ts';

/**
 * Reads a model back and compares it with the one that was written, bit by bit.
 *
 * @param name What to call the file in messages.
 * @param storedAs Number type of the parameters in the file, if not the precision of the model.
 * @param whole Whether to compare the training state and the origin too, or only the model.
 * @throws {CheckpointError} `checkpoint-export-differs`
 */
export function verifyModel(
  file: ByteSource,
  name: string,
  {
    format,
    written,
    storedAs,
    whole,
  }: {
    readonly format: FormatName;
    readonly written: Checkpoint;
    readonly storedAs?: RoundedType | undefined;
    readonly whole: boolean;
  },
): void {
  const read = readBack(name, () => {
    const opened = openCheckpointFile(file, name);
    return opened.format === format ? opened.checkpoint : undefined;
  });
  const part = (checkpoint: Checkpoint) => (whole ? checkpoint : modelAlone(checkpoint));
  const difference = read
    ? (storageDifference(read, storedAs) ?? differenceOf(part(written), part(read)))
    : `it is not recognised as ${format}`;
  if (difference) throw differs(name, difference);
}

/** The same for the names of tokens in a vocabulary file. */
export function verifyNames(file: ByteSource, name: string, names: readonly string[]): void {
  const read = readBack(name, () => decodeTorchRnnVocabulary(file.read(0, file.size), name));
  const isSame = read.length === names.length && read.every((token, index) => token === names[index]);
  if (!isSame) throw differs(name, 'its tokens differ');
}

function readBack<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    throw differs(name, `it can't be read: ${error.problem}`, error);
  }
}

function differs(name: string, difference: string, cause?: unknown): CheckpointError {
  return new CheckpointError(
    'checkpoint-export-differs',
    `${name}: the file does not hold the model that was written to it: ${difference}. The file was not kept.`,
    { cause },
  );
}

function modelAlone({ config, regularization, precision, vocabulary, parameters }: Checkpoint): Checkpoint {
  return { config, regularization, precision, vocabulary, parameters };
}

function storageDifference(
  { weightTypes, precision }: Checkpoint,
  expected: WeightType = precision,
): string | undefined {
  const isExpected = (type: WeightType) => type === expected || (expected === 'int8' && type === 'float32');
  const other = (weightTypes ?? [precision]).find((type) => !isExpected(type));
  return other && `its parameters are stored as ${other}, expected ${expected}`;
}

/** The first difference; undefined if there is none. */
function differenceOf(written: Checkpoint, read: Checkpoint): string | undefined {
  const [before, after] = [checkpointTensors(written), checkpointTensors(read)];
  const facts = (metadata: ReadonlyMap<string, string>) =>
    [...metadata].map(([key, json]) => [key, sorted(JSON.parse(json))]);
  if (JSON.stringify(facts(before.metadata)) !== JSON.stringify(facts(after.metadata))) {
    return 'its shape, vocabulary or options differ';
  }
  const names = new Set([...before.tensors.keys(), ...after.tensors.keys()]);
  const other = [...names].find((name) => !areSame(before.tensors.get(name), after.tensors.get(name)));
  return other && `tensor ${other} differs`;
}

/** A JSON value with sorted keys. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, each]) => [key, sorted(each)]));
}

function areSame(a: TensorToStore | undefined, b: TensorToStore | undefined): boolean {
  if (!a || !b || a.shape.join() !== b.shape.join()) return false;
  const [left, right] = [storedBytes(a), storedBytes(b)];
  return (
    left.length === right.length &&
    left.every((piece, index) => areSameBytes(piece, right[index] as Uint8Array))
  );
}

function areSameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}
