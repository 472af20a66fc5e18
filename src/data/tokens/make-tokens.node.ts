/** Turns the files of a text into tokens in two passes: the first counts symbols, the second encodes them. */
import { rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { TextError } from '../../errors.ts';
import { makeFolder, removeOnExit } from '../../util/files.node.ts';
import { emptyText, markLength, NotUtf8 } from '../encoding/decode.ts';
import { withLateEncodings } from '../encoding/late-encodings.node.ts';
import type { FoundEncoding } from '../encoding/reading.ts';
import { stampOf, type TextFile, type TextFiles } from '../files/text-files.node.ts';
import { withFoundEncoding } from '../files/with-reading.node.ts';
import { type Preparation, resultOf } from '../preparation.ts';
import type { ChangedCounts, UnknownInText } from '../symbols/unknown-in-text.ts';
import { separatorNotice } from '../text/separator-notice.ts';
import { SymbolCounter } from '../text/symbol-counter.ts';
import {
  type FileIdentity,
  IdentityVisitor,
  type TextIdentity,
  type TextVisitor,
  textPass,
} from '../text/text-pass.node.ts';
import type { Normalization, TokenKind, Vocabulary } from '../vocabulary.ts';
import { type Limit, MemorySink, type MemoryTokens } from './memory-tokens.ts';
import { changedText, SymbolEncoder } from './text-encoder.ts';
import {
  type CacheKey,
  canWriteTo,
  removeAbandoned,
  type TokenCachePaths,
  temporaryPath,
  writeRecord,
} from './token-cache.node.ts';
import { TokenFileWriter } from './token-file.node.ts';
import { type BlockSink, tokenWidth } from './token-packer.ts';

/** A text to tokenise. */
export interface TextInFiles extends TextFiles {
  /** Changes when a file changes. */
  readonly stamp: string;
}

export interface PrepareOptions {
  readonly tokens: TokenKind;
  readonly normalize: Normalization;
  readonly separator?: string | undefined;
  readonly encoding?: string | undefined;
  readonly lineEnds?: 'keep' | 'lf' | undefined;
  readonly field?: string | undefined;
  readonly unknown: UnknownInText;
  /** Whether the vocabulary is a checkpoint's. */
  readonly isFromCheckpoint: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Bytes of the text to read at a time. Tests make it small, so that short texts have several blocks. */
  readonly blockBytes?: number | undefined;
}

export interface CountedText {
  /** The files, with their detected encodings. */
  readonly files: readonly TextFile[];
  readonly identity: TextIdentity;
  readonly counts: ReadonlyMap<string, number>;
  readonly notices: readonly string[];
}

/** The vocabulary to encode with. */
export interface Encoding {
  readonly vocabulary: Vocabulary;
  /** Whether it was made from this text. */
  readonly isOwn: boolean;
}

/**
 * Counts the symbols of a text. If invalid UTF-8 appears after the start of a file, detects the encoding from the bytes around it and
 * reads the text again.
 *
 * @throws {TextError} for a text that is empty, binary, unreadable, or in an encoding that can't be detected
 */
export async function* countSymbols(
  text: Pick<TextInFiles, 'name' | 'files'>,
  options: PrepareOptions,
): Preparation<CountedText> {
  try {
    return yield* countOnce(text, options);
  } catch (error) {
    if (!(error instanceof NotUtf8)) throw error;
    const files = yield* withLateEncodings(text.files);
    if (!files.some((file, index) => file !== text.files[index])) throw error;
    return yield* countOnce({ ...text, files }, options);
  }
}

/** The same, in the encodings that are already set or that the start of a file shows. */
async function* countOnce(
  text: Pick<TextInFiles, 'name' | 'files'>,
  options: PrepareOptions,
): Preparation<CountedText> {
  const counting = await SymbolCounter.make(options);
  const identity = new IdentityVisitor(text);
  const encodings: (FoundEncoding | undefined)[] = [];
  let start: Uint8Array | undefined;
  const visitor: TextVisitor = {
    raw: (bytes, isBetween) => identity.raw(bytes, isBetween),
    beginFile(name, first, found) {
      encodings.push(found);
      identity.beginFile(found);
      return counting.beginFile(name, first, found);
    },
    add(part) {
      // A copy: the block will be overwritten.
      if (options.separator !== undefined && part.bytes.length > 0) start ??= part.bytes.slice();
      counting.add(part);
    },
  };
  const { separators } = yield* textPass(text, visitor, passOptions('counting', options));
  const known = identity.identity();
  if (counting.bytes === 0) throw emptyText(text.name, known.bytes);
  const notices = counting.notices(text.name, text.files.length);
  if (options.separator !== undefined && separators === 0) {
    const files = known.files.filter(({ bytes }) => bytes > 0).length;
    notices.push(separatorNotice(text.name, options.separator, start ?? new Uint8Array(), files));
  }
  const files = text.files.map((file, index) => withFoundEncoding(file, encodings[index]));
  return { identity: known, files, counts: counting.finish(), notices };
}

/** The size and hash of a text. */
export async function* identifyText(
  text: Pick<TextFiles, 'name' | 'files'>,
  options: Pick<PrepareOptions, 'separator' | 'tokens' | 'signal' | 'blockBytes'>,
): Preparation<TextIdentity> {
  const identity = new IdentityVisitor(text);
  const visitor: TextVisitor = {
    raw: (bytes, isBetween) => identity.raw(bytes, isBetween),
    beginFile: (_name, _start, found) => identity.beginFile(found),
  };
  yield* textPass(text, visitor, passOptions('reading', options));
  return identity.identity();
}

/**
 * The size and hash of one file, unpacked.
 *
 * @throws {TextError} `text-unreadable`; a system error if there is no file
 */
export async function identifyFile(path: string): Promise<FileIdentity> {
  const { size } = await stat(path);
  const file = { path, name: path, size };
  const options = { separator: undefined, tokens: 'byte', signal: undefined } as const;
  return await resultOf(identifyText({ name: path, files: [file] }, options));
}

/** Encodes a text into memory. Throws the limit's error if the tokens exceed it. */
export async function* encodeToMemory(
  text: TextInFiles,
  encoding: Encoding,
  options: PrepareOptions,
  limit: Limit,
): Preparation<{ tokens: MemoryTokens; documents: number; changed: ChangedCounts; notices: string[] }> {
  const sink = new MemorySink(tokenWidth(encoding.vocabulary.size), limit);
  const { documents, changed, notices } = yield* encode(text, encoding, options, sink);
  return { tokens: sink.tokens(options.separator !== undefined), documents, changed, notices };
}

/**
 * Encodes a text into a token file and writes its record: both or neither.
 *
 * @param about.isStampReliable Whether an unchanged stamp proves that the files are unchanged.
 * @returns false if they can't be written there
 */
export async function* encodeToFile(
  text: TextInFiles,
  encoding: Encoding,
  options: PrepareOptions,
  paths: TokenCachePaths,
  about: { readonly counted: CountedText; readonly options: CacheKey; readonly isStampReliable: boolean },
): Preparation<boolean> {
  const temporary = temporaryPath(paths.tokens);
  let writer: TokenFileWriter;
  try {
    if (!(await canWriteTo(paths))) return false;
    await makeFolder(dirname(paths.tokens));
    await removeAbandoned(paths);
    writer = await TokenFileWriter.create(temporary);
  } catch {
    return false;
  }
  const release = removeOnExit(temporary);
  let isClosed = false;
  let isRecorded = false;
  try {
    const { count, documents, changed, notices } = yield* encode(text, encoding, options, writer, () =>
      writer.settle(),
    );
    await writer.finish();
    isClosed = true;
    await rename(temporary, paths.tokens);
    await writeRecord(paths, {
      text: { ...about.counted.identity, stamp: about.isStampReliable ? text.stamp : undefined },
      options: about.options,
      vocabulary: encoding.vocabulary,
      tokens: {
        id: writer.id,
        count,
        width: tokenWidth(encoding.vocabulary.size),
        hasDocuments: options.separator !== undefined,
        documents,
        stamp: await tokenFileStamp(paths.tokens),
      },
      changed,
      notices: [...about.counted.notices, ...notices],
    });
    isRecorded = true;
    return true;
  } catch (error) {
    // The disk is full or failed.
    if ((error as NodeJS.ErrnoException).syscall !== undefined) return false;
    throw error;
  } finally {
    if (!isClosed) await writer.abandon();
    await rm(temporary, { force: true }).catch(() => {});
    release();
    // Tokens without a record are useless and would fill the disk.
    if (isClosed && !isRecorded) await rm(paths.tokens, { force: true }).catch(() => {});
  }
}

/** Changes if the token file is replaced or modified. */
export async function tokenFileStamp(path: string): Promise<string> {
  const { size, mtimeNs, ctimeNs, ino } = await stat(path, { bigint: true });
  return [size, mtimeNs, ctimeNs, ino].join(' ');
}

async function* encode(
  text: TextInFiles,
  { vocabulary, isOwn }: Encoding,
  options: PrepareOptions,
  sink: BlockSink,
  settle?: () => Promise<void>,
): Preparation<{ count: number; documents: number; changed: ChangedCounts; notices: string[] }> {
  const hasDocuments = options.separator !== undefined;
  const { unknown, isFromCheckpoint } = options;
  const encoder = await SymbolEncoder.make(
    { vocabulary, isOwn, isFromCheckpoint, unknown, hasDocuments },
    sink,
  );
  const visitor: TextVisitor = {
    beginFile(name, start) {
      encoder.beginFile(name);
      return options.tokens === 'byte' ? 0 : markLength(start);
    },
    add: (part) => encoder.add(part),
    ...(settle && { settle }),
  };
  try {
    yield* textPass(text, visitor, passOptions('encoding', options));
  } catch (error) {
    // The cause may be a file that was replaced in the meantime, for example with one in another encoding.
    const now = await stampOf(text.files).catch(() => undefined);
    if (error instanceof TextError && now && now.stamp !== text.stamp) throw changedText(text.name);
    throw error;
  }
  const notices = encoder.finish(text.name);
  if ((await stampOf(text.files)).stamp !== text.stamp) throw changedText(text.name);
  return { count: encoder.count, documents: encoder.documents, changed: encoder.changed, notices };
}

function passOptions(
  stage: 'reading' | 'counting' | 'encoding',
  {
    separator,
    tokens,
    signal,
    blockBytes,
  }: Pick<PrepareOptions, 'separator' | 'tokens' | 'signal' | 'blockBytes'>,
) {
  return { stage, separator, wholeCharacters: tokens !== 'byte', signal, blockBytes };
}
