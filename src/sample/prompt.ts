/** From a prompt to tokens, with a rule for characters that the model does not know. */
import { nearestKnown } from '../data/symbols/nearest-symbols.ts';
import { characterAround, describeSymbol, symbolBytes } from '../data/symbols/symbol-text.ts';
import { type Content, segment } from '../data/symbols/tokenizer.ts';
import type { TokenKind, Vocabulary } from '../data/vocabulary.ts';
import { TextError } from '../errors.ts';
import { formatCount } from '../util/format.ts';

/**
 * `error`: refuse; `skip`: leave out; `nearest`: take what is closest among the known, else leave out; `auto`: take what is closest, and
 * refuse what nothing is close to.
 */
export type UnknownRule = 'auto' | 'error' | 'skip' | 'nearest';

export interface EncodedPrompt {
  readonly tokens: readonly number[];
  /** The prompt as the model reads it, to be echoed: UTF-8, or the bytes that were given. */
  readonly bytes: Uint8Array;
  /** What was left out or replaced, in a line each. */
  readonly notices: readonly string[];
}

/**
 * The tokens of a prompt, which is a text or, for a model over bytes, any bytes.
 *
 * A model with an unknown symbol reads it for every character that it does not know, whatever the rule.
 *
 * @throws {TextError} `text-unknown-character` for the first unknown character under `error`, and under `auto` where none is close
 */
export function encodePrompt(vocabulary: Vocabulary, prompt: Content, unknown: UnknownRule): EncodedPrompt {
  const normalized = typeof prompt === 'string' ? vocabulary.normalized(prompt) : prompt;
  const tokens: number[] = [];
  const shown: string[] = [];
  const replaced = new Map<string, string>();
  const skipped = new Map<string, number>();
  const { kind } = vocabulary;
  const nearest = once((symbol: string) => nearestKnown(vocabulary, symbol));
  const replaces = unknown === 'nearest' || unknown === 'auto';
  const content =
    kind === 'byte' && typeof normalized === 'string'
      ? new TextEncoder().encode(replaces ? withNearest(vocabulary, normalized, replaced) : normalized)
      : normalized;
  /** The symbol at a position, counted from 1, for people. */
  const described = (symbol: string, position: number) => {
    const isBytes = kind === 'byte' && typeof content !== 'string';
    return describeSymbol(symbol, kind, isBytes ? characterAround(content, position - 1) : undefined);
  };
  let position = 0;
  for (const symbol of segment(content, kind)) {
    position++;
    const token = vocabulary.tokenOf(symbol) ?? vocabulary.unknownToken;
    if (token !== undefined) {
      tokens.push(token);
      shown.push(symbol);
      continue;
    }
    const near = replaces && kind !== 'byte' ? nearest(symbol) : undefined;
    if (near === undefined) {
      if (unknown === 'error' || unknown === 'auto') {
        throw unknownCharacter(described(symbol, position), position, kind, unknown);
      }
      const name = described(symbol, position);
      skipped.set(name, (skipped.get(name) ?? 0) + 1);
      continue;
    }
    replaced.set(symbol, near.join(''));
    tokens.push(...near.map((known) => vocabulary.tokenOf(known) as number));
    shown.push(...near);
  }
  return {
    tokens,
    bytes: vocabulary.kind === 'byte' ? symbolBytes(shown) : new TextEncoder().encode(shown.join('')),
    notices: [...replacedNotice(replaced), ...skippedNotice(skipped, kind)],
  };
}

/** A text for a model over bytes: a character with an unknown byte becomes the closest one whose bytes are known. */
function withNearest(vocabulary: Vocabulary, text: string, replaced: Map<string, string>): string {
  const isKnown = (char: string) =>
    vocabulary.hasUnknown ||
    [...segment(char, 'byte')].every((byte) => vocabulary.tokenOf(byte) !== undefined);
  const replacement = once((char: string) => {
    const near = isKnown(char) ? undefined : nearestKnown(vocabulary, char);
    if (!near) return char;
    const found = new TextDecoder().decode(symbolBytes(near));
    replaced.set(char, found);
    return found;
  });
  return Array.from(text, replacement).join('');
}

/** A function that computes the value of each symbol once: a prompt may repeat one that takes long to look up. */
function once<T>(compute: (symbol: string) => T): (symbol: string) => T {
  const known = new Map<string, T>();
  return (symbol) => {
    if (!known.has(symbol)) known.set(symbol, compute(symbol));
    return known.get(symbol) as T;
  };
}

/** @param described The symbol for people. */
function unknownCharacter(
  described: string,
  position: number,
  kind: TokenKind,
  rule: UnknownRule,
): TextError {
  return new TextError(
    'text-unknown-character',
    kind === 'byte'
      ? `byte ${formatCount(position)} of the prompt is not in the model's vocabulary: ${described}.`
      : `the prompt's character ${formatCount(position)}, ${described}, is not in the model's vocabulary.`,
    {
      remedies: [
        ...(rule === 'error'
          ? [
              {
                text: 'To replace such characters by the closest ones that it knows',
                set: { unknown: 'nearest' },
              },
            ]
          : []),
        { text: 'To leave them out', set: { unknown: 'skip' } },
      ],
    },
  );
}

function replacedNotice(replaced: ReadonlyMap<string, string>): string[] {
  if (replaced.size === 0) return [];
  const pairs = Array.from(replaced, ([from, to]) => `${JSON.stringify(from)} by ${JSON.stringify(to)}`);
  return [`the model does not know some characters of the prompt; replaced ${pairs.join(', ')}`];
}

function skippedNotice(skipped: ReadonlyMap<string, number>, kind: TokenKind): string[] {
  if (skipped.size === 0) return [];
  const parts = Array.from(skipped, ([symbol, count]) =>
    count === 1 ? symbol : `${symbol} ${formatCount(count)} times`,
  );
  return [`the model does not know some ${kind}s of the prompt; left out ${parts.join(', ')}`];
}
