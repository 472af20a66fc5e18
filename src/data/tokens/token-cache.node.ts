/**
 * The two cache files of a text: its vocabulary, `<text>.vocab.json`, and its tokens, `<text>.tokens`.
 *
 * The vocabulary file records the text (size and SHA-256), the options, the token file that belongs to it, and its own digest. Every block of
 * the token file has a digest too. Files that do not match are recreated. If they can't be read or written, the program works without them.
 */
import { createHash, randomBytes } from 'node:crypto';
import { type FileHandle, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import * as z from 'zod/mini';
import { withinJsonLimits } from '../../util/json-limits.ts';
import { unicodeVersion } from '../corpus.ts';
import type { ChangedCounts } from '../symbols/unknown-in-text.ts';
import type { FileIdentity, TextIdentity } from '../text/text-pass.node.ts';
import { type Normalization, type TokenKind, Vocabulary } from '../vocabulary.ts';
import { TOKEN_FILE_MAGIC } from './token-file.node.ts';

export interface TokenCachePaths {
  readonly vocabulary: string;
  readonly tokens: string;
}

/** What the tokens depend on besides the text. */
export interface CacheKey {
  readonly tokens: TokenKind;
  readonly normalize: Normalization;
  readonly minCount: number;
  readonly separator: string | null;
  /** The digest of a vocabulary that was not made from the text, and what to do with unknown symbols. */
  readonly given: string | null;
  /** The reading options that differ from the defaults. */
  readonly reading?: string | undefined;
}

const KIND = 'char-rnn vocabulary';
const VERSION = 2;
/** Maximum bytes of a vocabulary file. Larger files are treated as damaged. */
const MAX_FILE_BYTES = 256e6;
/** Milliseconds after which an unfinished file is assumed to be left by a killed process. */
const ABANDONED_AFTER = 600_000;

const tokenFileSchema = z.object({
  id: z.string().check(z.regex(/^[0-9a-f]{32}$/)),
  count: z.int().check(z.minimum(0)),
  width: z.union([z.literal(1), z.literal(2), z.literal(4)]),
  hasDocuments: z.boolean(),
  /** Absent in files of earlier versions. */
  documents: z.optional(z.int().check(z.minimum(0))),
  /** Stamp of the token file when written. If it differs, the file is verified before use. */
  stamp: z.string(),
});

const fileSchema = z.object({
  kind: z.literal(KIND),
  version: z.literal(VERSION),
  text: z.object({
    bytes: z.int().check(z.minimum(0)),
    sha256: z.string(),
    /** For several files, the size, hash and detected encoding, if any, of each: `12 e3b0… windows-1252`. */
    files: z.optional(z.array(z.string())),
    /** Stamp of the files when read. If it differs, the hash decides. Absent if the files were too new for their times to be reliable. */
    stamp: z.optional(z.string()),
  }),
  options: z.object({
    tokens: z.enum(['character', 'byte', 'grapheme']),
    normalize: z.enum(['none', 'nfc']),
    minCount: z.int(),
    separator: z.nullable(z.string()),
    given: z.nullable(z.string()),
    reading: z.optional(z.string()),
  }),
  unicodeVersion: z.nullable(z.string()),
  vocabulary: z.object({
    kind: z.enum(['character', 'byte', 'grapheme']),
    normalize: z.enum(['none', 'nfc']),
    symbols: z.array(z.string()),
    hasUnknown: z.boolean(),
    unicodeVersion: z.optional(z.string()),
  }),
  tokens: tokenFileSchema,
  changed: z.optional(z.object({ replaced: z.int(), leftOut: z.int() })),
  notices: z.array(z.string()),
});

export interface TokenRecord {
  readonly text: Pick<TextIdentity, 'bytes' | 'sha256'> & {
    /** Absent in files of earlier versions. */
    readonly files?: readonly FileIdentity[] | undefined;
    readonly stamp?: string | undefined;
  };
  readonly options: CacheKey;
  readonly vocabulary: Vocabulary;
  readonly tokens: z.output<typeof tokenFileSchema>;
  /** Symbols that were replaced or left out, if recorded. */
  readonly changed?: ChangedCounts | undefined;
  /** The notices from encoding the text. */
  readonly notices: readonly string[];
}

/** The result of a lookup: a record for the options, or why there is none. */
export type CacheLookup =
  | { readonly record: TokenRecord }
  | { readonly missing: true }
  | { readonly mismatch: string };

/** Reads a record that is undamaged and was made with the options. The caller checks whether it belongs to the text. */
export async function readRecord(paths: TokenCachePaths, options: CacheKey): Promise<CacheLookup> {
  const [json, tokens] = await Promise.all([
    readJson(paths.vocabulary),
    stat(paths.tokens).catch(() => undefined),
  ]);
  if (json === undefined && !tokens) return { missing: true };
  if (json === undefined || !tokens) return { mismatch: 'do not both exist' };
  const file = parse(json);
  if (!file) return { mismatch: 'are damaged or from another program' };
  const isSame = (Object.keys(options) as (keyof CacheKey)[]).every(
    (key) => options[key] === file.options[key],
  );
  if (!isSame || file.unicodeVersion !== unicodeFor(options))
    return { mismatch: 'were made with other options' };
  if (file.tokens.hasDocuments && file.tokens.documents === undefined)
    return { mismatch: 'were made by an earlier version' };
  try {
    const text = { ...file.text, files: filesFrom(file.text) };
    return { record: { ...file, text, vocabulary: new Vocabulary(file.vocabulary) } };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { mismatch: 'are damaged' };
  }
}

/** Writes the record of an existing token file, completely or not at all. */
export async function writeRecord(paths: TokenCachePaths, record: TokenRecord): Promise<void> {
  const { kind, normalize, symbols, hasUnknown, unicodeVersion: version } = record.vocabulary;
  const file = fileSchema.parse({
    kind: KIND,
    version: VERSION,
    text: {
      bytes: record.text.bytes,
      sha256: record.text.sha256,
      ...filesToKeep(record.text),
      ...(record.text.stamp !== undefined && { stamp: record.text.stamp }),
    },
    options: record.options,
    unicodeVersion: unicodeFor(record.options),
    vocabulary: {
      kind,
      normalize,
      symbols: [...symbols],
      hasUnknown,
      ...(version !== undefined && { unicodeVersion: version }),
    },
    tokens: record.tokens,
    ...(record.changed && { changed: { ...record.changed } }),
    notices: [...record.notices],
  });
  // The kind comes first, so that the file can be recognised from its first bytes.
  const { kind: what, ...facts } = file;
  const temporary = temporaryPath(paths.vocabulary);
  try {
    await writeFile(
      temporary,
      `${JSON.stringify({ kind: what, digest: digestOf(file), ...facts }, undefined, 1)}\n`,
      {
        flag: 'wx',
      },
    );
    await rename(temporary, paths.vocabulary);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** A single file in UTF-8 is omitted: its size and hash are those of the text. */
function filesToKeep({ files }: TokenRecord['text']): { files?: string[] } {
  const [only, ...more] = files ?? [];
  if (files === undefined || (more.length === 0 && only?.encoding === undefined)) return {};
  return {
    files: files.map(({ bytes, sha256, encoding }) => [bytes, sha256, encoding ?? []].flat().join(' ')),
  };
}

function filesFrom({
  bytes,
  sha256,
  files,
}: z.output<typeof fileSchema>['text']): FileIdentity[] | undefined {
  if (files === undefined) return [{ bytes, sha256 }];
  return files.map((file) => {
    const [size = '', hash = '', encoding] = file.split(' ');
    return { bytes: Number.parseInt(size, 10), sha256: hash, ...(encoding !== undefined && { encoding }) };
  });
}

/** The temporary name under which a file is written. */
export function temporaryPath(path: string): string {
  return `${path}.${randomBytes(6).toString('hex')}.tmp`;
}

/** Removes the temporary files of killed processes. */
export async function removeAbandoned(paths: TokenCachePaths): Promise<void> {
  const folder = dirname(paths.tokens);
  const beginnings = [paths.tokens, paths.vocabulary].map((path) => basename(path));
  for (const name of await readdir(folder).catch(() => [])) {
    const isOurs = beginnings.some(
      (start) => name.startsWith(`${start}.`) && /^[0-9a-f]{12}\.tmp$/.test(name.slice(start.length + 1)),
    );
    if (!isOurs) continue;
    const path = join(folder, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() }));
    if (Date.now() - mtimeMs > ABANDONED_AFTER) await rm(path, { force: true }).catch(() => {});
  }
}

/** Whether writing would overwrite only files of this program. */
export async function canWriteTo(paths: TokenCachePaths): Promise<boolean> {
  const [json, tokens] = await Promise.all([startOf(paths.vocabulary), startOf(paths.tokens)]);
  const magic = TOKEN_FILE_MAGIC.slice(0, TOKEN_FILE_MAGIC.lastIndexOf(' '));
  return (json === '' || json.includes(KIND)) && (tokens === '' || tokens.startsWith(magic));
}

/** The first characters of a file; empty if it is missing or empty. Throws if it can't be read. */
async function startOf(path: string): Promise<string> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(200), 0, 200, 0);
    return buffer.toString('latin1', 0, bytesRead);
  } finally {
    await file.close();
  }
}

