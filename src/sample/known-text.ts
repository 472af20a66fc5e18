/** The `novel` option: leaves out samples that occur in a known text. */
import { withLineFeeds } from '../data/encoding/line-ends.ts';
import { type Content, segment } from '../data/symbols/tokenizer.ts';
import type { Vocabulary } from '../data/vocabulary.ts';

export class KnownText {
  readonly #text: string;
  readonly #lines: boolean;

  /** @param lines Whether a sample must equal whole lines, as for names; else it may occur anywhere in the text. */
  constructor(text: string, lines: boolean) {
    const plain = plainOf(text);
    this.#lines = lines;
    this.#text = lines ? `\n${trimLines(plain)}\n` : plain;
  }

  /** Whether the text contains a sample, without the white space around the sample. An empty sample counts as contained. */
  has(sample: string): boolean {
    const plain = plainOf(sample).trim();
    if (plain === '') return true;
    return this.#text.includes(this.#lines ? `\n${trimLines(plain)}\n` : plain);
  }
}

/** Content as a string; bytes are decoded as UTF-8. */
export function textOf(content: Content): string {
  return typeof content === 'string'
    ? content
    : new TextDecoder('utf-8', { ignoreBOM: true }).decode(content);
}

/**
 * A known text as a string. Bytes are decoded like a text file, unless the model is over bytes.
 *
 * @throws {TextError} for bytes that are not text
 */
export async function knownContent(content: Content, { kind }: Vocabulary): Promise<string> {
  if (typeof content === 'string' || kind === 'byte') return textOf(content);
  // Loaded only when it is needed: it knows many encodings.
  const { decodeText, unpacked } = await import('../data/encoding/decode.ts');
  return textOf(decodeText(await unpacked(content, 'novel'), 'novel', { tokens: 'character' }).content);
}

/** Normalizes line ends and accents, so that they make no difference. */
function plainOf(text: string): string {
  return withLineFeeds(text).normalize('NFC');
}

function trimLines(text: string): string {
  return text
    .split('\n')
    .map((line) => line.trim())
    .join('\n');
}

/** Maximum lines that `novelNotice` checks. If the text is the model's own, the first line is enough. */
const MAX_LINES = 100_000;

/** Returns a notice if the model can't write any line of the text, so that no sample will be left out; else undefined. */
export function novelNotice(vocabulary: Vocabulary, text: string): string | undefined {
  const lines = text
    .split(/\r\n|\r|\n/, MAX_LINES)
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (lines.length === 0) return 'the text to leave out is empty: every sample counts as new';
  if (lines.some((line) => canWrite(vocabulary, line))) return undefined;
  return "no line of the text to leave out can be written with the model's characters: every sample counts as new";
}

function canWrite(vocabulary: Vocabulary, line: string): boolean {
  for (const symbol of segment(vocabulary.normalized(line), vocabulary.kind)) {
    if (vocabulary.tokenOf(symbol) === undefined) return false;
  }
  return true;
}
