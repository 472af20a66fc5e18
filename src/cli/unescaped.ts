/** Characters that are hard to type into a shell. */

const MEANINGS: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', f: '\f', '\\': '\\' };

/** A text in which `\n`, `\r`, `\t`, `\f` and `\\` stand for what they mean in programs. */
export function unescaped(text: string): string {
  return text.replace(/\\([nrtf\\])/g, (_, letter: string) => MEANINGS[letter] ?? '');
}
