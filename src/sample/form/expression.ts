/**
 * Parses the regular expression that a whole text must match. The syntax is a safe subset of JavaScript's:
 *
 * characters, `.`, classes, `\d \w \s \p{…}` and their negations, groups, `|`, `* + ? {n} {n,} {n,m}`. Back references, look-around and
 * `\b` are rejected by name, because the size of their automaton can't be bounded in advance.
 */
import { segment } from '../../data/symbols/tokenizer.ts';
import type { TokenKind } from '../../data/vocabulary.ts';
import { OptionError } from '../../errors.ts';
import { formatCount } from '../../util/format.ts';

/** A set of symbols, as a function that tells whether a symbol is in it. */
export type SymbolSet = (symbol: string) => boolean;

export type Expression =
  /** `symbol`: the only member of the set, if it is a symbol of the source. */
  | { readonly kind: 'set'; readonly set: SymbolSet; readonly symbol?: string }
  | { readonly kind: 'sequence' | 'choice'; readonly parts: readonly Expression[] }
  /** `max` may be infinite. */
  | { readonly kind: 'repeat'; readonly part: Expression; readonly min: number; readonly max: number };

/** Limits on the characters of an expression, the nesting of groups, and a repetition. */
const MAX_LENGTH = 10_000;
const MAX_DEPTH = 100;
const MAX_REPEATS = 10_000;

