/**
 * Texts with fixed and free parts, "Dear ____, … Yours, ____", as expressions.
 *
 * `____` (three underscores or more) is free within a line: 1 to 40 symbols, no white space at its beginning. It ends when the
 * model writes the symbol that comes next in the template; at the end of a template, a line's end.
 * `…` is free over lines: 200 to 400 symbols; from its half on it ends with the first `.`, `!` or `?`.
 * A number in braces changes the max: `____{12}`, `…{1000}`.
 */
import { segment } from '../../data/symbols/tokenizer.ts';
import type { TokenKind } from '../../data/vocabulary.ts';
import { OptionError } from '../../errors.ts';
import { type Expression, literal, one, type SymbolSet } from './expression.ts';

const SHORT_PART = 40;
const LONG_PART = 400;
const MAX_PART = 5000;

const isSpace: SymbolSet = (symbol) => /^\s+$/u.test(symbol);
const endsLine: SymbolSet = (symbol) => /^[\r\n]+$/.test(symbol);
const endsSentence: SymbolSet = (symbol) => /^[.!?]$/.test(symbol);

/** @throws {OptionError} where it has no free part, or a limit is out of its range */
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
      found[1] === '…' ? longPart(max ?? LONG_PART) : shortPart(max ?? SHORT_PART, firstSymbol(fixed, kind)),
    );
    if (found[1] !== '…' && at === template.length) parts.push(one(endsLine));
  }
  if (at < template.length) parts.push(literal(template.slice(at), kind));
  return { kind: 'sequence', parts };
}

function shortPart(max: number, next: string | undefined): Expression {
  const mayStand: SymbolSet = (symbol) => !endsLine(symbol) && symbol !== next;
  const first = one((symbol) => mayStand(symbol) && !isSpace(symbol));
  const rest: Expression = { kind: 'repeat', part: one(mayStand), min: 0, max: max - 1 };
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
  if (value >= 1 && value <= MAX_PART) return value;
  throw new OptionError('template', `{${digits}}: expected a number from 1 to ${MAX_PART}`);
}

function firstSymbol(text: string, kind: TokenKind): string | undefined {
  const [first] = segment(text, kind);
  return first;
}
