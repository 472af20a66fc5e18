/** A text as tokens: what training, evaluation and their messages need to know of it. */
import { TextError } from '../errors.ts';
import { formatCount } from '../util/format-number.ts';
import { sha256 } from '../util/hash.ts';
import type { TokenSource } from './batches.ts';
import { decodeText } from './decode.ts';
import { type Content, segment } from './tokenizer.ts';
import { type Normalization, type TokenKind, Vocabulary } from './vocabulary.ts';

/** Which text it is. */
export interface TextFacts {
  readonly name: string;
  readonly bytes: number;
  /** Of its bytes, in hexadecimal. */
  readonly sha256: string;
  /** Symbols in it. */
  readonly characters: number;
  /** Where it and the held-out texts are, where they are files. */
  readonly path?: string | undefined;
  readonly validPath?: string | undefined;
  readonly testPath?: string | undefined;
}

export interface Corpus {
  readonly vocabulary: Vocabulary;
  /** The main text. */
  readonly tokens: TokenSource;
  /** Texts that are held out, where they were given apart. */
  readonly validation?: TokenSource | undefined;
  readonly test?: TokenSource | undefined;
  readonly text: TextFacts;
  /** What was dropped, kept or left out, in a line each. */
  readonly notices: readonly string[];
}

export interface TextInput {
  readonly text: string | Uint8Array;
  /** What to call it in messages. */
  readonly name: string;
}

export interface CorpusInput extends TextInput {
  readonly validation?: TextInput | undefined;
  readonly test?: TextInput | undefined;
}

export interface CorpusOptions {
  readonly tokens: TokenKind;
  readonly normalize: Normalization;
  /** Rarer symbols become the unknown one. */
  readonly minCount: number;
  /** What to do with a symbol that is not in the vocabulary, where that has no unknown symbol. */
  readonly unknown: 'error' | 'skip';
  /** A vocabulary to use instead of the text's own. */
  readonly vocabulary?: Vocabulary | undefined;
  /** Makes the vocabulary to use from the text's own, of the symbols counted in it. Not with `vocabulary`. */
  readonly adaptVocabulary?: ((own: Vocabulary) => Vocabulary) | undefined;
}

/**
 * The tokens of a text and of those held out. The vocabulary is the main text's alone.
 *
 * @throws {TextError} for a text that is empty, not UTF-8, too uniform, or has a symbol outside the vocabulary
 */
export async function buildCorpus(input: CorpusInput, options: CorpusOptions): Promise<Corpus> {
  const bytes = toBytes(input.text);
  const decoded = decodeText(bytes, input.name, options);
  const vocabulary = options.vocabulary ?? vocabularyOf(decoded.content, options);
  const encoded = encodeText(decoded.content, vocabulary, input.name, options);
  const heldOut = encodeHeldOut(input, vocabulary, options);
  return {
    vocabulary,
    tokens: encoded.tokens,
    validation: heldOut.validation,
    test: heldOut.test,
    text: {
      name: input.name,
      bytes: bytes.length,
      sha256: await sha256(bytes),
      characters: encoded.tokens.length,
    },
    notices: [...decoded.notices, ...encoded.notices, ...heldOut.notices],
  };
}

/** The tokens of the held-out texts. */
export function encodeHeldOut(
  { validation, test }: Pick<CorpusInput, 'validation' | 'test'>,
  vocabulary: Vocabulary,
  options: CorpusOptions,
): Pick<Corpus, 'validation' | 'test' | 'notices'> {
  const notices: string[] = [];
  const encode = (input: TextInput | undefined) => {
    if (!input) return undefined;
    const decoded = decodeText(toBytes(input.text), input.name, options);
    const encoded = encodeText(decoded.content, vocabulary, input.name, options);
    notices.push(...decoded.notices, ...encoded.notices);
    return encoded.tokens;
  };
  return { validation: encode(validation), test: encode(test), notices };
}

/** Tokens in memory, one, two or four bytes each. */
export class MemoryTokens implements TokenSource {
  readonly array: Uint8Array | Uint16Array | Int32Array;

  constructor(array: Uint8Array | Uint16Array | Int32Array) {
    this.array = array;
  }

