/** Unicode normalisation (NFC) of a text that comes in pieces. */
import { isSimple } from '../text/simple-characters.ts';

export class Normalizer {
  #held = '';

  /** The normalised text of what is certain after a piece; with `end` of all that there is. */
  push(piece: string, end: boolean): string {
    const text = this.#held + piece;
    const cut = end ? text.length : lastCut(text);
    this.#held = text.slice(cut);
    return text.slice(0, cut).normalize('NFC');
  }

  /** Code units that wait for what comes next. */
  get held(): number {
    return this.#held.length;
  }
}

/** The last index after the start at which a simple character stands; 0 for nowhere. */
function lastCut(text: string): number {
  let at = text.length - 1;
  while (at > 0 && !isSimple(text.charCodeAt(at))) at--;
  return Math.max(0, at);
}
