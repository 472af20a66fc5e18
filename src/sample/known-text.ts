/** A text that samples are compared with, to leave out what stands in it. */
import { decodeText, unpacked } from '../data/encoding/decode.ts';
import { withLineFeeds } from '../data/encoding/line-ends.ts';
import type { Content } from '../data/symbols/tokenizer.ts';
import type { Vocabulary } from '../data/vocabulary.ts';

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

/** A text as a string; bytes are UTF-8. */
export function textOf(content: Content): string {
  return typeof content === 'string'
    ? content
    : new TextDecoder('utf-8', { ignoreBOM: true }).decode(content);
}

/**
 * A known text as a string. Bytes are read as a file of text, unless the model is over bytes.
 *
 * @throws {TextError} for bytes that are no text
 */
export async function knownContent(content: Content, { kind }: Vocabulary): Promise<string> {
  if (typeof content === 'string' || kind === 'byte') return textOf(content);
  return textOf(decodeText(await unpacked(content, 'novel'), 'novel', { tokens: 'character' }).content);
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
