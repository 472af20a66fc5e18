/** A corpus from files, with the two convenience files that spare making it anew. */
import { writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { cacheDir } from '../util/cache-dir.node.ts';
import { sha256 } from '../util/hash.ts';
import { makeFolder } from '../util/make-folder.node.ts';
import {
  conveniencePaths,
  type Prepared,
  readConvenienceFiles,
  type TextKey,
  writeConvenienceFiles,
} from './convenience-files.node.ts';
import {
  buildCorpus,
  type Corpus,
  type CorpusOptions,
  encodeHeldOut,
  type MemoryTokens,
  type TextInput,
} from './corpus.ts';
import { readTextFile, type TextFile } from './read-text.node.ts';

export interface LoadOptions extends CorpusOptions {
  /** Files that are held out. */
  readonly valid?: string | undefined;
  readonly test?: string | undefined;
}

/**
 * The corpus of a text file.
 *
 * @param source A file, a folder with `input.txt`, or `-` for standard input.
 * @throws {TextError}
 */
export async function loadCorpus(source: { readonly path: string }, options: LoadOptions): Promise<Corpus> {
  const file = await readTextFile(source.path);
  const validation = await readHeldOut(options.valid);
  const test = await readHeldOut(options.test);
  const hash = await sha256(file.bytes);
  const { prepared, notices } = await prepare(file, hash, options);
  const heldOut = encodeHeldOut({ validation, test }, prepared.vocabulary, options);
  return {
    vocabulary: prepared.vocabulary,
    tokens: prepared.tokens,
    validation: heldOut.validation,
    test: heldOut.test,
    text: {
      name: file.name,
      bytes: file.bytes.length,
      sha256: hash,
      characters: prepared.tokens.length,
      path: file.path && resolve(file.path),
      validPath: options.valid && resolve(options.valid),
      testPath: options.test && resolve(options.test),
    },
    notices: [...notices, ...prepared.notices, ...heldOut.notices],
  };
}

async function readHeldOut(path: string | undefined): Promise<TextInput | undefined> {
  if (path === undefined) return undefined;
  const { bytes, name } = await readTextFile(path);
  return { text: bytes, name };
}

/** Vocabulary and tokens of the main text: from the convenience files where they fit, else anew. */
async function prepare(
  file: TextFile,
  hash: string,
  options: LoadOptions,
): Promise<{ prepared: Prepared; notices: string[] }> {
  // A vocabulary from elsewhere is not the text's: nothing to keep beside it.
  if (options.vocabulary || options.adaptVocabulary)
    return { prepared: await build(file, options), notices: [] };
  const key: TextKey = { bytes: file.bytes.length, sha256: hash, options };
  const notices: string[] = [];
  const paths = file.path === undefined ? stdinPaths(key) : conveniencePaths(file.path, key);
  for (const place of [paths.beside, paths.cached]) {
    const { prepared, notice } = await readConvenienceFiles(place, key);
    if (prepared) return { prepared, notices: [] };
    if (notice) notices.push(notice);
  }
  const prepared = await build(file, options);
  if (file.path === undefined) await keepText(paths.beside.tokens, file.bytes);
  if (await writeConvenienceFiles(paths.beside, key, prepared)) return { prepared, notices };
  const isCached = await writeConvenienceFiles(paths.cached, key, prepared);
  notices.push(
    isCached
      ? `${file.name}: its vocabulary and tokens can't be kept beside it; they are in ${dirname(paths.cached.tokens)}`
      : `${file.name}: its vocabulary and tokens could not be kept for the next time`,
  );
  return { prepared, notices };
}

async function build(file: TextFile, options: LoadOptions): Promise<Prepared> {
  const { vocabulary, tokens, notices } = await buildCorpus({ text: file.bytes, name: file.name }, options);
  return { vocabulary, tokens: tokens as MemoryTokens, notices };
}

/** A text from standard input is kept in the cache folder, under its hash. */
function stdinPaths(key: TextKey) {
  const { beside } = conveniencePaths(join(cacheDir(), 'stdin', key.sha256, 'input.txt'), key);
  return { beside, cached: beside };
}

async function keepText(besidePath: string, bytes: Uint8Array): Promise<void> {
  try {
    await makeFolder(dirname(besidePath));
    await writeFile(join(dirname(besidePath), 'input.txt'), bytes);
  } catch {
    // Only a convenience.
  }
}
