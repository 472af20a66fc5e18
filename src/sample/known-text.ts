/** A text that samples are compared with, to leave out what stands in it. */

export class KnownText {
  readonly #text: string;
  readonly #lines: boolean;

  /** @param lines Whether whole lines are compared, as for names; else any part of the text. */
  constructor(text: string, lines: boolean) {
    const plain = text.replaceAll('\r\n', '\n');
    this.#lines = lines;
    this.#text = lines ? `\n${trimLines(plain)}\n` : plain;
  }

  /** Whether a sample stands in the text, white space around it not counted; an empty one does. */
  has(sample: string): boolean {
    const plain = sample.replaceAll('\r\n', '\n').trim();
    if (plain === '') return true;
    return this.#text.includes(this.#lines ? `\n${trimLines(plain)}\n` : plain);
  }
}

function trimLines(text: string): string {
  return text
    .split('\n')
    .map((line) => line.trim())
    .join('\n');
}
