/** Names of text encodings: those of the Encoding Standard, which `TextDecoder` supports, and UTF-32. */
import { OptionError } from '../../errors.ts';
import { suggest } from '../../util/suggest.ts';

/** The value of `--encoding` that detects the encoding of each file. */
export const AUTO = 'auto';
/** The encoding into which all texts are converted. */
export const UTF_8 = 'utf-8';

/** A name of the Encoding Standard, `utf-32le`, `utf-32be`, or `utf-16` and `utf-32`, whose byte order depends on the mark. */
export type EncodingName = string;

/** Names that Python, iconv and others use but the Encoding Standard does not. */
const ALIASES: Readonly<Record<string, EncodingName>> = {
  'utf-32': 'utf-32',
  utf32: 'utf-32',
  'ucs-4': 'utf-32',
  'utf-32le': 'utf-32le',
  'utf-32-le': 'utf-32le',
  'utf-32be': 'utf-32be',
  'utf-32-be': 'utf-32be',
  'utf-16': 'utf-16',
  utf16: 'utf-16',
  'utf-16-le': 'utf-16le',
  'utf-16-be': 'utf-16be',
  'utf-8-sig': UTF_8,
  cp932: 'shift_jis',
  sjis: 'shift_jis',
  cp936: 'gbk',
  cp949: 'euc-kr',
  uhc: 'euc-kr',
  cp950: 'big5',
  cp874: 'windows-874',
  eucjp: 'euc-jp',
  euckr: 'euc-kr',
  koi8r: 'koi8-r',
  koi8u: 'koi8-u',
  'mac-roman': 'macintosh',
  macroman: 'macintosh',
};

/** Names to suggest for a misspelt one. */
const COMMON = [
  ...[
    AUTO,
    UTF_8,
    'utf-16',
    'utf-16le',
    'utf-16be',
    'utf-32',
    'latin1',
    'macintosh',
    'ibm866',
    'koi8-r',
    'koi8-u',
  ],
  ...['shift_jis', 'euc-jp', 'iso-2022-jp', 'gb18030', 'gbk', 'big5', 'euc-kr'],
  ...[1250, 1251, 1252, 1253, 1254, 1255, 1256, 1257, 1258, 874].map((page) => `windows-${page}`),
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 15, 16].map((part) => `iso-8859-${part}`),
];

/** The encoding of a label; undefined if there is none. Ignores case and the difference between `-` and `_`. */
export function encodingOf(label: string): EncodingName | undefined {
  const plain = label.trim().toLowerCase();
  const spellings = [plain, plain.replaceAll('_', '-'), plain.replaceAll('-', '_')];
  for (const spelling of spellings) {
    const alias = Object.hasOwn(ALIASES, spelling) ? ALIASES[spelling] : undefined;
    if (alias !== undefined) return alias;
  }
  for (const spelling of spellings) {
    try {
      return new TextDecoder(spelling).encoding;
    } catch {
      // Unknown to the Encoding Standard, or not supported by this platform.
    }
  }
  return undefined;
}

/**
 * The encoding named by an option, or `auto`.
 *
 * @throws {OptionError} for an unknown name; it suggests the closest one
 */
export function checkEncoding(label: string): EncodingName {
  if (label.trim().toLowerCase() === AUTO) return AUTO;
  const name = encodingOf(label);
  if (name !== undefined) return name;
  const close = suggest(label.toLowerCase(), COMMON);
  throw new OptionError(
    'encoding',
    `got ${JSON.stringify(label)}, expected ${AUTO} or the name of an encoding, such as windows-1252 or shift_jis` +
      (close === undefined ? '' : `. Did you mean ${close}?`),
  );
}

/** An encoding's name for messages, such as `UTF-16 (little-endian)`. */
export function encodingTitle(name: EncodingName): string {
  const wide = /^(utf-(?:16|32))(le|be)$/.exec(name);
  if (wide) return `${wide[1]?.toUpperCase()} (${wide[2] === 'le' ? 'little' : 'big'}-endian)`;
  return /^(?:utf|koi8|euc|iso|gb|ibm)/.test(name) ? name.toUpperCase() : name;
}
