/** Decodes a text in memory, with notices for what was dropped or kept, and errors for what is not text. */
import { TextError } from '../../errors.ts';
import { formatCount } from '../../util/format.ts';
import { firstInvalidByte } from '../../util/utf8.ts';
import { isGzip } from '../files/file-kind.ts';
import type { Content } from '../symbols/tokenizer.ts';
import { transformsOf } from '../text/text-transforms.ts';
import { encodingNotices } from './encoding-notices.ts';
import { stringEndsLinesInCr } from './line-ends.ts';
import {
  ANY_BYTES,
  byteText,
  encodingNear,
  type FoundEncoding,
  findEncoding,
  hasUtf8Mark,
  isAuto,
  type Reading,
  type ReadingOptions,
  readingOf,
  refuseFormats,
  START_BYTES,
} from './reading.ts';

export interface DecodedText {
  /** Bytes if tokens are bytes, else a string. Not normalised. */
  readonly content: Content;
  /** One line for each thing that was dropped, detected or left out. */
  readonly notices: readonly string[];
}

/** Maximum bytes of a text in memory: a string can't be longer. */
export const MAX_TEXT = 500_000_000;

/**
 * Decodes a text in memory in the same way as a file.
 *
 * Drops a byte order mark and keeps CRLF, with a notice for each.
 *
 * @param name What to call the text in messages.
 * @throws {TextError} `text-empty`, `text-binary` (a NUL, an image …), `text-packed`, `text-not-utf8`, `text-not-decodable`
 */
export function decodeText(bytes: Uint8Array, name: string, options: ReadingOptions): DecodedText {
  if (bytes.length === 0) throw emptyText(name, 0);
  const isBytes = options.tokens === 'byte';
  if (!isBytes && bytes.length > MAX_TEXT) {
    throw new TextError(
      'text-unreadable',
      `${name} has ${formatCount(bytes.length)} bytes; at most ${formatCount(MAX_TEXT)} can be read as characters from memory. ` +
        'Read it from a file, or train on a part of it.',
    );
  }
  const reading = readingOf(options);
  const { content: plain, found } = reading ? inUtf8(bytes, name, reading) : { content: bytes };
  if (isBytes) return { content: plain, notices: [] };
  const nul = plain.indexOf(0);
  if (nul >= 0) throw binaryText(name, nul);
  const mark = markLength(plain);
  const text = decodeUtf8(plain.subarray(mark), mark, name);
  if (text === '') throw emptyText(name, bytes.length);
  const lineEnds = countLineEnds(text);
  return {
    content: text,
    notices: [
      ...(found ? encodingNotices([{ name, found }]) : []),
      ...(mark > 0 ? [markNotice(name)] : []),
      ...lineEndNotices(name, lineEnds),
    ],
  };
}

/** Unpacks a text if it is compressed by gzip. @throws {TextError} `text-unreadable` if it is damaged */
export async function unpacked(bytes: Uint8Array, name: string): Promise<Uint8Array> {
  if (!isGzip(bytes)) return bytes;
  try {
    const stream = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream();
    return new Uint8Array(
      await new Response(stream.pipeThrough(new DecompressionStream('gzip'))).arrayBuffer(),
    );
  } catch (error) {
    throw new TextError('text-unreadable', `${name} is a damaged gzip file.`, { cause: error });
  }
}

interface InUtf8 {
  readonly content: Uint8Array;
  readonly found?: FoundEncoding | undefined;
}

function inUtf8(bytes: Uint8Array, name: string, reading: Reading): InUtf8 {
  const start = bytes.subarray(0, START_BYTES);
  if (reading.encoding !== undefined) refuseFormats(start, name);
  const found = isAuto(reading) ? (findEncoding(start) ?? lateEncoding(bytes)) : undefined;
  const encoding = isAuto(reading) ? found?.encoding : reading.encoding;
  const transforms = transformsOf({ ...reading, encoding }, { name, path: name, start });
  return { content: transforms.reduce((content, transform) => transform.push(content, true), bytes), found };
}

/** The encoding of a text whose start is valid UTF-8, from the bytes around the first invalid one. */
function lateEncoding(bytes: Uint8Array): FoundEncoding | undefined {
  const at = firstInvalidByte(bytes);
  if (at < 0 || hasUtf8Mark(bytes)) return undefined;
  const offset = Math.max(0, at - START_BYTES / 2);
  const sample = bytes.subarray(offset, at + START_BYTES / 2);
  return encodingNear(sample, {
    invalid: at - offset,
    offset,
    isWhole: offset + sample.length === bytes.length,
  });
}

/** Length of the UTF-8 byte order mark at the start of a text: 0 or 3. */
export function markLength(start: Uint8Array): number {
  return hasUtf8Mark(start) ? 3 : 0;
}

export function emptyText(name: string, bytes: number): TextError {
  return new TextError(
    'text-empty',
    bytes === 0 ? `${name} is empty.` : `${name} has only a byte order mark.`,
  );
}

export function binaryText(name: string, offset: number): TextError {
  return new TextError('text-binary', `${name}: byte ${formatCount(offset)} is NUL, so this is not a text.`, {
    remedies: [ANY_BYTES],
  });
}

/** The error for invalid UTF-8. */
export class NotUtf8 extends TextError {
  /** @param byte The invalid byte. @param offset Its offset in the text. */
  constructor(name: string, offset: number, byte: number) {
    super('text-not-utf8', `${name}: byte ${formatCount(offset)} is not valid UTF-8 (${byteText(byte)}).`, {
      remedies: [
        { text: 'If it is in another encoding, name that', set: { encoding: 'windows-1252' } },
        ANY_BYTES,
      ],
    });
    this.name = TextError.name;
  }
}

export function markNotice(name: string): string {
  return `${name}: dropped the byte order mark at its start`;
}

/** The number of lines that end in CRLF, and in CR alone. */
export interface LineEnds {
  readonly crlf: number;
  readonly cr: number;
}

/** A notice if lines end in CRLF or in CR. */
export function lineEndNotices(name: string, { crlf, cr }: LineEnds): string[] {
  const [count, ends] = crlf > 0 ? [crlf, 'CRLF'] : [cr, 'CR'];
  if (count === 0) return [];
  const lines = count === 1 ? 'one line ends' : `${formatCount(count)} lines end`;
  return [`${name}: ${lines} in ${ends}, not in LF; kept as ${count === 1 ? 'it is' : 'they are'}`];
}

function countLineEnds(text: string): LineEnds {
  const crlf = text.match(/\r\n/g)?.length ?? 0;
  const cr = stringEndsLinesInCr(text) ? (text.match(/\r(?!\n)/g)?.length ?? 0) : 0;
  return { crlf, cr };
}

function decodeUtf8(bytes: Uint8Array, skipped: number, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const offset = Math.max(0, firstInvalidByte(bytes));
    throw new NotUtf8(name, offset + skipped, bytes[offset] as number);
  }
}
