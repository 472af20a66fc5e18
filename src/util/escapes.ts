/** Escapes for characters that are hard to type in a shell or a one-line field, the same for every option. */
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
  /** Sequences that begin with a backslash but are not escapes. They stay unchanged. */
  readonly unknown: readonly string[];
}

/** Replaces `\n`, `\r`, `\t`, `\f`, `\\`, `\xHH`, `\uHHHH` and `\u{H…}` by their characters. */
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
  // Two UTF-16 escapes may form one character; half of a pair is not valid text.
  if (!/\p{Surrogate}/u.test(read)) return { text: read, unknown: [...unknown] };
  return { text, unknown: [text] };
}

/** The notice for an unknown escape. @param where The flag as typed, or another name for the place. */
export function unknownEscape(where: string, found: string): string {
  return `${where}: ${found} is not an escape and stays as it is; write \\\\ for a backslash`;
}

/** Writes a text with escapes, so that `readEscapes` reads it back. */
export function writeEscapes(text: string): string {
  return text.replace(/[\n\r\t\f\\]/g, (character) => {
    const [letter] = Object.entries(MEANINGS).find(([, meaning]) => meaning === character) ?? [character];
    return `\\${letter}`;
  });
}
