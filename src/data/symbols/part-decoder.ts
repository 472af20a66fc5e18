/** Decodes a text that comes in parts to strings, and normalises it if wanted (NFC). */
import { TextError } from '../../errors.ts';
import { formatCount } from '../../util/format.ts';
import type { TextPart } from '../text/documents.ts';
import type { Normalization } from '../vocabulary.ts';
import { isSimple } from './simple-characters.ts';

/** Code units that may be held back until the text can be cut. A line is shorter in any language. */
const MAX_HELD = 1 << 20;

export class PartDecoder {
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  readonly #normalizer: Normalizer | undefined;

  constructor(normalize: Normalization) {
    this.#normalizer = normalize === 'nfc' ? new Normalizer() : undefined;
  }

  /**
   * The text that no later part can change.
   *
   * @param part Whole characters in valid UTF-8.
   * @throws {TextError} `text-unreadable` if the text has no place to cut
   */
  push({ bytes, endsDocument }: TextPart, name: string): string {
    const text = this.#decoder.decode(bytes);
    if (!this.#normalizer) return text;
    const normalized = this.#normalizer.push(text, endsDocument);
    checkHeld(this.#normalizer.held, name);
    return normalized;
  }
}

/** Unicode normalisation of a text that comes in pieces. */
class Normalizer {
  #held = '';

  /** The normalised text that no later piece can change; all of it if `end` is true. */
  push(piece: string, end: boolean): string {
    const text = this.#held + piece;
    const cut = end ? text.length : lastCut(text);
    this.#held = text.slice(cut);
    return text.slice(0, cut).normalize('NFC');
  }

  /** Code units held back until the next piece. */
  get held(): number {
    return this.#held.length;
  }
}

/** Index of the last simple character after the start; 0 if there is none. */
function lastCut(text: string): number {
  let at = text.length - 1;
  while (at > 0 && !isSimple(text.charCodeAt(at))) at--;
  return Math.max(0, at);
}

/** @throws {TextError} `text-unreadable` if too many code units were held back because the text has no place to cut */
export function checkHeld(held: number, name: string): void {
  if (held <= MAX_HELD) return;
  throw new TextError(
    'text-unreadable',
    `${name} has over ${formatCount(MAX_HELD)} characters without a space, a line end or a letter that could begin a piece: ` +
      'too many to normalise or to cut into graphemes. Set `tokens` to character, and leave `normalize` out.',
  );
}
