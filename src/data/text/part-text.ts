/** The characters of a text's parts as strings, normalised where that is asked for. */
import { TextError } from '../../errors.ts';
import { formatCount } from '../../util/format-number.ts';
import { Normalizer } from '../encoding/normalizer.ts';
import type { Normalization } from '../vocabulary.ts';
import type { TextPart } from './documents.ts';

/** Most code units that may wait for a place where the text can be cut. A line of any language is shorter. */
const LONGEST_HELD = 1 << 20;

export class PartText {
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  readonly #normalizer: Normalizer | undefined;

  constructor(normalize: Normalization) {
    this.#normalizer = normalize === 'nfc' ? new Normalizer() : undefined;
  }

  /**
   * What is certain after a part, which is valid UTF-8 and whole characters.
   *
   * @throws {TextError} `text-unreadable` where no place to cut comes
   */
  push({ bytes, endsDocument }: TextPart, name: string): string {
    const text = this.#decoder.decode(bytes);
    if (!this.#normalizer) return text;
    const normalized = this.#normalizer.push(text, endsDocument);
    checkHeld(this.#normalizer.held, name);
    return normalized;
  }
}

/** @throws {TextError} `text-unreadable` where too much waits for a place at which the text can be cut */
export function checkHeld(held: number, name: string): void {
  if (held <= LONGEST_HELD) return;
  throw new TextError(
    'text-unreadable',
    `${name} has over ${formatCount(LONGEST_HELD)} characters without a space, a line end or a letter that could begin a piece: ` +
      'too many to normalise or to cut into graphemes. Set `tokens` to character, and leave `normalize` out.',
  );
}
