/** One pass over the files of a text, which are one text: joined by the separator where there is one. */
import { createHash } from 'node:crypto';
import type { EncodingName } from '../encoding/encodings.ts';
import type { FoundEncoding } from '../encoding/reading.ts';
import type { FileFacts } from '../files/known-text.ts';
import type { TextFiles } from '../files/text-files.node.ts';
import type { Preparation, PreparingProgress } from '../preparation.ts';
import { DocumentCutter, type TextPart } from './documents.ts';
import { textBlocks } from './text-blocks.node.ts';

/** Bytes that are read at once; with what the cutter holds they fit a call of the kernel. */
const BLOCK_BYTES = (1 << 20) - (1 << 14);

export interface PassOptions {
  readonly stage: PreparingProgress['stage'];
  readonly separator: string | undefined;
  /** Whether parts have to be whole characters. */
  readonly wholeCharacters: boolean;
  readonly signal: AbortSignal | undefined;
}

/** What is done with the text. */
export interface TextVisitor {
  /**
   * The bytes of the files, unpacked, and of the separators that are put between them.
   *
   * @param isBetween Whether they are such a separator.
   */
  raw?(bytes: Uint8Array, isBetween?: boolean): void;
  /** A file begins. The number of its first bytes that are no part of the text. */
  beginFile?(name: string, start: Uint8Array, found?: FoundEncoding): number;
  add?(part: TextPart): void;
  /** After every block: time to write. */
  settle?(): Promise<void>;
}

export interface PassFacts {
  /** Times that the separator occurs in the files. */
  readonly separators: number;
}

/**
 * Goes through the files.
 *
 * @throws {TextError} what the visitor throws, `text-unreadable`; the signal's reason
 */
export async function* textPass(
  { name, files }: Pick<TextFiles, 'name' | 'files'>,
  visitor: TextVisitor,
  { stage, separator, wholeCharacters, signal }: PassOptions,
): Preparation<PassFacts> {
  const joint = separator === undefined ? undefined : new TextEncoder().encode(separator);
  const cutter = new DocumentCutter(separator, { wholeCharacters });
  const total = files.reduce((sum, { size }) => sum + size, 0);
  let done = 0;
  let separators = 0;
  // Whether the text up to here ends with a separator, or is empty.
  let isApart = true;
  for (const file of files) {
    let isFirst = true;
    for await (const block of textBlocks(file, BLOCK_BYTES)) {
      signal?.throwIfAborted();
      let content = block.bytes;
      if (isFirst) {
        if (joint && !isApart && content.length > 0) {
          visitor.raw?.(joint, true);
          visitor.add?.({ bytes: joint, offset: 0, endsDocument: true });
          isApart = true;
        }
        const skipped = visitor.beginFile?.(file.name, content, block.found) ?? 0;
        visitor.raw?.(block.raw);
        cutter.begin(skipped, content);
        content = content.subarray(skipped);
        isFirst = false;
      } else {
        visitor.raw?.(block.raw);
      }
      // Without `add` too: where documents end decides what is put between files.
      for (const part of cutter.push(content, block.isLast)) {
        if (part.endsDocument) separators++;
        visitor.add?.(part);
        isApart = part.endsDocument;
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

/** What a text is known by. */
export interface TextIdentity {
  /** Bytes of the files, unpacked, and of the separators that are put between them. */
  readonly bytes: number;
  /** Of these, in hexadecimal. */
  readonly sha256: string;
  /** The same of each file, in order, without the separators between them. */
  readonly files: readonly FileIdentity[];
}

export type FileIdentity = Omit<FileFacts, 'path'>;

/** Takes the identity of a text while it is passed. */
export class IdentityVisitor {
  readonly #all = new Hashing();
  readonly #files: Hashing[] = [];
  readonly #encodings: (EncodingName | undefined)[] = [];
  /** Of a single file the hash of all is the file's. */
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
