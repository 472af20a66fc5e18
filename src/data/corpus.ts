/** A text as tokens, with the facts that training, evaluation and their messages need. */
import { sha256 } from '../util/hash.ts';
import type { TokenSource } from './batches/batches.ts';
import { type DecodedText, decodeText, unpacked } from './encoding/decode.ts';
import type { KnownText, RunTexts } from './files/known-text.ts';
import { type Content, segment } from './symbols/tokenizer.ts';
import {
  type ChangedCounts,
  ChangedSymbols,
  TextPosition,
  type UnknownInText,
  unknownCharacter,
} from './symbols/unknown-in-text.ts';
import { cutDocuments, endsWithSeparator } from './text/documents.ts';
import { SEPARATOR_SAMPLE, separatorNotice } from './text/separator-notice.ts';
import { MemoryTokens, tokenArray } from './tokens/memory-tokens.ts';
import { type Normalization, type TokenKind, Vocabulary } from './vocabulary.ts';

/** Facts that identify a text. */
export interface TextFacts {
  readonly name: string;
  readonly bytes: number;
  /** SHA-256 of its bytes, in hexadecimal. */
  readonly sha256: string;
  /** Number of symbols. */
  readonly characters: number;
  /** Number of documents; absent without a separator. */
  readonly documents?: number | undefined;
  /** The files and folders that it was read from, if any, and the pattern that files of a folder had to match. */
  readonly paths?: readonly string[] | undefined;
  readonly include?: string | undefined;
  /** The paths of the held-out texts, if they are files. */
  readonly validPath?: string | undefined;
  readonly testPath?: string | undefined;
}

export interface Corpus {
  readonly vocabulary: Vocabulary;
  /** The main text. */
  readonly tokens: TokenSource;
  /** Held-out texts that were given separately. */
  readonly validation?: TokenSource | undefined;
  readonly test?: TokenSource | undefined;
  readonly text: TextFacts;
  /** Sizes and hashes of all texts, so that a resumed run recognises them. */
  readonly texts: RunTexts;
  /** Symbols of the main text that were replaced or left out; absent if unknown. */
  readonly changed?: ChangedCounts | undefined;
  /** What the user should know about the text, one line each: for example, that empty files were left out. */
  readonly notices: readonly string[];
  /** Closes its files. */
  close?(): Promise<void>;
}

export interface TextInput {
  readonly text: string | Uint8Array;
  /** What to call it in messages. */
  readonly name: string;
}

/** A text that is already decoded. Its field is extracted, and a missing separator is among the notices. */
export interface ReadText extends DecodedText {
  /** What to call it in messages. */
  readonly name: string;
}

export interface CorpusInput extends TextInput {
  readonly validation?: TextInput | ReadText | undefined;
  readonly test?: TextInput | ReadText | undefined;
}

export interface CorpusOptions {
  readonly tokens: TokenKind;
  readonly normalize: Normalization;
  /** Symbols that occur less often become the unknown symbol. */
  readonly minCount: number;
  /** What to do with a symbol outside a vocabulary that has no unknown symbol. */
  readonly unknown: UnknownInText;
  /** Ends each document, and stays in the text. Default: the text is one document. */
  readonly separator?: string | undefined;
  /** The encoding of texts: a name, or `auto`. Default: `auto`. */
  readonly encoding?: string | undefined;
  /** Keep line ends, or turn them into LF. Default: `keep`. */
  readonly lineEnds?: 'keep' | 'lf' | undefined;
  /** The field of a CSV or JSON lines file whose values are the documents. Default: the whole file is text. */
  readonly field?: string | undefined;
  /** A vocabulary to use instead of the text's own. */
  readonly vocabulary?: Vocabulary | undefined;
  /** Returns the vocabulary to use, given the text's own. Can't be combined with `vocabulary`. */
  readonly adaptVocabulary?: ((own: Vocabulary) => Vocabulary) | undefined;
}

/**
 * Tokenises a text and its held-out texts. The vocabulary comes from the main text only.
 *
 * @throws {TextError} for a text that is empty, not UTF-8, repeats one symbol, or has a symbol outside the vocabulary
 */
export async function buildCorpus(input: CorpusInput, options: CorpusOptions): Promise<Corpus> {
  const read = await documentsOf(input, options);
  const vocabulary = options.vocabulary ?? vocabularyOf(read.documents, options);
  const encoded = encodeDocuments(read.documents, vocabulary, input.name, options);
  const notices = [...read.notices, ...encoded.notices];
  const encodeHeldOut = async (heldOut: TextInput | ReadText | undefined) => {
    if (!heldOut) return undefined;
    const its = await documentsOf(heldOut, options);
    const { tokens, notices: more } = encodeDocuments(its.documents, vocabulary, heldOut.name, options);
    notices.push(...its.notices, ...more);
    return { tokens, known: await knownText(its.bytes) };
  };
  const validation = await encodeHeldOut(input.validation);
  const test = await encodeHeldOut(input.test);
  const main = await knownText(read.bytes);
  return {
    vocabulary,
    tokens: encoded.tokens,
    validation: validation?.tokens,
    test: test?.tokens,
    text: {
      name: input.name,
      ...main,
      characters: encoded.tokens.length,
      ...(options.separator !== undefined && { documents: read.documents.length }),
    },
    texts: {
      main,
      ...(validation && { validation: validation.known }),
      ...(test && { test: test.known }),
    },
    changed: encoded.changed,
    notices,
  };
}

