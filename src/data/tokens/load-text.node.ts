/** Loads one text as tokens: from the cache if it matches, else by encoding the text. */
import { createHash } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { TextError } from '../../errors.ts';
import { formatBytes } from '../../util/format.ts';
import type { TokenSource } from '../batches/batches.ts';
import { vocabularyFrom } from '../corpus.ts';
import { AUTO, checkEncoding } from '../encoding/encodings.ts';
import { stampOf, type TextFile, type TextFiles } from '../files/text-files.node.ts';
import { refuseAll, withoutUnreadable } from '../files/unreadable-files.node.ts';
import type { Preparation } from '../preparation.ts';
import type { ChangedCounts } from '../symbols/unknown-in-text.ts';
import type { TextIdentity } from '../text/text-pass.node.ts';
import type { Vocabulary } from '../vocabulary.ts';
import { cachedTextFolder, markUsed, trimTextCache } from './cache-folder.node.ts';
import { FileTokens } from './file-tokens.node.ts';
import {
  type CountedText,
  countSymbols,
  type Encoding,
  encodeToFile,
  encodeToMemory,
  identifyText,
  type PrepareOptions,
  type TextInFiles,
  tokenFileStamp,
} from './make-tokens.node.ts';
import { MemorySink, type MemoryTokens } from './memory-tokens.ts';
import {
  type CacheKey,
  readRecord,
  type TokenCachePaths,
  type TokenRecord,
  vocabularyDigest,
  writeRecord,
} from './token-cache.node.ts';

/** Maximum bytes of tokens to hold in memory. A higher limit would not save time. */
const MAX_IN_MEMORY = 32e6;
/** Milliseconds after which a change time is reliable: a later change gives the file a different time. */
const CLOCK_RESOLUTION = 2000;

export interface LoadTextOptions extends PrepareOptions {
  readonly minCount: number;
  /** Whether a file in a folder that is not text is an error. */
  readonly strict?: boolean | undefined;
  /** A vocabulary to use instead of the text's own. */
  readonly vocabulary?: Vocabulary | undefined;
  readonly adaptVocabulary?: ((own: Vocabulary) => Vocabulary) | undefined;
  /** Bytes of memory that tokens may take. */
  readonly memory: number;
  /** Throws if the text is not the expected one. Called before its symbols are encoded. */
  readonly check?: ((identity: TextIdentity) => void) | undefined;
}

export interface LoadedText {
  /** What to call it in messages. */
  readonly name: string;
  readonly vocabulary: Vocabulary;
  readonly tokens: TokenSource;
  /** Number of documents; undefined without a separator. */
  readonly documents: number | undefined;
  readonly identity: TextIdentity;
  /** Symbols that were replaced or left out, if known. */
  readonly changed: ChangedCounts | undefined;
  /** The files that were read. */
  readonly files: readonly TextFile[];
  readonly notices: readonly string[];
  close(): Promise<void>;
}

/**
 * Loads a text. Leaves out files of folders that turn out not to be text, unless that is an error (`strict`).
 *
 * @throws {TextError}
 */
export async function* loadText(files: TextFiles, options: LoadTextOptions): Preparation<LoadedText> {
  if (options.strict && files.leftOut.hasBad) yield* refuseAll(files, options);
  try {
    return yield* loadFiles(files, options);
  } catch (error) {
    const readable = yield* withoutUnreadable(files, options, error);
    return yield* loadFiles(readable, options);
  }
}

async function* loadFiles(files: TextFiles, options: LoadTextOptions): Preparation<LoadedText> {
  const loading = new TextLoading({ ...files, ...(await stampOf(files.files)) }, options);
  return yield* loading.load();
}

/** The state of loading a text. */
class TextLoading {
  #text: TextInFiles;
  readonly #options: LoadTextOptions;
  /** Whether all change times are reliable (`CLOCK_RESOLUTION`). */
  readonly #isStampReliable: boolean;
  readonly #notices: string[];
  /** Why cached tokens do not match, by path. It becomes a notice if they are replaced. */
  readonly #mismatches = new Map<string, string>();
  #identity: TextIdentity | undefined;
  #counted: CountedText | undefined;

