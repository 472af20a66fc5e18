/** Text in the columns of a terminal: its width, cut to a width, wrapped at a width. */

/** East Asian wide and fullwidth characters (UAX #11) and emoji. */
const WIDE =
  /^(?:[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation})$/u;

/** The width of a text in columns: East Asian wide characters and emoji take two, marks and joiners none. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const char of text) if (!/^(?:\p{Mark}|\u200d)$/u.test(char)) columns += WIDE.test(char) ? 2 : 1;
  return columns;
}

/** Cuts a text to a width in columns. Control characters, which could move the cursor, become U+FFFD. */
export function clip(text: string, width: number): string {
  let columns = 0;
  let clipped = '';
  for (const char of text.replace(/\p{Control}/gu, '\ufffd')) {
    columns += columnsOf(char);
    if (columns > width) return `${clipped.slice(0, -1)}…`;
    clipped += char;
  }
  return clipped;
}

/** Breaks a text between words into lines of at most `width` columns. A longer word stays whole. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    const longer = `${last} ${word}`;
    if (last !== undefined && columnsOf(longer) <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** Breaks a line like `wrap` and indents all lines but the first. Without a width, the line stays whole. */
export function wrapHanging(line: string, indent: number, width: number | undefined): string[] {
  if (width === undefined || columnsOf(line) <= width) return [line];
  const [first = '', ...rest] = wrap(line, width);
  return [first, ...wrap(rest.join(' '), width - indent).map((more) => ' '.repeat(indent) + more)];
}