/** The Unicode version by which this machine splits graphemes; undefined if unknown. */
export function unicodeVersion(): string | undefined {
  return globalThis.process?.versions?.unicode;
}

function toBytes(text: string | Uint8Array): Uint8Array {
  return typeof text === 'string' ? new TextEncoder().encode(text) : text;
}

async function knownText(bytes: Uint8Array): Promise<KnownText> {
  return { bytes: bytes.length, sha256: await sha256(bytes) };
}

interface TextDocuments {
  /** The unpacked bytes of the text; their hash identifies it. */
  readonly bytes: Uint8Array;
  /** Each normalised separately. */
  readonly documents: readonly Content[];
  readonly notices: readonly string[];
}

async function documentsOf(input: TextInput | ReadText, options: CorpusOptions): Promise<TextDocuments> {
  const { separator, normalize } = options;
  const cut = (content: Content) =>
    cutDocuments(content, separator).map((document) => normalized(document, normalize));
  if ('content' in input) {
    const { content, notices } = input;
    return { bytes: toBytes(content), documents: cut(content), notices };
  }
  const bytes = await unpacked(toBytes(input.text), input.name);
  const { content, notices } = decodeText(bytes, input.name, options);
  const documents = cut(content);
  const isMissed =
    separator !== undefined && documents.length === 1 && !endsWithSeparator(content, separator);
  const missed = isMissed ? [missedSeparator(content, separator, input.name)] : [];
  return { bytes, documents, notices: [...notices, ...missed] };
}

function missedSeparator(content: Content, separator: string, name: string): string {
  const start = toBytes(content.slice(0, SEPARATOR_SAMPLE));
  return separatorNotice(name, separator, start.subarray(0, SEPARATOR_SAMPLE), 1);
}

function normalized(content: Content, normalize: Normalization): Content {
  return typeof content === 'string' && normalize === 'nfc' ? content.normalize('NFC') : content;
}

function vocabularyOf(documents: readonly Content[], options: CorpusOptions): Vocabulary {
  const counts = new Map<string, number>();
  for (const document of documents) {
    for (const symbol of segment(document, options.tokens)) counts.set(symbol, (counts.get(symbol) ?? 0) + 1);
  }
  const own = vocabularyFrom(counts, options);
  return options.adaptVocabulary?.(own) ?? own;
}

/** The vocabulary of a text, from the counts of its symbols. */
export function vocabularyFrom(
  counts: ReadonlyMap<string, number>,
  options: Pick<CorpusOptions, 'tokens' | 'normalize' | 'minCount'>,
): Vocabulary {
  return Vocabulary.fromCounts(counts, {
    kind: options.tokens,
    normalize: options.normalize,
    minCount: options.minCount,
    unicodeVersion: options.tokens === 'grapheme' ? unicodeVersion() : undefined,
  });
}

function encodeDocuments(
  documents: readonly Content[],
  vocabulary: Vocabulary,
  name: string,
  { unknown, separator, vocabulary: given }: CorpusOptions,
): { tokens: MemoryTokens; changed: ChangedCounts; notices: string[] } {
  // A text has no more symbols than code units or bytes, unless one symbol is replaced by several.
  const maxTokens = documents.reduce((sum, document) => sum + document.length, 0);
  let array = tokenArray(vocabulary.size, maxTokens);
  let starts = separator === undefined ? undefined : new Uint8Array(Math.ceil(maxTokens / 8));
  const changed = new ChangedSymbols(vocabulary, unknown);
  const position = new TextPosition();
  let length = 0;
  let startsDocument = true;
  const put = (token: number) => {
    if (length === array.length) {
      array = grown(array, tokenArray(vocabulary.size, 2 * length + 16));
      starts &&= grown(starts, new Uint8Array(Math.ceil(array.length / 8)));
    }
    if (starts && startsDocument) starts[length >> 3] = (starts[length >> 3] ?? 0) | (1 << (length & 7));
    startsDocument = false;
    array[length++] = token;
  };
  for (const document of documents) {
    startsDocument = true;
    for (const symbol of segment(document, vocabulary.kind)) {
      const token = vocabulary.tokenOf(symbol) ?? vocabulary.unknownToken;
      if (token !== undefined) put(token);
      else if (unknown === 'error') {
        throw unknownCharacter(symbol, vocabulary.kind, position, name, given !== undefined);
      } else changed.take(symbol).forEach(put);
      position.pass(symbol);
    }
  }
  return {
    tokens: new MemoryTokens(array.slice(0, length), starts?.slice(0, Math.ceil(length / 8))),
    changed: changed.counts,
    notices: changed.notices(name),
  };
}

function grown<T extends Uint8Array | Uint16Array | Uint32Array | Int32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
