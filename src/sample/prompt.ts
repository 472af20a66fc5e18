/** Encodes a prompt as tokens, with a rule for characters that the model does not know. */
import { nearestKnown } from '../data/symbols/nearest-symbols.ts';
import { characterAround, describeSymbol, symbolBytes } from '../data/symbols/symbol-text.ts';
import { type Content, segment } from '../data/symbols/tokenizer.ts';
import type { TokenKind, Vocabulary } from '../data/vocabulary.ts';
import { TextError } from '../errors.ts';
import { formatCount } from '../util/format.ts';

/**
 * What happens to a character that the model does not know (`--unknown`). `error`: it is an error. `skip`: it is left out. `nearest`: the
 * closest known character replaces it; if there is none, it is left out. `auto`: like `nearest`, but if there is none, it is an error.
 *
 * The default for prompts is `auto` in commands and in the library, `error` in requests to the server, and `nearest` in chats there.
 */
export type UnknownInPrompt = 'auto' | 'error' | 'skip' | 'nearest';

/** A text that is scored or inspected is read like a prompt. */
export type PromptSource = 'prompt' | 'text';

export interface EncodedPrompt {
  readonly tokens: readonly number[];
  /** The prompt as the model reads it, for `echo`: UTF-8, or the given bytes. */
  readonly bytes: Uint8Array;
  /** A line for the characters that were replaced, and one for those that were left out. */
  readonly notices: readonly string[];
  /** How many symbols were left out. */
  readonly skipped: number;
}

/**
 * Encodes a prompt: a text or, for a model over bytes, any bytes.
 *
 * If the model has an unknown symbol, it reads that for every unknown character, and the rule has no effect.
 *
 * @param source What messages call the prompt.
 * @throws {TextError} `text-unknown-character` for the first unknown character that the rule does not replace or skip
 */
export function encodePrompt(
  vocabulary: Vocabulary,
  prompt: Content,
  unknown: UnknownInPrompt,
  source: PromptSource = 'prompt',
): EncodedPrompt {
  const normalized = typeof prompt === 'string' ? vocabulary.normalized(prompt) : prompt;
  const tokens: number[] = [];
  const shown: string[] = [];
  const replaced = new Map<string, string>();
  const skipped = new Map<string, number>();
  const { kind } = vocabulary;
  const nearest = cached((symbol: string) => nearestKnown(vocabulary, symbol));
  const replaces = unknown === 'nearest' || unknown === 'auto';
  const content =
    kind === 'byte' && typeof normalized === 'string'
      ? new TextEncoder().encode(replaces ? withNearest(vocabulary, normalized, replaced) : normalized)
      : normalized;
  /** The symbol as messages show it. @param position Counted from 1. */
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
        throw unknownCharacter(described(symbol, position), position, kind, unknown, source);
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
    notices: [...replacedNotice(replaced, source), ...skippedNotice(skipped, kind, source)],
    skipped: [...skipped.values()].reduce((sum, count) => sum + count, 0),
  };
}

/** For a model over bytes: replaces each character that has an unknown byte with the closest one whose bytes are known. */
function withNearest(vocabulary: Vocabulary, text: string, replaced: Map<string, string>): string {
  const isKnown = (char: string) =>
    vocabulary.hasUnknown ||
    [...segment(char, 'byte')].every((byte) => vocabulary.tokenOf(byte) !== undefined);
  const replacement = cached((char: string) => {
    const near = isKnown(char) ? undefined : nearestKnown(vocabulary, char);
    if (!near) return char;
    const found = new TextDecoder().decode(symbolBytes(near));
    replaced.set(char, found);
    return found;
  });
  return Array.from(text, replacement).join('');
}

/** Caches a function of a symbol: a lookup may be slow, and prompts repeat symbols. */
function cached<T>(compute: (symbol: string) => T): (symbol: string) => T {
  const known = new Map<string, T>();
  return (symbol) => {
    if (!known.has(symbol)) known.set(symbol, compute(symbol));
    return known.get(symbol) as T;
  };
}

/** @param described The symbol as messages show it. */
function unknownCharacter(
  described: string,
  position: number,
  kind: TokenKind,
  rule: UnknownInPrompt,
  source: PromptSource,
): TextError {
  return new TextError(
    'text-unknown-character',
    kind === 'byte'
      ? `byte ${formatCount(position)} of the ${source} is not in the model's vocabulary: ${described}.`
      : `the ${source}'s character ${formatCount(position)}, ${described}, is not in the model's vocabulary.`,
    {
      remedies: [
        ...(rule === 'error'
          ? [
              {
                text: 'To replace such characters with the closest ones that it knows',
                set: { unknown: 'nearest' },
              },
            ]
          : []),
        { text: 'To leave them out', set: { unknown: 'skip' } },
      ],
    },
  );
}

function replacedNotice(replaced: ReadonlyMap<string, string>, source: PromptSource): string[] {
  if (replaced.size === 0) return [];
  const pairs = Array.from(replaced, ([from, to]) => `${JSON.stringify(from)} with ${JSON.stringify(to)}`);
  return [`the model does not know some characters of the ${source}; replaced ${pairs.join(', ')}`];
}

function skippedNotice(
  skipped: ReadonlyMap<string, number>,
  kind: TokenKind,
  source: PromptSource,
): string[] {
  if (skipped.size === 0) return [];
  const parts = Array.from(skipped, ([symbol, count]) =>
    count === 1 ? symbol : `${symbol} ${formatCount(count)} times`,
  );
  return [`the model does not know some ${kind}s of the ${source}; left out ${parts.join(', ')}`];
}