  get length(): number {
    return this.array.length;
  }

  async read(offset: number, into: Int32Array): Promise<void> {
    into.set(this.array.subarray(offset, offset + into.length));
  }
}

/** An array for `length` tokens of a vocabulary. */
export function tokenArray(vocabularySize: number, length: number): Uint8Array | Uint16Array | Int32Array {
  if (vocabularySize <= 0x100) return new Uint8Array(length);
  return vocabularySize <= 0x10000 ? new Uint16Array(length) : new Int32Array(length);
}

/** The Unicode version by which this machine cuts graphemes; undefined where it does not say. */
export function unicodeVersion(): string | undefined {
  return globalThis.process?.versions?.unicode;
}

function toBytes(text: string | Uint8Array): Uint8Array {
  return typeof text === 'string' ? new TextEncoder().encode(text) : text;
}

function vocabularyOf(content: Content, options: CorpusOptions): Vocabulary {
  const counts = new Map<string, number>();
  for (const symbol of segment(content, options.tokens)) counts.set(symbol, (counts.get(symbol) ?? 0) + 1);
  const own = Vocabulary.fromCounts(counts, {
    kind: options.tokens,
    normalize: options.normalize,
    minCount: options.minCount,
    unicodeVersion: options.tokens === 'grapheme' ? unicodeVersion() : undefined,
  });
  return options.adaptVocabulary?.(own) ?? own;
}

function encodeText(
  content: Content,
  vocabulary: Vocabulary,
  name: string,
  { unknown, vocabulary: given }: Pick<CorpusOptions, 'unknown' | 'vocabulary'>,
): { tokens: MemoryTokens; notices: string[] } {
  // There are at most as many symbols as code units or bytes.
  const array = tokenArray(vocabulary.size, content.length);
  const skipped = new Map<string, number>();
  let length = 0;
  let seen = 0;
  for (const symbol of segment(content, vocabulary.kind)) {
    const token = vocabulary.tokenOf(symbol) ?? vocabulary.unknownToken;
    if (token !== undefined) array[length++] = token;
    else if (unknown === 'error')
      throw unknownCharacter(content, symbol, seen, vocabulary.kind, name, !given);
    else skipped.set(symbol, (skipped.get(symbol) ?? 0) + 1);
    seen++;
  }
  return { tokens: new MemoryTokens(array.slice(0, length)), notices: skippedNotice(skipped, name) };
}

function skippedNotice(skipped: ReadonlyMap<string, number>, name: string): string[] {
  if (skipped.size === 0) return [];
  const count = [...skipped.values()].reduce((sum, value) => sum + value, 0);
  const shown = [...skipped.keys()].slice(0, 8).map((symbol) => JSON.stringify(symbol));
  const list = shown.join(' ') + (skipped.size > shown.length ? ' …' : '');
  return [
    `${name}: left out ${formatCount(count)} characters that are not in the vocabulary (${list}); the loss does not count them`,
  ];
}

/**
 * The error for a symbol outside the vocabulary, with its line and column, counted from 1.
 *
 * @param isOwn Whether the vocabulary is that of the training text; else it came with a checkpoint.
 */
function unknownCharacter(
  content: Content,
  symbol: string,
  index: number,
  kind: TokenKind,
  name: string,
  isOwn: boolean,
): TextError {
  let line = 1;
  let column = 1;
  let position = 0;
  for (const other of segment(content, kind)) {
    if (position++ === index) break;
    column++;
    if (other.endsWith('\n')) {
      line++;
      column = 1;
    }
  }
  const points = Array.from(
    symbol,
    (char) => `U+${(char.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0')}`,
  );
  return new TextError(
    'text-unknown-character',
    `${name}, line ${formatCount(line)}, column ${formatCount(column)}: ${JSON.stringify(symbol)} (${points.join(' ')}) ` +
      (isOwn
        ? 'is not in the vocabulary, which is that of the training text.\n' +
          'Leave such characters out with --unknown skip, or train with --min_count 2 or more for an unknown symbol.'
        : "is not in the checkpoint's vocabulary.\n" +
          "Give the model this text's characters with -init_from and --vocab extend (or match), or leave them out with --unknown skip."),
  );
}
