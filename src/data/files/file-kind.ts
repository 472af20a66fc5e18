/** Recognises text, and formats that have to be unpacked or converted first, from the first bytes of a file. */
import { latin1 } from '../../util/bytes.ts';
import { wideEncoding } from '../encoding/wide-text.ts';

export type FileKind =
  /** Text in some encoding, or a gzip file, which is unpacked while it is read. */
  | { readonly is: 'text' }
  | { readonly is: 'gzip' }
  /** A packed file: `name` is its format with its article, `advice` says how to unpack it. */
  | { readonly is: 'packed'; readonly name: string; readonly advice: string }
  /** A word-processor document, a spreadsheet or a similar file. */
  | { readonly is: 'document'; readonly name: string; readonly advice: string }
  /** An image, an audio file, a program …: `name` is the format with its article, or `binary data`. */
  | { readonly is: 'binary'; readonly name: string };

/** Bytes at the start of a file that determine its kind. */
export const FILE_KIND_BYTES = 8192;

const TO_TEXT = 'Save it as plain text in the program that made it';
const UNPACK = 'Unpack it into a folder, and name the texts in it';

/** [format, its first bytes, advice] */
const PACKED: readonly (readonly [name: string, magic: string, advice: string])[] = [
  ['a bzip2 file', 'BZh', 'Unpack it first with bunzip2 --keep, which keeps the original file'],
  ['an xz file', '\xfd7zXZ\0', 'Unpack it first with unxz --keep, which keeps the original file'],
  ['a Zstandard file', '\x28\xb5\x2f\xfd', 'Unpack it first with unzstd, which keeps the original file'],
  ['an lz4 file', '\x04\x22\x4d\x18', 'Unpack it first with unlz4, which keeps the original file'],
  ['a compress (.Z) file', '\x1f\x9d', 'Unpack it first with uncompress -k, which keeps the original file'],
  ['an lzip file', 'LZIP', 'Unpack it first with lzip -d -k, which keeps the original file'],
  ['a 7-Zip archive', '7z\xbc\xaf\x27\x1c', UNPACK],
  ['a RAR archive', 'Rar!\x1a\x07', UNPACK],
];

/** Formats that contain text or begin like text. */
const DOCUMENTS: readonly (readonly [name: string, magic: string])[] = [
  ['a PDF document', '%PDF-'],
  ['an RTF document', '{\\rtf'],
  ['a PostScript document', '%!PS'],
  ['a DjVu document', 'AT&TFORM'],
  ['an old Microsoft Office document (.doc, .xls, .ppt)', '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1'],
];

/** Document formats that are zip files, with an entry that identifies each. */
const ZIP_DOCUMENTS: readonly (readonly [name: string, entry: RegExp])[] = [
  ['a Word document (.docx)', /word\//],
  ['an Excel document (.xlsx)', /xl\//],
  ['a PowerPoint document (.pptx)', /ppt\//],
  ['an EPUB book', /mimetypeapplication\/epub\+zip/],
  ['an OpenDocument file (.odt, .ods, .odp)', /mimetypeapplication\/vnd\.oasis\.opendocument/],
];

/** [format, its first bytes, further bytes that identify it and their offset] */
const BINARIES: readonly (readonly [
  name: string,
  magic: string,
  also?: readonly [at: number, bytes: string],
])[] = [
  ['a PNG image', '\x89PNG\r\n'],
  ['a JPEG image', '\xff\xd8\xff'],
  ['a GIF image', 'GIF87a'],
  ['a GIF image', 'GIF89a'],
  ['a TIFF image', 'II*\0'],
  ['a TIFF image', 'MM\0*'],
  ['a BMP image', 'BM', [6, '\0\0\0\0']],
  ['a WebP image', 'RIFF', [8, 'WEBP']],
  ['a WAV audio file', 'RIFF', [8, 'WAVE']],
  ['an AVI video', 'RIFF', [8, 'AVI ']],
  ['an MP3 audio file', 'ID3\x02'],
  ['an MP3 audio file', 'ID3\x03'],
  ['an MP3 audio file', 'ID3\x04'],
  ['an Ogg file', 'OggS\0'],
  ['a FLAC audio file', 'fLaC\0'],
  ['a MIDI file', 'MThd\0\0\0\x06'],
  ['an MP4 or QuickTime video', '\0\0\0', [4, 'ftyp']],
  ['a Matroska or WebM video', '\x1a\x45\xdf\xa3'],
  ['a program', '\x7fELF'],
  ['a program', 'MZ\x90\0'],
  ['a program', '\xcf\xfa\xed\xfe'],
  ['a WebAssembly module', '\0asm'],
  ['a Java class', '\xca\xfe\xba\xbe\0'],
  ['an SQLite database', 'SQLite format 3\0'],
  ['a font', 'wOFF'],
  ['a font', 'wOF2'],
  ['a font', 'OTTO\0'],
  ['a font', '\0\x01\0\0\0'],
  ['a NumPy array', '\x93NUMPY'],
  ['a Parquet file', 'PAR1\x15'],
];

/**
 * The kind of a file.
 *
 * @param start Its first `FILE_KIND_BYTES` bytes.
 */
export function fileKind(start: Uint8Array): FileKind {
  if (isGzip(start)) return { is: 'gzip' };
  const text = latin1(start.subarray(0, FILE_KIND_BYTES));
  if (text.startsWith('PK\x03\x04') || text.startsWith('PK\x05\x06')) return zipKind(text);
  for (const [name, magic, advice] of PACKED) {
    if (isFormat(text, magic)) return { is: 'packed', name, advice };
  }
  if (text.startsWith('ustar', 257)) return { is: 'packed', name: 'a tar archive', advice: UNPACK };
  for (const [name, magic] of DOCUMENTS) {
    if (text.startsWith(magic)) return { is: 'document', name, advice: TO_TEXT };
  }
  for (const [name, magic, also] of BINARIES) {
    if (!text.startsWith(magic)) continue;
    if (!also || text.startsWith(also[1], also[0])) return { is: 'binary', name };
  }
  if (!wideEncoding(start) && looksBinary(start)) return { is: 'binary', name: 'binary data' };
  return { is: 'text' };
}

/** Whether a file begins like a gzip member (RFC 1952). */
export function isGzip(start: Uint8Array): boolean {
  return start[0] === 0x1f && start[1] === 0x8b && start[2] === 8;
}

/** A text could begin with `BZh` or `LZIP` too, so this also checks the bytes after them. */
function isFormat(text: string, magic: string): boolean {
  if (!text.startsWith(magic)) return false;
  if (magic === 'BZh')
    return /^BZh[1-9]/.test(text) && ['1AY&SY', '\x17rE8P\x90'].some((mark) => text.startsWith(mark, 4));
  return magic !== 'LZIP' || text.charCodeAt(4) === 1;
}

function zipKind(text: string): FileKind {
  for (const [name, entry] of ZIP_DOCUMENTS) {
    if (entry.test(text)) return { is: 'document', name, advice: TO_TEXT };
  }
  return { is: 'packed', name: 'a zip archive', advice: UNPACK };
}

/** Maximum share of control characters in a text. Random bytes have 9%. */
const MAX_CONTROLS = 0.04;

/** Whether there is a NUL, or many control characters that are unusual in text (ESC is common in ISO-2022-JP). */
function looksBinary(start: Uint8Array): boolean {
  let controls = 0;
  for (const byte of start) {
    if (byte === 0) return true;
    if (byte < 0x20 && byte !== 0x1b && !(byte >= 8 && byte <= 13)) controls++;
  }
  return controls > 2 && controls > MAX_CONTROLS * start.length;
}
