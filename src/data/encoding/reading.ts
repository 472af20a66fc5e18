/** How a text is read: from the bytes of a file, unpacked, to UTF-8. */
import { TextError } from '../../errors.ts';
import { formatCount } from '../../util/format.ts';
import { firstInvalidByte, MAX_SEQUENCE } from '../../util/utf8.ts';
import { FILE_KIND_GLANCE, type FileKind, fileKind } from '../files/file-kind.ts';
import { DEFAULT_FIELD_SEPARATOR, type FieldReading } from '../records/records.ts';
import type { TokenKind } from '../vocabulary.ts';
import { DETECTION_SAMPLE, detectEncoding, isDamagedUtf8, isIso2022Jp } from './detect-encoding.ts';
import { AUTO, checkEncoding, type EncodingName, UTF_8 } from './encodings.ts';
import { wideEncoding } from './wide-text.ts';

export interface Reading {
  /** An encoding's name; `auto`: found for each file; undefined: bytes as they are. */
  readonly encoding: EncodingName | undefined;
  /** `lf` makes LF of CRLF and of CR. */
  readonly lineEnds: 'keep' | 'lf';
  /** Of files with records: the field whose values are the documents. */
  readonly field?: FieldReading | undefined;
}

/** Options that say how texts are read. */
export interface ReadingOptions {
  readonly tokens: TokenKind;
  /** Default `auto`. */
  readonly encoding?: string | undefined;
  /** Default `keep`. */
  readonly lineEnds?: 'keep' | 'lf' | undefined;
  /** The field of a CSV, or of JSON lines, whose values are the documents. Default: the file is the text. */
  readonly field?: string | undefined;
  /** What ends a document. Default, with a field: a line end, and those within a value become spaces. */
  readonly separator?: string | undefined;
}

/**
 * How texts are read with some options; undefined: as the bytes that they have. Tokens that are bytes are those of the file, unless an
 * encoding is named.
 *
 * @throws {OptionError} for an encoding that there is not
 */
export function readingOf({
  tokens,
  encoding = AUTO,
  lineEnds = 'keep',
  field,
  separator = DEFAULT_FIELD_SEPARATOR,
}: ReadingOptions): Reading | undefined {
  const name = checkEncoding(encoding);
  const decoded = tokens === 'byte' && name === AUTO ? undefined : name;
  if (field !== undefined) {
    const oneLine = separator === DEFAULT_FIELD_SEPARATOR;
    return { encoding: decoded, lineEnds, field: { name: field, separator, oneLine } };
  }
  return decoded === undefined && lineEnds === 'keep' ? undefined : { encoding: decoded, lineEnds };
}

/** An encoding that was found, and by what, to go on after "because". */
export interface FoundEncoding {
  readonly encoding: EncodingName;
  readonly why: string;
}

/** Bytes at the start of a text by which its encoding is found. */
export const START_BYTES = DETECTION_SAMPLE;

/**
 * The encoding of a text by its start; undefined for UTF-8, also for UTF-8 with damage, which is for the reader to find.
 *
 * @param start Its first `START_BYTES` bytes.
 */
export function findEncoding(start: Uint8Array): FoundEncoding | undefined {
  const isWhole = start.length < START_BYTES;
  const wide = wideEncoding(start);
  if (wide) {
    return {
      encoding: wide.encoding,
      why: wide.mark > 0 ? 'it begins with that byte order mark' : 'every other byte is NUL',
    };
  }
  if (hasUtf8Mark(start)) return undefined;
  const invalid = firstInvalidByte(start);
  if (invalid < 0 || (!isWhole && invalid > start.length - MAX_SEQUENCE)) {
    return isIso2022Jp(start)
      ? { encoding: 'iso-2022-jp', why: 'it has the escape sequences of that encoding' }
      : undefined;
  }
  return encodingNear(start, { invalid, offset: 0, isWhole });
}

/**
 * The encoding of a text that has a byte which is not UTF-8; undefined for damaged UTF-8, or for no text.
 *
 * @param sample Bytes around it.
 */
export function encodingNear(
  sample: Uint8Array,
  {
    invalid,
    offset,
    isWhole,
  }: { readonly invalid: number; readonly offset: number; readonly isWhole: boolean },
): FoundEncoding | undefined {
  if (isDamagedUtf8(sample, isWhole)) return undefined;
  const encoding = detectEncoding(sample);
  if (encoding === undefined) return undefined;
  return {
    encoding,
    why: `byte ${formatCount(offset + invalid)} (${byteText(sample[invalid] ?? 0)}) is not valid UTF-8`,
  };
}

/** The order of bytes where an encoding leaves it open: that of the mark, else of the NULs, else little-endian. */
export function settledEncoding(encoding: EncodingName, start: Uint8Array): EncodingName {
  if (encoding !== 'utf-16' && encoding !== 'utf-32') return encoding;
  const wide = wideEncoding(start)?.encoding;
  return wide?.startsWith(encoding) ? wide : `${encoding}le`;
}

/**
 * @param start The first bytes of a text.
 * @throws {TextError} `text-packed` for an archive or a document, `text-binary` for a picture or the like
 */
export function refuseFormats(start: Uint8Array, name: string): void {
  const kind = fileKind(start.subarray(0, FILE_KIND_GLANCE));
  if (kind.is === 'text' || kind.is === 'gzip' || kind.name === 'binary data') return;
  throw notText(name, kind);
}

function notText(name: string, kind: Exclude<FileKind, { is: 'text' | 'gzip' }>): TextError {
  const problem = `${name} is ${kind.name}, not a text.`;
  if (kind.is === 'binary') return new TextError('text-binary', problem, { remedies: [ANY_BYTES] });
  return new TextError('text-packed', problem, { remedies: [{ text: kind.advice }] });
}

/** What helps with bytes that are no text. */
export const ANY_BYTES = {
  text: 'To train on any bytes',
  set: { tokens: 'byte', encoding: undefined },
} as const;

/** `0x92` */
export function byteText(byte: number): string {
  return `0x${byte.toString(16).toUpperCase().padStart(2, '0')}`;
}

/** Whether a text is looked at to find its encoding. */
export function isAuto(reading: Reading | undefined): boolean {
  return reading?.encoding === AUTO;
}

/** Whether a text begins with the byte order mark of UTF-8. */
export function hasUtf8Mark(start: Uint8Array): boolean {
  return start[0] === 0xef && start[1] === 0xbb && start[2] === 0xbf;
}

/** Whether an encoding leaves bytes as they are. */
export function isPlain(encoding: EncodingName | undefined): boolean {
  return encoding === undefined || encoding === UTF_8;
}
