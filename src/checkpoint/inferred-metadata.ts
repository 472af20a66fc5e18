/**
 * Infers the metadata of a checkpoint that was saved without it, for example by `save_file(tensors, path)` in Python.
 *
 * The names and shapes of the tensors determine the model and its vocabulary. Two facts can't be inferred: dropout, which only training
 * uses, and Unicode normalisation.
 */
import type { TokenKind } from '../data/vocabulary.ts';
import { CELL_KINDS, gateCount, resetField } from '../engine/cells.ts';
import { CheckpointError } from '../errors.ts';
import { type CheckpointMetadata, checkMetadata, FORMAT_VERSION } from './metadata.ts';
import type { TensorInFile } from './safetensors/safetensors.ts';
import { layersName } from './tensors/tensors.ts';
import { BYTE_VALUES, SYMBOL_BYTES, symbolsOf } from './tensors/vocabulary-tensors.ts';

type Tensors = ReadonlyMap<string, TensorInFile>;

export const INFERRED_NOTICE =
  'its metadata is missing: the shape and the vocabulary were inferred from its tensors; dropout and Unicode normalisation are unknown and assumed to be none. ' +
  'In Python, save_file(tensors, path, metadata=safe_open(original, "np").metadata()) keeps the metadata';

/**
 * @param file What to call the file in messages.
 * @throws {CheckpointError} `checkpoint-other-kind` unless the tensors are those of a complete model
 */
export function inferMetadata(tensors: Tensors, file: string): CheckpointMetadata {
  const found = findLayers(tensors);
  const decoder = tensors.get('decoder.weight');
  const vocabularySize = decoder?.shape[0] ?? 0;
  if (!found || !decoder || vocabularySize < 2) {
    throw otherKind(
      `${file} is a safetensors file from another program: it does not describe a char-rnn model.`,
    );
  }
  const vocabulary = symbolsIn(tensors, file);
  if (!vocabulary) {
    throw otherKind(
      `${file} has the weights of a recurrent network, but neither metadata nor a vocabulary.`,
      'Save it with all tensors of the checkpoint and its metadata: in Python, save_file(tensors, path, metadata=safe_open(original, "np").metadata())',
    );
  }
  const {
    kind: { cell, reset },
    hiddenSize,
    name,
  } = found;
  let layers = 1;
  while (tensors.has(`${name}.weight_hh_l${layers}`)) layers++;
  const embeddingSize = tensors.get('embedding.weight')?.shape[1];
  const inferred: CheckpointMetadata = {
    formatVersion: FORMAT_VERSION,
    config: {
      cell,
      layers,
      hiddenSize,
      ...(embeddingSize !== undefined && { embeddingSize }),
      vocabularySize,
      dropout: 0,
    },
    ...resetField(cell, reset),
    precision: decoder.type.array === Float64Array ? 'float64' : 'float32',
    vocabulary: {
      kind: vocabulary.kind,
      normalize: 'none',
      hasUnknown: vocabularySize === vocabulary.symbols.length + 1,
    },
  };
  return checkMetadata(inferred, file);
}

/** The kind of the recurrent layers, judging by the name of their tensors and the number of gates. */
function findLayers(tensors: Tensors) {
  for (const kind of CELL_KINDS) {
    const name = layersName(kind);
    const [rows = 0, hiddenSize = 0] = tensors.get(`${name}.weight_hh_l0`)?.shape ?? [];
    if (rows > 0 && rows === gateCount(kind.cell) * hiddenSize) return { kind, hiddenSize, name };
  }
  return undefined;
}

/** The symbols and their kind. If a symbol has several code points, they are graphemes. */
function symbolsIn(
  tensors: Tensors,
  file: string,
): { readonly kind: TokenKind; readonly symbols: readonly string[] } | undefined {
  if (tensors.has(BYTE_VALUES)) return { kind: 'byte', symbols: symbolsOf('byte', tensors, file) };
  if (!tensors.has(SYMBOL_BYTES)) return undefined;
  const symbols = symbolsOf('character', tensors, file);
  const isOnePoint = (symbol: string) =>
    symbol.length === 1 || (symbol.length === 2 && (symbol.codePointAt(0) as number) > 0xffff);
  return { kind: symbols.every(isOnePoint) ? 'character' : 'grapheme', symbols };
}

function otherKind(problem: string, remedy?: string): CheckpointError {
  return new CheckpointError('checkpoint-other-kind', problem, {
    remedies: remedy ? [{ text: remedy }] : [],
  });
}
