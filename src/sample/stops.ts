/** Where a text ends: limits on its length and time, and stop strings. */
import * as z from 'zod/mini';
import { lineEndForms } from '../data/encoding/line-ends.ts';
import { segment } from '../data/symbols/tokenizer.ts';
import type { Vocabulary } from '../data/vocabulary.ts';
import { OptionError } from '../errors.ts';
import { count, option, positive } from '../util/option-info.ts';

/** Why a text ended: a limit, a stop string, or `complete`: its template or expression allows nothing more. */
export type Ending = 'length' | 'lines' | 'words' | 'seconds' | 'stop' | 'complete';

/** Options that every schema of sampling options includes. */
export const limitOptions = {
  length: option(z._default(count(0), 2000), {
    flag: 'length',
    group: 'Sampling',
    help: 'maximum symbols to generate; the prompt does not count',
    original: true,
    common: true,
  }),
  lines: option(z.optional(count(1)), {
    flag: 'lines',
    group: 'Where a text ends',
    help: "maximum lines; the prompt's last line is the first",
  }),
  words: option(z.optional(count(1)), {
    flag: 'words',
    group: 'Where a text ends',
    help: 'maximum words',
  }),
  seconds: option(z.optional(positive()), {
    flag: 'seconds',
    group: 'Where a text ends',
    help: 'maximum time, in seconds',
  }),
  stop: option(z._default(z.union([z.string(), z.array(z.string()).check(z.maxLength(64))]), []), {
    flag: 'stop',
    escapes: true,
    group: 'Where a text ends',
    help: 'end before this text (\\n: a line end); may be repeated',
    value: 'TEXT',
    several: true,
    expected: 'a text, or up to 64',
  }),
};

export const limitsSchema = z.strictObject(limitOptions);
export type LimitOptions = z.output<typeof limitsSchema>;

/** The limits resolved for a vocabulary, shared by all texts of a call. */
export interface Limits extends Omit<LimitOptions, 'stop'> {
  readonly stops: readonly StopSequence[];
  /** [V]: 1 for each token that ends a line. */
  readonly newlines: Uint8Array;
  /** [V]: 1 for each token that is white space. */
  readonly spaces: Uint8Array;
  /** The token of CR, which is part of the line end if LF follows. */
  readonly lineReturn: number | undefined;
  /** A line for each stop string that can never occur. */
  readonly notices: readonly string[];
}

/** A stop string as tokens, with the failure table of Knuth, Morris & Pratt 1977: how many tokens still match after a mismatch. */
interface StopSequence {
  readonly tokens: Int32Array;
  readonly failure: Int32Array;
}

/**
 * Resolves the limits for a vocabulary. Stop strings match symbol by symbol: as bytes of UTF-8, as characters, or as whole graphemes.
 *
 * @throws {OptionError} for an empty stop string
 */
export function resolveLimits(vocabulary: Vocabulary, options: LimitOptions): Limits {
  const { stop, length, lines, words, seconds } = options;
  const stops: StopSequence[] = [];
  const notices: string[] = [];
  for (const text of typeof stop === 'string' ? [stop] : stop) {
    if (text === '') throw new OptionError('stop', 'got an empty text, expected at least one character');
    // A line end in a stop string matches the model's line ends: LF, CRLF or CR alone.
    const forms = lineEndForms(vocabulary.normalized(text), vocabulary.tokenOf('\n') === undefined)
      .map((form) => Array.from(segment(form, vocabulary.kind), (symbol) => vocabulary.tokenOf(symbol)))
      .filter((tokens) => !tokens.includes(undefined));
    if (forms.length === 0) {
      notices.push(
        `the model never writes the stop text ${JSON.stringify(text)}: it does not know all its characters`,
      );
    } else {
      for (const tokens of forms) stops.push(stopSequence(tokens as number[]));
    }
  }
  return { length, lines, words, seconds, stops, notices, ...marksOf(vocabulary) };
}

/** A cache, because a server resolves limits for every request and these parts depend only on the vocabulary. */
const marksByVocabulary = new WeakMap<Vocabulary, Pick<Limits, 'newlines' | 'spaces' | 'lineReturn'>>();

function marksOf(vocabulary: Vocabulary): Pick<Limits, 'newlines' | 'spaces' | 'lineReturn'> {
  const known = marksByVocabulary.get(vocabulary);
  if (known) return known;
  const marks = (pattern: RegExp) =>
    Uint8Array.from({ length: vocabulary.size }, (_, token) =>
      pattern.test(vocabulary.symbols[token] ?? '') ? 1 : 0,
    );
  const hasLineFeed = vocabulary.tokenOf('\n') !== undefined;
  const found = {
    newlines: marks(hasLineFeed ? /^\r?\n$/ : /^(\r\n|\r)$/),
    spaces: marks(/^\s+$/u),
    lineReturn: hasLineFeed ? vocabulary.tokenOf('\r') : undefined,
  };
  marksByVocabulary.set(vocabulary, found);
  return found;
}

