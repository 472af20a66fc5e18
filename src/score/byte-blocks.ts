/**
 * A model's losses in blocks of a text's bytes: what makes models of different symbols (bytes, characters, graphemes) comparable, since all
 * of them read the same bytes.
 */
import type { TokenSource } from '../data/batches/batches.ts';
import type { Vocabulary } from '../data/vocabulary.ts';
import type { ScoredRun } from './score-sequences.ts';
import type { Sequence } from './sequences.ts';

/** Tokens that are read at once. */
const STRETCH = 65_536;

/** How a text's tokens lie in its bytes. */
export interface ByteMap {
  /** Bytes of the text, as the tokens give it again. */
  readonly bytes: number;
  /** Bytes of the first token, which nothing predicts. */
  readonly firstBytes: number;
  /** Bytes before the first prediction of each sequence. */
  readonly starts: Float64Array;
  /** Bytes of each token of the vocabulary. */
  readonly widths: Float64Array;
  /** How many of the text's tokens are the unknown symbol. */
  readonly unknown: number;
}

/** @param sequences In the order of the text. */
export async function mapBytes(
  tokens: TokenSource,
  vocabulary: Vocabulary,
  sequences: readonly Sequence[],
): Promise<ByteMap> {
  const widths = Float64Array.from(
    { length: vocabulary.size },
    (_, token) => vocabulary.bytesOf(token).length,
  );
  const starts = new Float64Array(sequences.length);
  let bytes = 0;
  let firstBytes = 0;
  let unknown = 0;
  let sequence = 0;
  const stretch = new Int32Array(Math.min(STRETCH, tokens.length));
  for (let offset = 0; offset < tokens.length; offset += stretch.length) {
    const part = stretch.subarray(0, Math.min(stretch.length, tokens.length - offset));
    await tokens.read(offset, part);
    for (let i = 0; i < part.length; i++) {
      while (sequences[sequence]?.first === offset + i - 1) starts[sequence++] = bytes;
      const token = part[i] as number;
      if (token === vocabulary.unknownToken) unknown++;
      bytes += widths[token] as number;
      if (offset + i === 0) firstBytes = bytes;
    }
  }
  return { bytes, firstBytes, starts, widths, unknown };
}

/** Sums of losses, and how much was predicted, by block. */
export class ByteBlocks {
  readonly nats: Float64Array;
  readonly symbols: Float64Array;
  readonly bytes: Float64Array;
  readonly #map: ByteMap;
  readonly #blockBytes: number;
  readonly #skip: number;
  /** Bytes before the next prediction of each sequence. */
  readonly #positions: Float64Array;

  /** @param skip Predictions of what begins before this byte do not count. */
  constructor(map: ByteMap, blockBytes: number, skip: number) {
    const count = Math.ceil(map.bytes / blockBytes);
    this.nats = new Float64Array(count);
    this.symbols = new Float64Array(count);
    this.bytes = new Float64Array(count);
    this.#map = map;
    this.#blockBytes = blockBytes;
    this.#skip = skip;
    this.#positions = map.starts.slice();
  }

  add({ sequence, tokens, losses }: ScoredRun): void {
    let position = this.#positions[sequence] as number;
    for (let i = 0; i < tokens.length; i++) {
      const width = this.#map.widths[tokens[i] as number] as number;
      if (position >= this.#skip) {
        const block = Math.floor(position / this.#blockBytes);
        this.nats[block] = (this.nats[block] as number) + (losses[i] as number);
        this.symbols[block] = (this.symbols[block] as number) + 1;
        this.bytes[block] = (this.bytes[block] as number) + width;
      }
      position += width;
    }
    this.#positions[sequence] = position;
  }
}

/** Bytes in a block: some 1,000, but at least 20 and at most 2,000 blocks. */
export function blockBytesFor(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / 2_000), Math.min(1_000, Math.floor(bytes / 20)));
}
