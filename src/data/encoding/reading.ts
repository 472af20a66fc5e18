/** How the bytes of a file are converted to UTF-8, and how its encoding is detected. */
import { TextError } from '../../errors.ts';
import { formatCount } from '../../util/format.ts';
import { firstInvalidByte, MAX_SEQUENCE } from '../../util/utf8.ts';
import { FILE_KIND_BYTES, type FileKind, fileKind } from '../files/file-kind.ts';
import { DEFAULT_FIELD_SEPARATOR, type FieldReading } from '../records/records.ts';
import type { TokenKind } from '../vocabulary.ts';
import { DETECTION_SAMPLE, detectEncoding, isDamagedUtf8, isIso2022Jp } from './detect-encoding.ts';
import { AUTO, checkEncoding, type EncodingName, UTF_8 } from './encodings.ts';
import { wideEncoding } from './wide-text.ts';

export interface Reading {
  /** An encoding's name; `auto`: detected for each file; undefined: bytes are kept unchanged. */
  readonly encoding: EncodingName | undefined;
  /** `lf` converts CRLF and CR to LF. */
  readonly lineEnds: 'keep' | 'lf';
  /** For files of records: the field whose values are the documents. */
  readonly field?: FieldReading | undefined;
}

/** The options that affect reading. */
export interface ReadingOptions {
  readonly tokens: TokenKind;
  /** Default: `auto`. */
  readonly encoding?: string | undefined;
  /** Default: `keep`. */
  readonly lineEnds?: 'keep' | 'lf' | undefined;
  /** The field of a CSV or JSON lines file whose values are the documents. Default: the whole file is text. */
  readonly field?: string | undefined;
  /** Ends each document. Default with a field: a line end; line ends within a value become spaces. */
  readonly separator?: string | undefined;
}

/**
 * How texts are read with these options; undefined if bytes are kept unchanged. If tokens are bytes, the bytes of the file are decoded only
 * if an encoding is named.
 *
 * @throws {OptionError} for an unknown encoding
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

/** A detected encoding. In notices, `why` follows "since". */
export interface FoundEncoding {
  readonly encoding: EncodingName;
  readonly why: string;
}

/** Bytes at the start of a text from which its encoding is detected. */
export const START_BYTES = DETECTION_SAMPLE;

/**
 * Detects the encoding of a text from its start; undefined for UTF-8, even if it is damaged, which the reader will report.
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
 * Detects the encoding of a text that is not valid UTF-8; undefined for damaged UTF-8 or binary data.
 *
 * @param sample Bytes around the first invalid one.
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

/** Adds the byte order to `utf-16` and `utf-32`: from the mark, else from the positions of NULs, else little-endian. */
export function withByteOrder(encoding: EncodingName, start: Uint8Array): EncodingName {
  if (encoding !== 'utf-16' && encoding !== 'utf-32') return encoding;
  const wide = wideEncoding(start)?.encoding;
  return wide?.startsWith(encoding) ? wide : `${encoding}le`;
}

/**
 * @param start The first bytes of a text.
 * @throws {TextError} `text-packed` for an archive or a document, `text-binary` for an image or the like
 */
export function refuseFormats(start: Uint8Array, name: string): void {
  const kind = fileKind(start.subarray(0, FILE_KIND_BYTES));
  if (kind.is === 'text' || kind.is === 'gzip' || kind.name === 'binary data') return;
  throw notText(name, kind);
}

function notText(name: string, kind: Exclude<FileKind, { is: 'text' | 'gzip' }>): TextError {
  const problem = `${name} is ${kind.name}, not a text.`;
  if (kind.is === 'binary') return new TextError('text-binary', problem, { remedies: [ANY_BYTES] });
  return new TextError('text-packed', problem, { remedies: [{ text: kind.advice }] });
}

/** The remedy for files that are not text. */
export const ANY_BYTES = {
  text: 'To train on any bytes',
  set: { tokens: 'byte', encoding: undefined },
} as const;

/** `0x92` */
export function byteText(byte: number): string {
  return `0x${byte.toString(16).toUpperCase().padStart(2, '0')}`;
}

/** Whether the encoding of a text is to be detected. */
export function isAuto(reading: Reading | undefined): boolean {
  return reading?.encoding === AUTO;
}

/** Whether a text begins with a UTF-8 byte order mark. */
export function hasUtf8Mark(start: Uint8Array): boolean {
  return start[0] === 0xef && start[1] === 0xbb && start[2] === 0xbf;
}

/** Whether bytes are already UTF-8 or kept unchanged. */
export function isPlain(encoding: EncodingName | undefined): boolean {
  return encoding === undefined || encoding === UTF_8;
}