function stopSequence(tokens: readonly number[]): StopSequence {
  const failure = new Int32Array(tokens.length);
  let matched = 0;
  for (let i = 1; i < tokens.length; i++) {
    while (matched > 0 && tokens[i] !== tokens[matched]) matched = failure[matched - 1] as number;
    if (tokens[i] === tokens[matched]) matched++;
    failure[i] = matched;
  }
  return { tokens: Int32Array.from(tokens), failure };
}

/**
 * Detects the end of one text from its tokens. It also counts the tokens that may be shown: all but those that may turn out to be the start
 * of a stop string.
 */
export class StopTracker {
  /** Why the text has ended; undefined while it continues. */
  ending: Ending | undefined;
  /** How many tokens belong to the text, whichever tokens follow. */
  shown = 0;
  readonly #limits: Limits;
  /** For each stop string, how many of its tokens the last tokens match. */
  readonly #matched: Int32Array;
  readonly #deadline: number;
  #length = 0;
  #lines = 0;
  #words = 0;
  #inWord = false;
  /** Whether lines are counted and the last token was CR, which may turn out to be part of a line end. */
  #isAfterReturn = false;

  /** @param deadline A time of `performance.now()`. Default: `seconds` from now. */
  constructor(
    limits: Limits,
    deadline = performance.now() + (limits.seconds ?? Number.POSITIVE_INFINITY) * 1000,
  ) {
    this.#limits = limits;
    this.#matched = new Int32Array(limits.stops.length);
    this.#deadline = deadline;
    if (limits.length === 0) this.ending = 'length';
  }

  /** Takes the next token. @throws {RangeError} if the text has ended */
  push(token: number): void {
    const { length, lines, words, newlines, spaces, stops } = this.#limits;
    if (this.ending) throw new RangeError('this text has ended');
    this.#length++;
    if (stops.length > 0) {
      const found = this.#advanceStops(token);
      if (found > 0) {
        this.shown = this.#length - found;
        this.ending = 'stop';
        return;
      }
    }
    const wasAfterReturn = this.#isAfterReturn;
    this.#isAfterReturn = lines !== undefined && token === this.#limits.lineReturn;
    if (lines !== undefined && newlines[token] === 1 && ++this.#lines === lines) {
      this.#endBefore('lines', wasAfterReturn ? 2 : 1);
    } else if (words !== undefined && this.#endsWord(spaces[token] === 1) && ++this.#words === words) {
      this.#endBefore('words');
    } else if (this.#length === length) {
      this.end('length');
    } else {
      let held = this.#isAfterReturn ? 1 : 0;
      for (let i = 0; i < stops.length; i++) held = Math.max(held, this.#matched[i] as number);
      this.shown = this.#length - held;
    }
  }

  /** Ends the text after the last token; tokens that were held back belong to it. */
  end(ending: Ending): void {
    this.shown = this.#length;
    this.ending = ending;
  }

  /** Whether the text has reached its time limit before it ended. */
  isTimedOut(): boolean {
    return this.ending === undefined && performance.now() >= this.#deadline;
  }

  /** A copy in the same state and with the same deadline, for another continuation of the text. */
  fork(): StopTracker {
    const copy = new StopTracker(this.#limits, this.#deadline);
    copy.ending = this.ending;
    copy.shown = this.shown;
    copy.#matched.set(this.#matched);
    copy.#length = this.#length;
    copy.#lines = this.#lines;
    copy.#words = this.#words;
    copy.#inWord = this.#inWord;
    copy.#isAfterReturn = this.#isAfterReturn;
    return copy;
  }

  /** Ends the text before its last tokens: the white space that ended it, and a CR in front of it. */
  #endBefore(ending: Ending, tokens = 1): void {
    this.shown = this.#length - tokens;
    this.ending = ending;
  }

  #endsWord(isSpace: boolean): boolean {
    const ends = isSpace && this.#inWord;
    this.#inWord = !isSpace;
    return ends;
  }

  /** The length of the longest stop string that ends with this token; 0 if there is none. */
  #advanceStops(token: number): number {
    const { stops } = this.#limits;
    let found = 0;
    for (let i = 0; i < stops.length; i++) {
      const { tokens, failure } = stops[i] as StopSequence;
      let matched = this.#matched[i] as number;
      while (matched > 0 && tokens[matched] !== token) matched = failure[matched - 1] as number;
      if (tokens[matched] === token) matched++;
      this.#matched[i] = matched;
      if (matched === tokens.length) found = Math.max(found, matched);
    }
    return found;
  }
}