  constructor(text: TextInFiles & { readonly newest: number }, options: LoadTextOptions) {
    this.#text = text;
    this.#options = options;
    this.#isStampReliable = Date.now() - text.newest > CLOCK_RESOLUTION;
    this.#notices = [...text.notices, ...text.leftOut.notices()];
  }

  async *load(): Preparation<LoadedText> {
    const { vocabulary: given, adaptVocabulary: adapt } = this.#options;
    const cached = yield* this.#findCached(null);
    if (given) return yield* this.#loadWith(given, cached);
    const own = cached?.vocabulary ?? vocabularyFrom((yield* this.#countSymbols()).counts, this.#options);
    const wanted = adapt?.(own) ?? own;
    if (!own.equals(wanted)) return yield* this.#loadWith(wanted, cached);
    return cached ?? (yield* this.#make({ vocabulary: own, isOwn: true }));
  }

  /** Loads the text with a vocabulary that may not be its own. */
  async *#loadWith(vocabulary: Vocabulary, cached: LoadedText | undefined): Preparation<LoadedText> {
    if (cached?.vocabulary.equals(vocabulary)) return cached;
    await cached?.close();
    const other = yield* this.#findCached(vocabularyDigest(vocabulary));
    if (other) return other;
    const { counts } = yield* this.#countSymbols();
    return yield* this.#make({ vocabulary, isOwn: !cached && isVocabularyOf(counts, vocabulary) });
  }

  /** Looks up the text in the cache. Remembers why cached files do not match. */
  async *#findCached(given: string | null): Preparation<LoadedText | undefined> {
    const options = this.#cacheKey(given);
    for (const paths of this.#cachePaths(given)) {
      const found = await readRecord(paths, options);
      if ('missing' in found) continue;
      let mismatch = 'mismatch' in found ? found.mismatch : undefined;
      if ('record' in found) {
        const { record } = found;
        if (!(yield* this.#isTextOf(record))) mismatch = 'are from another text';
        else {
          const opened = yield* this.#open(paths, record);
          if (opened) return opened;
          mismatch = 'are damaged';
        }
      }
      this.#mismatches.set(paths.tokens, `${paths.vocabulary} and ${basename(paths.tokens)} ${mismatch}`);
    }
    return undefined;
  }

  /** Whether a record belongs to this text, judging by the stamp of its files, else by its hash. */
  async *#isTextOf({ text }: TokenRecord): Preparation<boolean> {
    const { files } = text;
    const isComplete = files?.length === this.#text.files.length;
    if (isComplete && text.stamp !== undefined && text.stamp === this.#text.stamp) {
      this.#know({ bytes: text.bytes, sha256: text.sha256, files });
      return true;
    }
    this.#identity ??= yield* this.#identify();
    if (text.bytes !== this.#identity.bytes || text.sha256 !== this.#identity.sha256) return false;
    // Only the record has encodings that were not detectable from the start of a file.
    if (isComplete) this.#identity = { ...this.#identity, files };
    return true;
  }

  /** Opens cached tokens; undefined if they are damaged. */
  async *#open(paths: TokenCachePaths, record: TokenRecord): Preparation<LoadedText | undefined> {
    const { vocabulary, notices } = record;
    // Another process may have deleted it.
    const stamp = await tokenFileStamp(paths.tokens).catch(() => undefined);
    if (stamp === undefined) return undefined;
    const tokens = yield* this.#openTokens(paths, record, stamp === record.tokens.stamp);
    if (!tokens) return undefined;
    await markUsed(dirname(paths.tokens));
    const textStamp = this.#isStampReliable ? this.#text.stamp : undefined;
    const files = this.#identity?.files;
    const isComplete = record.text.files?.length === files?.length;
    if (!isComplete || record.text.stamp !== textStamp || record.tokens.stamp !== stamp) {
      const seen = {
        ...record,
        text: { ...record.text, files, stamp: textStamp },
        tokens: { ...record.tokens, stamp },
      };
      // Only an optimisation, so failure does not matter.
      await writeRecord(paths, seen).catch(() => {});
    }
    return this.#loaded(vocabulary, tokens, record.tokens.documents ?? 0, record.changed, notices);
  }

  /** @param isAsWritten Whether the file is unchanged, so that it need not be verified. */
  async *#openTokens(
    paths: TokenCachePaths,
    { vocabulary, tokens: facts }: TokenRecord,
    isAsWritten: boolean,
  ): Preparation<FileTokens | MemoryTokens | undefined> {
    const file = await FileTokens.open(paths.tokens, facts, vocabulary.size).catch(() => undefined);
    if (!file) return undefined;
    const total = facts.count * facts.width;
    const limit = Math.min(MAX_IN_MEMORY, this.#options.memory);
    const sink = total > limit ? undefined : new MemorySink(facts.width);
    if (!sink && isAsWritten) return file;
    let isWhole = false;
    try {
      for await (const bytes of file.verify(sink)) {
        this.#options.signal?.throwIfAborted();
        yield { stage: 'checking', name: this.#text.name, bytes, total };
      }
      isWhole = true;
    } catch (error) {
      if (!(error instanceof TextError)) throw error;
    } finally {
      if (sink || !isWhole) await file.close();
    }
    if (!isWhole) return undefined;
    return sink ? sink.tokens(facts.hasDocuments) : file;
  }

  async *#countSymbols(): Preparation<CountedText> {
    if (this.#counted) return this.#counted;
    try {
      this.#counted = yield* countSymbols(this.#text, this.#options);
    } catch (error) {
      // If the text is not the expected one, report that first: it explains why the text can't be read.
      if (error instanceof TextError && this.#options.check) yield* this.#identify();
      throw error;
    }
    this.#know(this.#counted.identity);
    this.#text = { ...this.#text, files: this.#counted.files };
    return this.#counted;
  }

  async *#identify(): Preparation<TextIdentity> {
    return this.#know(yield* identifyText(this.#text, this.#options));
  }

  #know(identity: TextIdentity): TextIdentity {
    this.#options.check?.(identity);
    this.#identity = identity;
    return identity;
  }

  /** Encodes the text, and caches the tokens if possible and worthwhile. */
  async *#make(encoding: Encoding): Preparation<LoadedText> {
    const counted = yield* this.#countSymbols();
    const { name, files } = this.#text;
    const isSmall = files.reduce((sum, { size }) => sum + size, 0) <= MAX_IN_MEMORY;
    // With a given vocabulary, as for resuming or evaluating, the tokens are likely to be used only once.
    const inPassing = this.#options.vocabulary !== undefined || !encoding.isOwn;
    if (inPassing && isSmall) {
      const made = yield* this.#makeInMemory(encoding, Math.min(MAX_IN_MEMORY, this.#options.memory));
      if (made) return made;
    }
    const given = encoding.isOwn ? null : vocabularyDigest(encoding.vocabulary);
    const options = this.#cacheKey(given);
    const candidates = this.#cachePaths(given);
    for (const paths of candidates) {
      const about = { counted, options, isStampReliable: this.#isStampReliable };
      if (!(yield* encodeToFile(this.#text, encoding, this.#options, paths, about))) continue;
      const mismatch = this.#mismatches.get(paths.tokens);
      if (mismatch) this.#notices.push(`${mismatch}; recreated`);
      const folder = dirname(paths.tokens);
      if (folder === this.#cachedFolder(given)) await trimTextCache(folder);
      if (paths !== candidates[0]) {
        this.#notices.push(
          `${name}: its vocabulary and tokens can't be saved next to it; they are in ${folder}`,
        );
      }
      const found = await readRecord(paths, options);
      const opened = 'record' in found ? yield* this.#open(paths, found.record) : undefined;
      // Another process wrote other tokens at the same time.
      if (!opened) continue;
      return opened;
    }
    this.#notices.push(`${name}: its vocabulary and tokens could not be saved for the next run`);
    const made = yield* this.#makeInMemory(encoding, this.#options.memory);
    if (made) return made;
    throw new TextError(
      'text-unkept',
      `${name}: its tokens are larger than \`memory\` (${formatBytes(this.#options.memory)}), and can't be saved to disk, either next to the text or in ` +
        `${cachedTextFolder('')}. Free disk space, or raise \`memory\`.`,
    );
  }

  async *#makeInMemory(encoding: Encoding, limit: number): Preparation<LoadedText | undefined> {
    const counted = yield* this.#countSymbols();
    const tooMany = new RangeError('the tokens exceed the memory limit');
    try {
      const { tokens, documents, changed, notices } = yield* encodeToMemory(
        this.#text,
        encoding,
        this.#options,
        {
          bytes: limit,
          error: () => tooMany,
        },
      );
      const all = [...counted.notices, ...notices];
      return this.#loaded(encoding.vocabulary, tokens, documents, changed, all);
    } catch (error) {
      if (error !== tooMany) throw error;
      return undefined;
    }
  }

  #loaded(
    vocabulary: Vocabulary,
    tokens: FileTokens | MemoryTokens,
    documents: number,
    changed: ChangedCounts | undefined,
    notices: readonly string[],
  ): LoadedText {
    return {
      name: this.#text.name,
      vocabulary,
      tokens,
      documents: tokens.hasDocuments ? documents : undefined,
      identity: this.#identity as TextIdentity,
      files: this.#text.files,
      changed,
      notices: [...this.#notices, ...notices],
      async close() {
        if (tokens instanceof FileTokens) await tokens.close();
      },
    };
  }

  /** @param given The digest of a vocabulary that is not the text's own. */
  #cacheKey(given: string | null): CacheKey {
    const { tokens, normalize, minCount, separator, unknown } = this.#options;
    return {
      tokens,
      normalize,
      minCount: given === null ? minCount : 1,
      separator: separator ?? null,
      given: given === null ? null : `${given} ${unknown}`,
      reading: readingKey(this.#options),
    };
  }

  /** Where tokens may be cached: next to a text of one file, and in the cache folder. */
  #cachePaths(given: string | null): [TokenCachePaths, ...TokenCachePaths[]] {
    const cached = pathsIn(this.#cachedFolder(given), 'text');
    const [only, ...more] = this.#text.files;
    if (given !== null || !only || more.length > 0) return [cached];
    return [pathsIn(dirname(only.path), basename(only.path)), cached];
  }

  #cachedFolder(given: string | null): string {
    const key = [this.#text.paths, this.#text.include, this.#cacheKey(given)];
    return cachedTextFolder(createHash('sha256').update(JSON.stringify(key)).digest('hex').slice(0, 32));
  }
}

function pathsIn(folder: string, name: string): TokenCachePaths {
  return { vocabulary: join(folder, `${name}.vocab.json`), tokens: join(folder, `${name}.tokens`) };
}

/** Whether a vocabulary consists of exactly the counted symbols. */
function isVocabularyOf(counts: ReadonlyMap<string, number>, vocabulary: Vocabulary): boolean {
  if (vocabulary.hasUnknown || vocabulary.size !== counts.size) return false;
  return vocabulary.symbols.every((symbol) => counts.has(symbol));
}

/** The reading options that differ from the defaults, as a key. Undefined if none differs, as in files of earlier versions. */
function readingKey({
  encoding = AUTO,
  lineEnds = 'keep',
  separator,
  field,
}: LoadTextOptions): string | undefined {
  const parts = {
    ...(encoding !== AUTO && { encoding: checkEncoding(encoding) }),
    ...(lineEnds !== 'keep' && { lineEnds }),
    ...(field !== undefined && { field }),
    // In earlier versions a separator matched only its own kind of line end; their tokens must not be reused.
    ...(separator?.includes('\n') && { separator: 'any line end' }),
  };
  return Object.keys(parts).length === 0 ? undefined : JSON.stringify(parts);
}
