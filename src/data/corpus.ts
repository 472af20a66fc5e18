/** A text as tokens: what training, evaluation and their messages need to know of it. */
import { sha256 } from '../util/hash.ts';
import type { TokenSource } from './batches/batches.ts';
import { type DecodedText, decodeText, unpacked } from './encoding/decode.ts';
import type { KnownText, RunTexts } from './files/known-text.ts';
import { type Content, segment } from './symbols/tokenizer.ts';
import {
  type ChangedCounts,
  ChangedSymbols,
  TextPlace,
  type UnknownInText,
  unknownCharacter,
} from './symbols/unknown-symbols.ts';
import { cutDocuments, endsWithSeparator } from './text/documents.ts';
import { SEPARATOR_GLANCE, separatorNotice } from './text/separator-notice.ts';
import { MemoryTokens, tokenArray } from './tokens/memory-tokens.ts';
import { type Normalization, type TokenKind, Vocabulary } from './vocabulary.ts';

/** Which text it is. */
export interface TextFacts {
  readonly name: string;
  readonly bytes: number;
  /** Of its bytes, in hexadecimal. */
  readonly sha256: string;
  /** Symbols in it. */
  readonly characters: number;
  /** Documents in it; absent where they are not told apart. */
  readonly documents?: number | undefined;
  /** Where it is, where it is made of files and folders, and the pattern that files of a folder had to match. */
  readonly paths?: readonly string[] | undefined;
  readonly include?: string | undefined;
  /** Where the held-out texts are, where they are files. */
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
  /** All texts, to know them again. */
  readonly texts: RunTexts;
  /** Symbols of the main text that are not read as they stand; absent where that is not known. */
  readonly changed?: ChangedCounts | undefined;
  /** What was dropped, kept or left out, in a line each. */
  readonly notices: readonly string[];
  /** Gives back what it holds open. */
  close?(): Promise<void>;
}

export interface TextInput {
  readonly text: string | Uint8Array;
  /** What to call it in messages. */
  readonly name: string;
}

/** A text that was read already: decoded, its field taken, its separator looked for. */
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
  /** Rarer symbols become the unknown one. */
  readonly minCount: number;
  /** What to do with a symbol that is not in the vocabulary, where that has no unknown symbol. */
  readonly unknown: UnknownInText;
  /** What stands at the end of a document; absent: the text is one. It stays in the text. */
  readonly separator?: string | undefined;
  /** The encoding of texts: `auto` (the default), or a name. */
  readonly encoding?: string | undefined;
  /** Whether line ends stay as they are (the default), or become LF. */
  readonly lineEnds?: 'keep' | 'lf' | undefined;
  /** The field of a CSV, or of JSON lines, whose values are the documents. Default: each file is a text. */
  readonly field?: string | undefined;
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

/** The Unicode version by which this machine cuts graphemes; undefined where it does not say. */
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
  /** Of the text, unpacked: it is known by these. */
  readonly bytes: Uint8Array;
  /** Each normalised by itself. */
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
  const start = toBytes(content.slice(0, SEPARATOR_GLANCE));
  return separatorNotice(name, separator, start.subarray(0, SEPARATOR_GLANCE), 1);
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

/** A text's own vocabulary, from the counts of its symbols. */
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
  // There are at most as many symbols as code units or bytes, but for one that is replaced by several.
  const most = documents.reduce((sum, document) => sum + document.length, 0);
  let array = tokenArray(vocabulary.size, most);
  let starts = separator === undefined ? undefined : new Uint8Array(Math.ceil(most / 8));
  const changed = new ChangedSymbols(vocabulary, unknown);
  const place = new TextPlace();
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
        throw unknownCharacter(symbol, vocabulary.kind, place, name, given !== undefined);
      } else changed.take(symbol).forEach(put);
      place.pass(symbol);
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
