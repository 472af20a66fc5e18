/** Characters that are hard to type into a shell: read the same way wherever a flag or a command takes characters. */
import type { Vocabulary } from '../../data/vocabulary.ts';

const MEANINGS: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  f: '\f',
  '\\': '\\',
};

const ESCAPE = /\\(?:([nrtf\\])|x([\da-f]{2})|u([\da-f]{4})|u\{([\da-f]{1,6})\}|(.)?)/gisu;

export interface ReadEscapes {
  readonly text: string;
  /** Backslashes with what follows them that are no escapes; they stay as they are. */
  readonly unknown: readonly string[];
}

/** A text in which `\n`, `\r`, `\t`, `\f`, `\\`, `\xHH`, `\uHHHH` and `\u{H…}` become the characters they stand for. */
export function readEscapes(text: string): ReadEscapes {
  const unknown = new Set<string>();
  const read = text.replace(
    ESCAPE,
    (whole: string, letter?: string, two?: string, four?: string, long?: string) => {
      const meaning = letter === undefined ? undefined : MEANINGS[letter];
      if (meaning !== undefined) return meaning;
      const digits = two ?? four ?? long;
      const point = digits === undefined ? Number.NaN : Number.parseInt(digits, 16);
      if (point <= 0x10ffff) return String.fromCodePoint(point);
      unknown.add(whole);
      return whole;
    },
  );
  // Two escapes of UTF-16 may be one character; a half of one is no text.
  if (!/\p{Surrogate}/u.test(read)) return { text: read, unknown: [...unknown] };
  return { text, unknown: [text] };
}

/** The line for a backslash that begins no escape. @param where The flag as it was typed, or what else took the characters. */
export function unknownEscape(where: string, found: string): string {
  return `${where}: ${found} is not an escape and stays as it is; write \\\\ for a backslash`;
}

/**
 * A prompt from the command line. The original takes it as it is, and a text with backslashes, such as source code, needs that. So
 * escapes are read for a model that has no backslash: it could not read the prompt otherwise (docs/decisions/escapes.md).
 */
export function readPrompt(
  prompt: string,
  vocabulary: Vocabulary,
  where: string,
): { readonly text: string; readonly notices: readonly string[] } {
  const { text, unknown } = readEscapes(prompt);
  if (vocabulary.tokenOf('\\') === undefined) {
    return { text, notices: unknown.map((found) => unknownEscape(where, found)) };
  }
  if (text === prompt) return { text, notices: [] };
  const notice = `${where}: the model knows the backslash, so backslashes in the prompt stay as they are; for a line end, press Enter between the quotes`;
  return { text: prompt, notices: [notice] };
}
