/**
 * Sums a model's losses over blocks of the text's bytes. Models with different symbols (bytes, characters, graphemes) can be compared by
 * these sums, because all of them read the same bytes.
 */
import type { TokenSource } from '../data/batches/batches.ts';
import type { Vocabulary } from '../data/vocabulary.ts';
import type { ScoredSpan } from './score-sequences.ts';
import type { Sequence } from './sequences.ts';

/** Tokens read at a time. */
const BLOCK_TOKENS = 65_536;

/** How the tokens of a text map to its bytes. */
export interface ByteMap {
  /** Bytes of the text, as reproduced from the tokens. */
  readonly bytes: number;
  /** Bytes of the first token, which is not predicted. */
  readonly firstBytes: number;
  /** Bytes before the first prediction of each sequence. */
  readonly starts: Float64Array;
  /** Bytes of each token of the vocabulary. */
  readonly widths: Float64Array;
  /** The number of the text's tokens that are the unknown symbol. */
  readonly unknown: number;
}

/** Reads a text once to map its tokens to bytes. @param sequences In the order of the text. */
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
  const block = new Int32Array(Math.min(BLOCK_TOKENS, tokens.length));
  for (let offset = 0; offset < tokens.length; offset += block.length) {
    const part = block.subarray(0, Math.min(block.length, tokens.length - offset));
    await tokens.read(offset, part);
    for (let i = 0; i < part.length; i++) {
      while (sequences[sequence]?.first === offset + i - 1) starts[sequence++] = bytes;
      const token = part[i] as number;
      if (token === vocabulary.unknownToken) unknown++;
      bytes += widths[token] as number;
      if (offset + i === 0) firstBytes = bytes;
    }
  }
  // A document of one token at the end has nothing to predict.
  starts.fill(bytes, sequence);
  return { bytes, firstBytes, starts, widths, unknown };
}

/** The sum of the losses, and the number of predicted symbols and bytes, of each block. */
export class ByteBlocks {
  readonly nats: Float64Array;
  readonly symbols: Float64Array;
  readonly bytes: Float64Array;
  readonly #map: ByteMap;
  readonly #blockBytes: number;
  readonly #skips: Float64Array;
  /** Bytes before the next prediction of each sequence. */
  readonly #positions: Float64Array;

  /** @param skips Predictions in a sequence of symbols that begin before this byte do not count. */
  constructor(map: ByteMap, blockBytes: number, skips: Float64Array) {
    const count = Math.ceil(map.bytes / blockBytes);
    this.nats = new Float64Array(count);
    this.symbols = new Float64Array(count);
    this.bytes = new Float64Array(count);
    this.#map = map;
    this.#blockBytes = blockBytes;
    this.#skips = skips;
    this.#positions = map.starts.slice();
  }

  add({ sequence, tokens, losses }: ScoredSpan): void {
    let position = this.#positions[sequence] as number;
    const skip = this.#skips[sequence] as number;
    for (let i = 0; i < tokens.length; i++) {
      const width = this.#map.widths[tokens[i] as number] as number;
      if (position >= skip) {
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

/** The size of a block in bytes: about 1,000, unless the text would have fewer than 20 or more than 2,000 blocks. */
export function blockBytesFor(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / 2_000), Math.min(1_000, Math.floor(bytes / 20)));
}