/** The digest of a vocabulary, which identifies the tokens encoded with it. */
export function vocabularyDigest(vocabulary: Vocabulary): string {
  const { kind, normalize, symbols, hasUnknown } = vocabulary;
  return createHash('sha256')
    .update(JSON.stringify([kind, normalize, hasUnknown, symbols]))
    .digest('hex');
}

function unicodeFor({ tokens }: CacheKey): string | null {
  return tokens === 'grapheme' ? (unicodeVersion() ?? null) : null;
}

function digestOf(file: z.output<typeof fileSchema>): string {
  return createHash('sha256').update(JSON.stringify(file)).digest('hex');
}

async function readJson(path: string): Promise<Uint8Array | undefined> {
  try {
    const { size } = await stat(path);
    return size > MAX_FILE_BYTES ? new Uint8Array() : await readFile(path);
  } catch {
    return undefined;
  }
}

function parse(json: Uint8Array): z.output<typeof fileSchema> | undefined {
  // Each symbol has a line of at least eight bytes.
  if (!withinJsonLimits(json, [16, 100, json.length / 8])) return undefined;
  try {
    const { digest, ...rest } = JSON.parse(new TextDecoder().decode(json)) as { digest?: unknown };
    const file = fileSchema.safeParse(rest).data;
    return file && digestOf(file) === digest ? file : undefined;
  } catch {
    return undefined;
  }
}
