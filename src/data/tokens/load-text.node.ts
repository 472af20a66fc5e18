/** One text as tokens: those that are kept of it, where they fit, else made anew. */
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
import type { ChangedCounts } from '../symbols/unknown-symbols.ts';
import type { TextIdentity } from '../text/text-pass.node.ts';
import type { Vocabulary } from '../vocabulary.ts';
import { cachedTextFolder, markUsed, trimTextCache } from './cache-folder.node.ts';
import { FileTokens } from './file-tokens.node.ts';
import {
  type Encoding,
  encodeToFile,
  encodeToMemory,
  identifyText,
  type PrepareOptions,
  type Surveyed,
  surveyText,
  type TextInFiles,
  tokenFileStamp,
} from './make-tokens.node.ts';
import { MemorySink, type MemoryTokens } from './memory-tokens.ts';
import {
  type KeptOptions,
  type KeptRecord,
  type Place,
  readRecord,
  vocabularyDigest,
  writeRecord,
} from './token-cache.node.ts';

/** Bytes of tokens up to which they are read into memory: more would save nothing. */
const IN_MEMORY = 32e6;
/** A change time older than this many milliseconds rules out a later, unseen change. */
const CLOCK_GRAIN = 2000;

export interface LoadTextOptions extends PrepareOptions {
  readonly minCount: number;
  /** Whether a file of a folder that is no text is an error. */
  readonly strict?: boolean | undefined;
  /** A vocabulary to use instead of the text's own. */
  readonly vocabulary?: Vocabulary | undefined;
  readonly adaptVocabulary?: ((own: Vocabulary) => Vocabulary) | undefined;
  /** Bytes of memory that tokens may take. */
  readonly memory: number;
  /** Throws where the text is not the one that is wanted; called before its symbols are looked at. */
  readonly check?: ((identity: TextIdentity) => void) | undefined;
}

export interface LoadedText {
  /** What to call it in messages. */
  readonly name: string;
  readonly vocabulary: Vocabulary;
  readonly tokens: TokenSource;
  /** Documents in it, where they are told apart. */
  readonly documents: number | undefined;
  readonly identity: TextIdentity;
  /** Symbols that are not read as they stand, where that is known. */
  readonly changed: ChangedCounts | undefined;
  /** The files that it was made of. */
  readonly files: readonly TextFile[];
  readonly notices: readonly string[];
  close(): Promise<void>;
}

/**
 * Loads a text. Files that were found in a folder and turn out to be no text are left out, unless that is an error (`strict`).
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

/** What is known of a text on the way. */
class TextLoading {
  #text: TextInFiles;
  readonly #options: LoadTextOptions;
  /** Whether the files are old enough for their times to tell that they were not changed since. */
  readonly #stampHolds: boolean;
  readonly #notices: string[];
  /** What stands in a place of tokens and does not fit, by the place: worth a line when it is replaced. */
  readonly #unfit = new Map<string, string>();
  #identity: TextIdentity | undefined;
  #surveyed: Surveyed | undefined;

  constructor(text: TextInFiles & { readonly newest: number }, options: LoadTextOptions) {
    this.#text = text;
    this.#options = options;
    this.#stampHolds = Date.now() - text.newest > CLOCK_GRAIN;
    this.#notices = [...text.notices, ...text.leftOut.notices()];
  }

