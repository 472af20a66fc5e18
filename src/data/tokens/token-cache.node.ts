/**
 * The two files that spare reading a text anew: its vocabulary, `<text>.vocab.json`, and its tokens, `<text>.tokens`.
 *
 * The first says which text (size and SHA-256), options and token file it belongs to, and carries its own digest; every block of the second
 * carries one. What does not fit is made again. They are conveniences: that they can't be read or written never stops anything.
 */
import { createHash, randomBytes } from 'node:crypto';
import { type FileHandle, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import * as z from 'zod/mini';
import { withinJsonLimits } from '../../util/json-limits.ts';
import { unicodeVersion } from '../corpus.ts';
import type { ChangedCounts } from '../symbols/unknown-symbols.ts';
import type { FileIdentity, TextIdentity } from '../text/text-pass.node.ts';
import { type Normalization, type TokenKind, Vocabulary } from '../vocabulary.ts';
import { TOKEN_FILE_MAGIC } from './token-file.node.ts';

export interface Place {
  readonly vocabulary: string;
  readonly tokens: string;
}

/** What the tokens depend on beside the text. */
export interface KeptOptions {
  readonly tokens: TokenKind;
  readonly normalize: Normalization;
  readonly minCount: number;
  readonly separator: string | null;
  /** Where the vocabulary is not the text's own: its digest, and what is done with other symbols. */
  readonly given: string | null;
  /** How the text is read, where that is not as usual. */
  readonly reading?: string | undefined;
}

const KIND = 'char-rnn vocabulary';
const VERSION = 2;
/** Bytes of a vocabulary file; of larger ones not even the size is believed. */
const LARGEST = 256e6;
/** Milliseconds after which an unfinished file is taken for one that a killed process left. */
const ABANDONED = 600_000;

const tokenFileSchema = z.object({
  id: z.string().check(z.regex(/^[0-9a-f]{32}$/)),
  count: z.int().check(z.minimum(0)),
  width: z.union([z.literal(1), z.literal(2), z.literal(4)]),
  hasDocuments: z.boolean(),
  /** Absent in what earlier versions kept. */
  documents: z.optional(z.int().check(z.minimum(0))),
  /** Stamp of the file as written; if it differs, the file is verified before use. */
  stamp: z.string(),
});

const fileSchema = z.object({
  kind: z.literal(KIND),
  version: z.literal(VERSION),
  text: z.object({
    bytes: z.int().check(z.minimum(0)),
    sha256: z.string(),
    /** Size and hash of each file, where there are several, and its encoding, if one was found: `12 e3b0… windows-1252`. */
    files: z.optional(z.array(z.string())),
    /** Of the files as they were read; of others the hash has to tell. Absent where they were too new for their time to tell. */
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

export interface KeptRecord {
  readonly text: Pick<TextIdentity, 'bytes' | 'sha256'> & {
    /** Absent in what earlier versions kept. */
    readonly files?: readonly FileIdentity[] | undefined;
    readonly stamp?: string | undefined;
  };
  readonly options: KeptOptions;
  readonly vocabulary: Vocabulary;
  readonly tokens: z.output<typeof tokenFileSchema>;
  /** Symbols that are not read as they stand, where that is recorded. */
  readonly changed?: ChangedCounts | undefined;
  /** The notices that making them gave. */
  readonly notices: readonly string[];
}

/** What was found: a record that belongs to the options, or why there is none. */
export type Found = { readonly record: KeptRecord } | { readonly nothing: true } | { readonly wrong: string };

/** The record in a place, if it is whole and was made with the options. Whether it belongs to the text is for the caller to see. */
export async function readRecord(place: Place, options: KeptOptions): Promise<Found> {
  const [json, tokens] = await Promise.all([
    readJson(place.vocabulary),
    stat(place.tokens).catch(() => undefined),
  ]);
  if (json === undefined && !tokens) return { nothing: true };
  if (json === undefined || !tokens) return { wrong: 'are not both there' };
  const file = parse(json);
  if (!file) return { wrong: 'are damaged or of another program' };
  const isSame = (Object.keys(options) as (keyof KeptOptions)[]).every(
    (key) => options[key] === file.options[key],
  );
  if (!isSame || file.unicodeVersion !== unicodeFor(options))
    return { wrong: 'were made with other options' };
  if (file.tokens.hasDocuments && file.tokens.documents === undefined)
    return { wrong: 'were made by an earlier version' };
  try {
    const text = { ...file.text, files: filesFrom(file.text) };
    return { record: { ...file, text, vocabulary: new Vocabulary(file.vocabulary) } };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { wrong: 'are damaged' };
  }
}

/** Writes the record of a token file that is there already; whole or not at all. */
export async function writeRecord(place: Place, record: KeptRecord): Promise<void> {
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
  // What it is comes first, where a glance at the file finds it.
  const { kind: what, ...facts } = file;
  const temporary = temporaryPath(place.vocabulary);
  try {
    await writeFile(
      temporary,
      `${JSON.stringify({ kind: what, digest: digestOf(file), ...facts }, undefined, 1)}\n`,
      {
        flag: 'wx',
      },
    );
    await rename(temporary, place.vocabulary);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Of a single file the text's own size and hash tell all. */
function filesToKeep({ files }: KeptRecord['text']): { files?: string[] } {
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

/** A name beside a file under which it is written first. */
export function temporaryPath(path: string): string {
  return `${path}.${randomBytes(6).toString('hex')}.tmp`;
}

/** Removes what preparations that were killed have left in a place. */
export async function removeAbandoned(place: Place): Promise<void> {
  const folder = dirname(place.tokens);
  const beginnings = [place.tokens, place.vocabulary].map((path) => basename(path));
  for (const name of await readdir(folder).catch(() => [])) {
    const isOurs = beginnings.some(
      (start) => name.startsWith(`${start}.`) && /^[0-9a-f]{12}\.tmp$/.test(name.slice(start.length + 1)),
    );
    if (!isOurs) continue;
    const path = join(folder, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() }));
    if (Date.now() - mtimeMs > ABANDONED) await rm(path, { force: true }).catch(() => {});
  }
}

/** Whether nothing, or only files of this program, would be overwritten in a place. */
export async function isFree(place: Place): Promise<boolean> {
  const [json, tokens] = await Promise.all([startOf(place.vocabulary), startOf(place.tokens)]);
  const magic = TOKEN_FILE_MAGIC.slice(0, TOKEN_FILE_MAGIC.lastIndexOf(' '));
  return (json === '' || json.includes(KIND)) && (tokens === '' || tokens.startsWith(magic));
}

/** The first characters of a file; empty where there is none, or nothing in it. Throws where it can't be read. */
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

/** The digest of a vocabulary, by which the tokens that it gave are known. */
export function vocabularyDigest(vocabulary: Vocabulary): string {
  const { kind, normalize, symbols, hasUnknown } = vocabulary;
  return createHash('sha256')
    .update(JSON.stringify([kind, normalize, hasUnknown, symbols]))
    .digest('hex');
}

function unicodeFor({ tokens }: KeptOptions): string | null {
  return tokens === 'grapheme' ? (unicodeVersion() ?? null) : null;
}

function digestOf(file: z.output<typeof fileSchema>): string {
  return createHash('sha256').update(JSON.stringify(file)).digest('hex');
}

async function readJson(path: string): Promise<Uint8Array | undefined> {
  try {
    const { size } = await stat(path);
    return size > LARGEST ? new Uint8Array() : await readFile(path);
  } catch {
    return undefined;
  }
}

function parse(json: Uint8Array): z.output<typeof fileSchema> | undefined {
  // A symbol has a line of its own, of eight bytes or more.
  if (!withinJsonLimits(json, [16, 100, json.length / 8])) return undefined;
  try {
    const { digest, ...rest } = JSON.parse(new TextDecoder().decode(json)) as { digest?: unknown };
    const file = fileSchema.safeParse(rest).data;
    return file && digestOf(file) === digest ? file : undefined;
  } catch {
    return undefined;
  }
}
