/** Reads the files of a text once, joined by the separator if there is one, and calls a visitor. */
import { createHash } from 'node:crypto';
import type { EncodingName } from '../encoding/encodings.ts';
import type { FoundEncoding } from '../encoding/reading.ts';
import type { FileFacts } from '../files/known-text.ts';
import type { TextFiles } from '../files/text-files.node.ts';
import type { Preparation, PreparingProgress } from '../preparation.ts';
import { DocumentCutter, type TextPart } from './documents.ts';
import { textBlocks } from './text-blocks.node.ts';

/** Bytes to read at a time. Together with the bytes that the cutter holds back they fit into one call of the kernel. */
const BLOCK_BYTES = (1 << 20) - (1 << 14);

export interface PassOptions {
  readonly stage: PreparingProgress['stage'];
  readonly separator: string | undefined;
  /** Whether parts must be whole characters. */
  readonly wholeCharacters: boolean;
  readonly signal: AbortSignal | undefined;
  /** Bytes to read at a time, at most the default, `BLOCK_BYTES`. */
  readonly blockBytes?: number | undefined;
}

/** Receives the text. */
export interface TextVisitor {
  /**
   * Receives the unpacked bytes of the files and the separators added between them.
   *
   * @param isBetween Whether the bytes are such a separator.
   */
  raw?(bytes: Uint8Array, isBetween?: boolean): void;
  /** Called when a file begins. Returns the number of its first bytes to skip. */
  beginFile?(name: string, start: Uint8Array, found?: FoundEncoding): number;
  add?(part: TextPart): void;
  /** Called after every block, for writing. */
  settle?(): Promise<void>;
}

export interface PassFacts {
  /** How often the separator occurs in the files. */
  readonly separators: number;
}

/**
 * Reads the files.
 *
 * @throws {TextError} `text-unreadable`; the visitor's errors; the signal's reason
 */
export async function* textPass(
  { name, files }: Pick<TextFiles, 'name' | 'files'>,
  visitor: TextVisitor,
  { stage, separator, wholeCharacters, signal, blockBytes = BLOCK_BYTES }: PassOptions,
): Preparation<PassFacts> {
  const separatorBytes = separator === undefined ? undefined : new TextEncoder().encode(separator);
  const cutter = new DocumentCutter(separator, { wholeCharacters });
  const total = files.reduce((sum, { size }) => sum + size, 0);
  let done = 0;
  let separators = 0;
  // Whether the text so far ends with a separator or is empty.
  let isSeparated = true;
  for (const file of files) {
    let isFirst = true;
    for await (const block of textBlocks(file, blockBytes)) {
      signal?.throwIfAborted();
      let content = block.bytes;
      if (isFirst) {
        if (separatorBytes && !isSeparated && content.length > 0) {
          visitor.raw?.(separatorBytes, true);
          visitor.add?.({ bytes: separatorBytes, offset: 0, endsDocument: true });
          isSeparated = true;
        }
        const skipped = visitor.beginFile?.(file.name, content, block.found) ?? 0;
        visitor.raw?.(block.raw);
        cutter.begin(skipped, content);
        content = content.subarray(skipped);
        isFirst = false;
      } else {
        visitor.raw?.(block.raw);
      }
      // Even without `add`, since the end of a document decides whether a separator is added between files.
      for (const part of cutter.push(content, block.isLast)) {
        if (part.endsDocument) separators++;
        visitor.add?.(part);
        isSeparated = part.endsDocument;
      }
      await visitor.settle?.();
      yield { stage, name, bytes: Math.min(total, done + block.position), total };
    }
    done += file.size;
  }
  visitor.add?.({ bytes: new Uint8Array(), offset: 0, endsDocument: true });
  await visitor.settle?.();
  return { separators };
}

/** The size and hash of a text and of its files. */
export interface TextIdentity {
  /** Bytes of the unpacked files and of the separators added between them. */
  readonly bytes: number;
  /** SHA-256 of these bytes, in hexadecimal. */
  readonly sha256: string;
  /** The same for each file, in order, without the added separators. */
  readonly files: readonly FileIdentity[];
}

export type FileIdentity = Omit<FileFacts, 'path'>;

/** Computes the identity of a text during a pass. */
export class IdentityVisitor {
  readonly #all = new Hashing();
  readonly #files: Hashing[] = [];
  readonly #encodings: (EncodingName | undefined)[] = [];
  /** For a single file, the hash of the text is also the file's. */
  readonly #isSingle: boolean;

  constructor({ files }: Pick<TextFiles, 'files'>) {
    this.#isSingle = files.length === 1;
  }

  beginFile(found?: FoundEncoding): number {
    this.#encodings.push(found?.encoding);
    this.#files.push(new Hashing());
    return 0;
  }

  raw(bytes: Uint8Array, isBetween = false): void {
    this.#all.add(bytes);
    if (!this.#isSingle && !isBetween) this.#files.at(-1)?.add(bytes);
  }

  identity(): TextIdentity {
    const all = this.#all.identity();
    const files = this.#isSingle ? [all] : this.#files.map((file) => file.identity());
    return { ...all, files: files.map((file, index) => withEncoding(file, this.#encodings[index])) };
  }
}

function withEncoding(file: FileIdentity, encoding: EncodingName | undefined): FileIdentity {
  return encoding === undefined ? file : { ...file, encoding };
}

class Hashing {
  readonly #hash = createHash('sha256');
  #bytes = 0;

  add(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    this.#bytes += bytes.length;
  }

  identity(): FileIdentity {
    return { bytes: this.#bytes, sha256: this.#hash.digest('hex') };
  }
}