  async *load(): Preparation<LoadedText> {
    const { vocabulary: given, adaptVocabulary: adapt } = this.#options;
    const kept = yield* this.#findKept(null);
    if (given) return yield* this.#loadWith(given, kept);
    const own = kept?.vocabulary ?? vocabularyFrom((yield* this.#survey()).counts, this.#options);
    const wanted = adapt?.(own) ?? own;
    if (!own.equals(wanted)) return yield* this.#loadWith(wanted, kept);
    return kept ?? (yield* this.#make({ vocabulary: own, isOwn: true }));
  }

  /** The text in a vocabulary that is perhaps not its own. */
  async *#loadWith(vocabulary: Vocabulary, kept: LoadedText | undefined): Preparation<LoadedText> {
    if (kept?.vocabulary.equals(vocabulary)) return kept;
    await kept?.close();
    const other = yield* this.#findKept(vocabularyDigest(vocabulary));
    if (other) return other;
    const { counts } = yield* this.#survey();
    return yield* this.#make({ vocabulary, isOwn: !kept && isVocabularyOf(counts, vocabulary) });
  }

  /** What is kept of the text. Remembers why, where something is there that does not fit. */
  async *#findKept(given: string | null): Preparation<LoadedText | undefined> {
    const options = this.#keptOptions(given);
    for (const place of this.#places(given)) {
      const found = await readRecord(place, options);
      if ('nothing' in found) continue;
      let wrong = 'wrong' in found ? found.wrong : undefined;
      if ('record' in found) {
        const { record } = found;
        if (!(yield* this.#isTextOf(record))) wrong = 'belong to another text';
        else {
          const opened = yield* this.#open(place, record);
          if (opened) return opened;
          wrong = 'are damaged';
        }
      }
      this.#unfit.set(place.tokens, `${place.vocabulary} and ${basename(place.tokens)} ${wrong}`);
    }
    return undefined;
  }

  /** Whether the record is of this text, by its files' stamp, else by its hash. */
  async *#isTextOf({ text }: KeptRecord): Preparation<boolean> {
    const { files } = text;
    const isComplete = files?.length === this.#text.files.length;
    if (isComplete && text.stamp !== undefined && text.stamp === this.#text.stamp) {
      this.#know({ bytes: text.bytes, sha256: text.sha256, files });
      return true;
    }
    this.#identity ??= yield* this.#identify();
    if (text.bytes !== this.#identity.bytes || text.sha256 !== this.#identity.sha256) return false;
    // Encodings that were found late are known to the record alone.
    if (isComplete) this.#identity = { ...this.#identity, files };
    return true;
  }

  /** The kept tokens; undefined where they are not those that were written. */
  async *#open(place: Place, record: KeptRecord): Preparation<LoadedText | undefined> {
    const { vocabulary, notices } = record;
    // Another process may have taken it away.
    const stamp = await tokenFileStamp(place.tokens).catch(() => undefined);
    if (stamp === undefined) return undefined;
    const tokens = yield* this.#openTokens(place, record, stamp === record.tokens.stamp);
    if (!tokens) return undefined;
    await markUsed(dirname(place.tokens));
    const textStamp = this.#stampHolds ? this.#text.stamp : undefined;
    const files = this.#identity?.files;
    const isComplete = record.text.files?.length === files?.length;
    if (!isComplete || record.text.stamp !== textStamp || record.tokens.stamp !== stamp) {
      const seen = {
        ...record,
        text: { ...record.text, files, stamp: textStamp },
        tokens: { ...record.tokens, stamp },
      };
      // Only a convenience.
      await writeRecord(place, seen).catch(() => {});
    }
    return this.#loaded(vocabulary, tokens, record.tokens.documents ?? 0, record.changed, notices);
  }

  /** @param isAsWritten Whether the file need not be looked through. */
  async *#openTokens(
    place: Place,
    { vocabulary, tokens: facts }: KeptRecord,
    isAsWritten: boolean,
  ): Preparation<FileTokens | MemoryTokens | undefined> {
    const file = await FileTokens.open(place.tokens, facts, vocabulary.size).catch(() => undefined);
    if (!file) return undefined;
    const total = facts.count * facts.width;
    const limit = Math.min(IN_MEMORY, this.#options.memory);
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

  async *#survey(): Preparation<Surveyed> {
    if (this.#surveyed) return this.#surveyed;
    try {
      this.#surveyed = yield* surveyText(this.#text, this.#options);
    } catch (error) {
      // Report "another text" first: it explains why the text can't be read.
      if (error instanceof TextError && this.#options.check) yield* this.#identify();
      throw error;
    }
    this.#know(this.#surveyed.identity);
    this.#text = { ...this.#text, files: this.#surveyed.files };
    return this.#surveyed;
  }

  async *#identify(): Preparation<TextIdentity> {
    return this.#know(yield* identifyText(this.#text, this.#options));
  }

  #know(identity: TextIdentity): TextIdentity {
    this.#options.check?.(identity);
    this.#identity = identity;
    return identity;
  }

  /** Makes the tokens, and keeps them where that is possible and worth it. */
  async *#make(encoding: Encoding): Preparation<LoadedText> {
    const surveyed = yield* this.#survey();
    const { name, files } = this.#text;
    const isSmall = files.reduce((sum, { size }) => sum + size, 0) <= IN_MEMORY;
    // What comes with a vocabulary is read in passing: to resume, to evaluate.
    const inPassing = this.#options.vocabulary !== undefined || !encoding.isOwn;
    if (inPassing && isSmall) {
      const made = yield* this.#makeInMemory(encoding, Math.min(IN_MEMORY, this.#options.memory));
      if (made) return made;
    }
    const given = encoding.isOwn ? null : vocabularyDigest(encoding.vocabulary);
    const options = this.#keptOptions(given);
    const places = this.#places(given);
    for (const place of places) {
      const about = { surveyed, options, stampHolds: this.#stampHolds };
      if (!(yield* encodeToFile(this.#text, encoding, this.#options, place, about))) continue;
      const unfit = this.#unfit.get(place.tokens);
      if (unfit) this.#notices.push(`${unfit}; made again`);
      const folder = dirname(place.tokens);
      if (folder === this.#cachedFolder(given)) await trimTextCache(folder);
      if (place !== places[0]) {
        this.#notices.push(
          `${name}: its vocabulary and tokens can't be kept beside it; they are in ${folder}`,
        );
      }
      const found = await readRecord(place, options);
      const opened = 'record' in found ? yield* this.#open(place, found.record) : undefined;
      // Another process made another one at the same time.
      if (!opened) continue;
      return opened;
    }
    this.#notices.push(`${name}: its vocabulary and tokens could not be kept for the next time`);
    const made = yield* this.#makeInMemory(encoding, this.#options.memory);
    if (made) return made;
    throw new TextError(
      'text-unkept',
      `${name}: its tokens are larger than \`memory\` (${formatBytes(this.#options.memory)}), and cannot be saved to disk, either beside the text or in ` +
        `${cachedTextFolder('')}. Free disk space, or raise \`memory\`.`,
    );
  }

  async *#makeInMemory(encoding: Encoding, limit: number): Preparation<LoadedText | undefined> {
    const surveyed = yield* this.#survey();
    const tooMany = new RangeError('the tokens take more memory than they may');
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
      const all = [...surveyed.notices, ...notices];
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
  #keptOptions(given: string | null): KeptOptions {
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

  /** Where the tokens may be: beside a text of one file, and in the cache folder. */
  #places(given: string | null): [Place, ...Place[]] {
    const cached = placeIn(this.#cachedFolder(given), 'text');
    const [only, ...more] = this.#text.files;
    if (given !== null || !only || more.length > 0) return [cached];
    return [placeIn(dirname(only.path), basename(only.path)), cached];
  }

  #cachedFolder(given: string | null): string {
    const key = [this.#text.paths, this.#text.include, this.#keptOptions(given)];
    return cachedTextFolder(createHash('sha256').update(JSON.stringify(key)).digest('hex').slice(0, 32));
  }
}

function placeIn(folder: string, name: string): Place {
  return { vocabulary: join(folder, `${name}.vocab.json`), tokens: join(folder, `${name}.tokens`) };
}

/** Whether a vocabulary is just that of the symbols that were counted. */
function isVocabularyOf(counts: ReadonlyMap<string, number>, vocabulary: Vocabulary): boolean {
  if (vocabulary.hasUnknown || vocabulary.size !== counts.size) return false;
  return vocabulary.symbols.every((symbol) => counts.has(symbol));
}

/** The reading options that differ from the defaults, as a key; files kept by earlier versions have none. */
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
    // Tokens kept by versions in which a separator matched only its own line ends must not be reused.
    ...(separator?.includes('\n') && { separator: 'any line end' }),
  };
  return Object.keys(parts).length === 0 ? undefined : JSON.stringify(parts);
}
