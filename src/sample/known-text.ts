/** A text that samples are compared with, to leave out what stands in it. */
import { withLineFeeds } from '../data/line-ends.ts';

export class KnownText {
  readonly #text: string;
  readonly #lines: boolean;

  /** @param lines Whether whole lines are compared, as for names; else any part of the text. */
  constructor(text: string, lines: boolean) {
    const plain = plainOf(text);
    this.#lines = lines;
    this.#text = lines ? `\n${trimLines(plain)}\n` : plain;
  }

  /** Whether a sample stands in the text, white space around it not counted; an empty one does. */
  has(sample: string): boolean {
    const plain = plainOf(sample).trim();
    if (plain === '') return true;
    return this.#text.includes(this.#lines ? `\n${trimLines(plain)}\n` : plain);
  }
}

/** Line ends and ways to write an accent make no difference. */
function plainOf(text: string): string {
  return withLineFeeds(text).normalize('NFC');
}

function trimLines(text: string): string {
  return text
    .split('\n')
    .map((line) => line.trim())
    .join('\n');
}
