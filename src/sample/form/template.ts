/**
 * Parses a template with fixed and free parts, such as "Dear ____, … Yours, ____", into an expression.
 *
 * `____` (three or more underscores) is a free part within a line: 1 to 40 symbols that do not begin with white space. It ends when the
 * model writes the template's next symbol, or a line end if the template ends there.
 * `…` is a free part that may have several lines: 200 to 400 symbols. After half of the maximum it ends with the first `.`, `!` or `?`.
 * A number in braces sets the maximum: `____{12}`, `…{1000}`.
 */
import { segment } from '../../data/symbols/tokenizer.ts';
import type { TokenKind } from '../../data/vocabulary.ts';
import { OptionError } from '../../errors.ts';
import { type Expression, literal, one, type SymbolSet } from './expression.ts';

/** Maximum symbols of `____` and of `…` if the template sets none, and the largest maximum that it can set. */
const DEFAULT_MAX_SHORT = 40;
const DEFAULT_MAX_LONG = 400;
const MAX_PART_LENGTH = 5000;

const isSpace: SymbolSet = (symbol) => /^\s+$/u.test(symbol);
const endsLine: SymbolSet = (symbol) => /^[\r\n]+$/.test(symbol);
const endsSentence: SymbolSet = (symbol) => /^[.!?]$/.test(symbol);

/** @throws {OptionError} if there is no free part, or if a maximum is out of range */
export function parseTemplate(template: string, kind: TokenKind): Expression {
  const parts: Expression[] = [];
  const free = [...template.matchAll(/(_{3,}|…)(?:\{(\d+)\})?/g)];
  if (free.length === 0) {
    throw new OptionError('template', `got ${JSON.stringify(template)}, expected a free part: ____ or …`);
  }
  let at = 0;
  for (const [index, found] of free.entries()) {
    if (found.index > at) parts.push(literal(template.slice(at, found.index), kind));
    at = found.index + found[0].length;
    const fixed = template.slice(at, free[index + 1]?.index);
    const max = found[2] === undefined ? undefined : checkLimit(found[2]);
    parts.push(
      found[1] === '…'
        ? longPart(max ?? DEFAULT_MAX_LONG)
        : shortPart(max ?? DEFAULT_MAX_SHORT, firstSymbol(fixed, kind)),
    );
    if (found[1] !== '…' && at === template.length) parts.push(one(endsLine));
  }
  if (at < template.length) parts.push(literal(template.slice(at), kind));
  return { kind: 'sequence', parts };
}

function shortPart(max: number, next: string | undefined): Expression {
  const isAllowed: SymbolSet = (symbol) => !endsLine(symbol) && symbol !== next;
  const first = one((symbol) => isAllowed(symbol) && !isSpace(symbol));
  const rest: Expression = { kind: 'repeat', part: one(isAllowed), min: 0, max: max - 1 };
  return { kind: 'sequence', parts: [first, rest] };
}

function longPart(max: number): Expression {
  const half = Math.floor(max / 2);
  const first: Expression = { kind: 'repeat', part: one(() => true), min: half, max: half };
  const unended = one((symbol) => !endsSentence(symbol));
  const second: Expression = { kind: 'repeat', part: unended, min: 0, max: max - half - 1 };
  return { kind: 'sequence', parts: [first, second, one(endsSentence)] };
}

function checkLimit(digits: string): number {
  const value = Number(digits);
  if (value >= 1 && value <= MAX_PART_LENGTH) return value;
  throw new OptionError('template', `{${digits}}: expected a number from 1 to ${MAX_PART_LENGTH}`);
}

function firstSymbol(text: string, kind: TokenKind): string | undefined {
  const [first] = segment(text, kind);
  return first;
}
