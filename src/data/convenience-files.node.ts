/**
 * The two files that spare reading a text anew: its vocabulary, `<text>.vocab.json`, and its tokens, `<text>.tokens`.
 *
 * Both say which text (size and SHA-256) and which options they belong to; the tokens also carry their own hash. Whatever
 * does not fit is made again. They are conveniences: that they can't be read or written never stops anything.
 */
import { createHash, randomBytes } from 'node:crypto';
import { type FileHandle, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import * as z from 'zod/mini';
import { cacheDir } from '../util/cache-dir.node.ts';
import { makeFolder } from '../util/make-folder.node.ts';
import { type CorpusOptions, MemoryTokens, tokenArray, unicodeVersion } from './corpus.ts';
import { Vocabulary } from './vocabulary.ts';

/** What the files must belong to. */
export interface TextKey {
  readonly bytes: number;
  readonly sha256: string;
  readonly options: Pick<CorpusOptions, 'tokens' | 'normalize' | 'minCount'>;
}

export interface Prepared {
  readonly vocabulary: Vocabulary;
  readonly tokens: MemoryTokens;
  /** The notices that making them gave. */
  readonly notices: readonly string[];
}

/** What was found, and a line about it where it was there but did not fit. */
export interface Found {
  readonly prepared: Prepared | undefined;
  readonly notice: string | undefined;
}

const KIND = 'char-rnn vocabulary';
const MAGIC = 'char-rnn tokens 1\n';

const fileSchema = z.object({
  kind: z.literal(KIND),
  version: z.literal(1),
  text: z.object({ bytes: z.number(), sha256: z.string() }),
  options: z.object({ tokens: z.string(), normalize: z.string(), minCount: z.number() }),
  unicodeVersion: z.nullable(z.string()),
  vocabulary: z.object({
    kind: z.enum(['character', 'byte', 'grapheme']),
    normalize: z.enum(['none', 'nfc']),
    symbols: z.array(z.string()),
    hasUnknown: z.boolean(),
    unicodeVersion: z.optional(z.string()),
  }),
  tokens: z.object({ count: z.int().check(z.minimum(0)), sha256: z.string() }),
  notices: z.array(z.string()),
});

/** The paths of the two files beside a text, and in the cache folder for a text whose folder can't be written. */
export function conveniencePaths(textPath: string, key: TextKey) {
  const place = (folder: string) => ({
    vocabulary: join(folder, `${basename(textPath)}.vocab.json`),
    tokens: join(folder, `${basename(textPath)}.tokens`),
  });
  return { beside: place(dirname(textPath)), cached: place(join(cacheDir(), key.sha256.slice(0, 32))) };
}

type Paths = ReturnType<typeof conveniencePaths>['beside'];

/** What the files hold, if they belong to the text and the options. */
export async function readConvenienceFiles(paths: Paths, key: TextKey): Promise<Found> {
  const [json, bytes] = await Promise.all([readIfThere(paths.vocabulary), readIfThere(paths.tokens)]);
  if (!json && !bytes) return { prepared: undefined, notice: undefined };
  const again = (why: string): Found => ({
    prepared: undefined,
    notice: `${paths.vocabulary} and ${basename(paths.tokens)} ${why}; made again`,
  });
  if (!json || !bytes) return again('are not both there');
  const file = parse(json);
  if (!file) return again('are damaged or of another program');
  if (file.text.bytes !== key.bytes || file.text.sha256 !== key.sha256)
    return again('belong to another text');
  const { tokens, normalize, minCount } = key.options;
  const sameOptions =
    file.options.tokens === tokens &&
    file.options.normalize === normalize &&
    file.options.minCount === minCount;
  if (!sameOptions || file.unicodeVersion !== unicodeFor(key)) return again('were made with other options');
  try {
    const vocabulary = new Vocabulary(file.vocabulary);
    return {
      prepared: { vocabulary, tokens: decodeTokens(bytes, vocabulary, file.tokens), notices: file.notices },
      notice: undefined,
    };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return again('are damaged');
  }
}

/**
 * Writes both files, each whole or not at all.
 *
 * @returns false when they can't be written there, or when a file there is not one of ours
 */
export async function writeConvenienceFiles(
  paths: Paths,
  key: TextKey,
  prepared: Prepared,
): Promise<boolean> {
  const tokens = encodeTokens(prepared.tokens);
  const { kind, normalize, symbols, hasUnknown, unicodeVersion: version } = prepared.vocabulary;
  const file: z.output<typeof fileSchema> = {
    kind: KIND,
    version: 1,
    text: { bytes: key.bytes, sha256: key.sha256 },
    options: { tokens: key.options.tokens, normalize: key.options.normalize, minCount: key.options.minCount },
    unicodeVersion: unicodeFor(key),
    vocabulary: {
      kind,
      normalize,
      symbols: [...symbols],
      hasUnknown,
      ...(version !== undefined && { unicodeVersion: version }),
    },
    tokens: { count: prepared.tokens.length, sha256: createHash('sha256').update(tokens).digest('hex') },
    notices: [...prepared.notices],
  };
  try {
    if (!(await isOurs(paths))) return false;
    await makeFolder(dirname(paths.tokens));
    await replace(paths.tokens, tokens);
    await replace(paths.vocabulary, `${JSON.stringify(file, undefined, 1)}\n`);
    return true;
  } catch {
    return false;
  }
}

/** Whether nothing, or only files of this program, would be overwritten. */
async function isOurs(paths: Paths): Promise<boolean> {
  const [json, tokens] = await Promise.all([startOf(paths.vocabulary), startOf(paths.tokens)]);
  return (json === '' || json.includes(KIND)) && (tokens === '' || tokens.startsWith(MAGIC));
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

function unicodeFor(key: TextKey): string | null {
  return key.options.tokens === 'grapheme' ? (unicodeVersion() ?? null) : null;
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch {
    return undefined;
  }
}

function parse(json: Buffer): z.output<typeof fileSchema> | undefined {
  try {
    return fileSchema.safeParse(JSON.parse(json.toString('utf8'))).data;
  } catch {
    return undefined;
  }
}

function encodeTokens({ array }: MemoryTokens): Buffer {
  return Buffer.concat([Buffer.from(MAGIC), Buffer.from(array.buffer, array.byteOffset, array.byteLength)]);
}

/** @throws {RangeError} when the file is not what its twin says */
function decodeTokens(
  bytes: Buffer,
  vocabulary: Vocabulary,
  facts: { count: number; sha256: string },
): MemoryTokens {
  const width = tokenArray(vocabulary.size, 0).BYTES_PER_ELEMENT;
  const whole = bytes.length === MAGIC.length + facts.count * width;
  if (!whole || createHash('sha256').update(bytes).digest('hex') !== facts.sha256) {
    throw new RangeError('the tokens are not those that were written');
  }
  const array = tokenArray(vocabulary.size, facts.count);
  new Uint8Array(array.buffer).set(bytes.subarray(MAGIC.length));
  if (array.some((token) => token < 0 || token >= vocabulary.size))
    throw new RangeError('a token is out of range');
  return new MemoryTokens(array);
}

async function replace(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await writeFile(temporary, content, { flag: 'wx' });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