const UNSUPPORTED: readonly (readonly [RegExp, string])[] = [
  [/^\(\?[=!]/, 'looking ahead'],
  [/^\(\?<[=!]/, 'looking behind'],
  [/^\\[bB]/, 'a word boundary'],
  [/^\\[1-9]/, 'a back reference'],
  [/^\\k/, 'a back reference'],
];

/** @throws {OptionError} with the position of the first part that is invalid or not supported */
export function parseExpression(source: string, kind: TokenKind): Expression {
  if (source.length > MAX_LENGTH) {
    throw new OptionError(
      'match',
      `the expression has ${formatCount(source.length)} characters, expected at most ${formatCount(MAX_LENGTH)}`,
    );
  }
  return new Parser(source, kind).parse();
}

/** An expression that matches only this text, symbol by symbol: bytes, characters or graphemes. */
export function literal(text: string, kind: TokenKind): Expression {
  const parts = Array.from(
    segment(text, kind),
    (symbol): Expression => ({ kind: 'set', set: (other) => other === symbol, symbol }),
  );
  return parts.length === 1 ? (parts[0] as Expression) : { kind: 'sequence', parts };
}

export const one = (set: SymbolSet): Expression => ({ kind: 'set', set });

/** The set of `.`. All dots share it, because the automaton tests every symbol of the model against each set. */
const isWithinLine: SymbolSet = (symbol) => !/^[\r\n\u2028\u2029]+$/.test(symbol);

class Parser {
  readonly #source: string;
  readonly #kind: TokenKind;
  /** The expression in characters; in graphemes if the model's symbols are graphemes. */
  readonly #characters: readonly string[];
  /** One shared set for each of `\d`, `\p{L}` and so on that occurs. */
  readonly #knownSets = new Map<string, SymbolSet>();
  #at = 0;
  #depth = 0;

  constructor(source: string, kind: TokenKind) {
    this.#source = source;
    this.#kind = kind;
    this.#characters = [...segment(source, kind === 'grapheme' ? 'grapheme' : 'character')];
  }

  parse(): Expression {
    // The whole text must match in any case, so anchors at the ends are redundant.
    if (this.#next === '^') this.#at++;
    const expression = this.#choice();
    if (this.#next === '$' && this.#at === this.#characters.length - 1) this.#at++;
    if (this.#next === ')') this.#fail('a ) without its (');
    if (this.#next !== undefined) this.#fail(`${this.#next} is supported only at the end`);
    return expression;
  }

  get #next(): string | undefined {
    return this.#characters[this.#at];
  }

  #choice(): Expression {
    const parts = [this.#sequence()];
    while (this.#next === '|') {
      this.#at++;
      parts.push(this.#sequence());
    }
    return parts.length === 1 ? (parts[0] as Expression) : { kind: 'choice', parts };
  }

  #sequence(): Expression {
    const parts: Expression[] = [];
    for (;;) {
      const next = this.#next;
      if (next === undefined || next === '|' || next === ')' || next === '$') break;
      parts.push(this.#repeated(this.#item(next)));
    }
    return parts.length === 1 ? (parts[0] as Expression) : { kind: 'sequence', parts };
  }

  #item(next: string): Expression {
    const rest = this.#characters.slice(this.#at, this.#at + 4).join('');
    for (const [pattern, name] of UNSUPPORTED) if (pattern.test(rest)) this.#fail(`${name} is not supported`);
    if (next === '(') return this.#group();
    if (next === '[') return one(this.#class());
    if (next === '.') {
      this.#at++;
      return one(isWithinLine);
    }
    if (/^[*+?{}]$/.test(next)) this.#fail(`there is nothing before ${next} that it could repeat`);
    if (next === '^') this.#fail('^ is supported only at the beginning');
    if (next === '\\') {
      const escaped = this.#escape();
      return typeof escaped === 'string' ? literal(escaped, this.#kind) : one(escaped);
    }
    this.#at++;
    return literal(next, this.#kind);
  }

  #group(): Expression {
    if (++this.#depth > MAX_DEPTH) this.#fail(`groups are nested more than ${MAX_DEPTH} deep`);
    const start = this.#at++;
    const isPlain = this.#next === '?' && this.#characters[this.#at + 1] === ':';
    if (isPlain) this.#at += 2;
    else if (this.#next === '?') this.#fail('among groups with (?, only (?: is supported');
    const inside = this.#choice();
    if (this.#next !== ')') {
      this.#at = start;
      this.#fail('a ( without its )');
    }
    this.#at++;
    this.#depth--;
    return inside;
  }

  #repeated(part: Expression): Expression {
    const range = this.#range();
    if (!range) return part;
    const [min, max] = range;
    if (this.#next === '?') this.#fail('a lazy quantifier is not supported, and would match the same texts');
    if (/^[*+]$/.test(this.#next ?? '')) this.#fail('one quantifier after another');
    return { kind: 'repeat', part, min, max };
  }

  #range(): [number, number] | undefined {
    const next = this.#next;
    const simple: Record<string, [number, number]> = {
      '*': [0, Number.POSITIVE_INFINITY],
      '+': [1, Number.POSITIVE_INFINITY],
      '?': [0, 1],
    };
    if (next !== undefined && Object.hasOwn(simple, next)) {
      this.#at++;
      return simple[next];
    }
    if (next !== '{') return undefined;
    const found = /^\{(\d{1,6})(,(\d{0,6}))?\}/.exec(
      this.#characters.slice(this.#at, this.#at + 16).join(''),
    );
    if (!found) this.#fail('expected {n}, {n,} or {n,m}');
    const [whole, low, comma, high] = found;
    const min = Number(low);
    const max = comma === undefined ? min : high ? Number(high) : Number.POSITIVE_INFINITY;
    if (max < min) this.#fail(`${whole}: the numbers are out of order`);
    if (Math.max(min, Number.isFinite(max) ? max : 0) > MAX_REPEATS) {
      this.#fail(`${whole}: expected at most ${formatCount(MAX_REPEATS)}`);
    }
    this.#at += whole.length;
    return [min, max];
  }

  /** A character class. If symbols are bytes, it may contain only ASCII. */
  #class(): SymbolSet {
    const start = this.#at++;
    const isNegated = this.#next === '^';
    if (isNegated) this.#at++;
    const sets: SymbolSet[] = [];
    while (this.#next !== ']') {
      if (this.#next === undefined) {
        this.#at = start;
        this.#fail('a [ without its ]');
      }
      const low = this.#classItem();
      const isRange = this.#next === '-' && this.#characters[this.#at + 1] !== ']';
      if (typeof low !== 'string' || !isRange) {
        sets.push(typeof low === 'string' ? (symbol) => symbol === low : low);
        continue;
      }
      this.#at++;
      const high = this.#classItem();
      if (typeof high !== 'string') this.#fail('a range ends in a set');
      sets.push(this.#between(low, high));
    }
    this.#at++;
    const isMember = (symbol: string) => sets.some((set) => set(symbol));
    return isNegated ? (symbol) => !isMember(symbol) : isMember;
  }

  #classItem(): string | SymbolSet {
    const next = this.#next as string;
    const item = next === '\\' ? this.#escape() : next;
    if (next !== '\\') this.#at++;
    if (typeof item === 'string' && this.#kind === 'byte' && item > '\u007f') {
      this.#fail(`${JSON.stringify(item)} is several bytes: write (${item}|…) instead of a class`);
    }
    return item;
  }

  #between(low: string, high: string): SymbolSet {
    const from = low.codePointAt(0) as number;
    const to = high.codePointAt(0) as number;
    if (from > to) this.#fail(`${low}-${high}: the range is out of order`);
    return (symbol) => {
      const point = symbol.codePointAt(0) as number;
      return point >= from && point <= to && symbol.length === String.fromCodePoint(point).length;
    };
  }

  /** An escape: a character or a set. */
  #escape(): string | SymbolSet {
    const rest = this.#characters.slice(this.#at, this.#at + 40).join('');
    const set = /^\\(?:[dDwWsS]|[pP]\{[\w=]{1,30}\})/.exec(rest)?.[0];
    if (set !== undefined) {
      this.#at += set.length;
      return this.#knownSet(set);
    }
    const [whole, short, hex] =
      /^\\(?:([nrtfv0]|[^\w\s])|(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|u\{([\da-fA-F]{1,6})\}))/u.exec(rest) ??
      [];
    if (whole === undefined) this.#fail(`${rest.slice(0, 2)} is not supported`);
    const point = hex ?? /[\da-fA-F]{2,6}/.exec(whole)?.[0];
    this.#at += [...segment(whole, this.#kind === 'grapheme' ? 'grapheme' : 'character')].length;
    if (short !== undefined) return ESCAPES[short] ?? short;
    const value = Number.parseInt(point as string, 16);
    if (value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) this.#fail(`${whole} is not a character`);
    return String.fromCodePoint(value);
  }

  #knownSet(name: string): SymbolSet {
    const known = this.#knownSets.get(name);
    if (known) return known;
    try {
      const pattern = new RegExp(`^${name}$`, 'u');
      const set: SymbolSet = (symbol) => pattern.test(symbol);
      this.#knownSets.set(name, set);
      return set;
    } catch {
      this.#fail(`${name}: there is no such property of characters`);
    }
  }

  #fail(reason: string): never {
    throw new OptionError(
      'match',
      `character ${formatCount(this.#at + 1)} of ${JSON.stringify(shorten(this.#source))}: ${reason}`,
    );
  }
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', f: '\f', v: '\v', 0: '\0' };

function shorten(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 60)}…`;
}
