/** Loads a corpus of any size from files, folders or standard input. Tokens that do not fit in memory stay on disk. */
import { resolve } from 'node:path';
import { availableMemory } from '../util/machine.node.ts';
import { buildCorpus, type Corpus, type CorpusOptions } from './corpus.ts';
import { overlapNotices, withoutHeldOut } from './files/held-out-files.node.ts';
import { type KnownText, TextMismatch, type TextRole, type WantedTexts } from './files/known-text.ts';
import { STANDARD_INPUT, saveStandardInput } from './files/standard-input.node.ts';
import {
  asStandardInput,
  filesReadBefore,
  findTextFiles,
  type TextFile,
  type TextFiles,
} from './files/text-files.node.ts';
import { withReading } from './files/with-reading.node.ts';
import { type Preparation, resultOf } from './preparation.ts';
import type { TextIdentity } from './text/text-pass.node.ts';
import { readWholeText } from './text/whole-text.node.ts';
import { type LoadedText, type LoadTextOptions, loadText } from './tokens/load-text.node.ts';

/** Where a text is. */
export interface TextSource {
  /** Files and folders, in order; or only `-`, for standard input. */
  readonly paths: readonly string[];
  /** A pattern that files of a folder must match, such as `*.txt`. */
  readonly include?: string | undefined;
}

export interface LoadOptions extends CorpusOptions {
  /** Held-out texts: files or folders. */
  readonly valid?: string | undefined;
  readonly test?: string | undefined;
  /** Whether a file in a folder that is not text is an error. Otherwise it is left out. */
  readonly strict?: boolean | undefined;
  /** Bytes of memory that tokens may take. Default: a quarter of the memory of the machine or container. */
  readonly memory?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Bytes of a text to read at a time. Tests make it small, so that short texts have several blocks. */
  readonly blockBytes?: number | undefined;
  /** For a resumed run: the texts that it began with. */
  readonly wanted?: WantedTexts | undefined;
}

/** The share of memory that tokens may take by default. */
const SHARE_OF_MEMORY = 1 / 4;

/**
 * Loads the corpus of a text. The caller closes it.
 *
 * @throws {TextError}
 * @throws {TextMismatch} if a text differs from the wanted one
 */
export async function* prepareCorpus(source: TextSource, options: LoadOptions): Preparation<Corpus> {
  const memory = options.memory ?? availableMemory() * SHARE_OF_MEMORY;
  const settings: LoadTextOptions = {
    ...options,
    memory,
    isFromCheckpoint: options.vocabulary !== undefined,
  };
  const find = (paths: readonly string[]) =>
    findTextFiles(paths, { include: source.include, anyBytes: options.tokens === 'byte' });
  const { wanted } = options;
  const listed = async (role: TextRole, paths: readonly string[]) => {
    const files = wanted?.files[role];
    const found = files ? await filesReadBefore(files, paths, source.include) : await find(paths);
    return withReading(found, options, files);
  };
  const heldOutFiles = async (role: TextRole, path: string | undefined) =>
    path === undefined ? undefined : await listed(role, [path]);
  let files: TextFiles;
  if (isStandardInput(source)) {
    const saved = await saveStandardInput(memory);
    if ('bytes' in saved) return await fromMemory(saved.bytes, options);
    files = withReading(asStandardInput(await find([saved.path])), options);
  } else {
    files = await listed('main', source.paths);
  }
  const heldOut = {
    validation: await heldOutFiles('validation', options.valid),
    test: await heldOutFiles('test', options.test),
  };
  // A resumed run keeps the files that it began with.
  if (!wanted)
    files = await withoutHeldOut(
      files,
      Object.values(heldOut).filter((text) => text !== undefined),
    );
  const loaded: LoadedText[] = [];
  try {
    const main = yield* loadText(files, { ...settings, check: checkOf('main', files, wanted) });
    loaded.push(main);
    const load = async function* (role: 'validation' | 'test'): Preparation<LoadedText | undefined> {
      const its = heldOut[role];
      if (!its) return undefined;
      const check = checkOf(role, its, wanted);
      const text = yield* loadText(its, { ...settings, vocabulary: main.vocabulary, check });
      loaded.push(text);
      return text;
    };
    const validation = yield* load('validation');
    const test = yield* load('test');
    const texts = {
      main: knownText(main.identity, main.files),
      ...(validation && { validation: knownText(validation.identity, validation.files) }),
      ...(test && { test: knownText(test.identity, test.files) }),
    };
    return {
      vocabulary: main.vocabulary,
      tokens: main.tokens,
      validation: validation?.tokens,
      test: test?.tokens,
      text: {
        name: main.name,
        bytes: main.identity.bytes,
        sha256: main.identity.sha256,
        characters: main.tokens.length,
        documents: main.documents,
        paths: files.paths,
        include: files.include,
        validPath: options.valid && resolve(options.valid),
        testPath: options.test && resolve(options.test),
      },
      texts,
      changed: main.changed,
      notices: [...loaded.flatMap(({ notices }) => notices), ...overlapNotices(texts)],
      close: () => closeAll(loaded),
    };
  } catch (error) {
    await closeAll(loaded);
    throw error;
  }
}

/** Loads the corpus of a text without reporting progress. */
export function loadCorpus(source: TextSource, options: LoadOptions): Promise<Corpus> {
  return resultOf(prepareCorpus(source, options));
}

function isStandardInput({ paths }: TextSource): boolean {
  return paths.length === 1 && paths[0] === '-';
}

/** A function that throws if a text is not the wanted one. */
function checkOf(role: TextRole, { files }: TextFiles, wanted: WantedTexts | undefined) {
  const known = wanted?.known[role];
  if (!known) return undefined;
  return (identity: TextIdentity) => {
    if (identity.sha256 !== known.sha256) throw new TextMismatch(role, knownText(identity, files));
  };
}

function knownText({ bytes, sha256, files }: TextIdentity, read: readonly TextFile[]): KnownText {
  const facts = files.map((file, index) => ({ path: resolve(read[index]?.path ?? ''), ...file }));
  return { bytes, sha256, files: facts };
}

async function closeAll(loaded: readonly LoadedText[]): Promise<void> {
  await Promise.all(loaded.map((text) => text.close()));
}

/** Builds the corpus in memory, if standard input can't be saved to a file. */
async function fromMemory(bytes: Uint8Array, options: LoadOptions): Promise<Corpus> {
  const read = async (path: string | undefined) =>
    path === undefined ? undefined : await readWholeText(path, options);
  const [validation, test] = [await read(options.valid), await read(options.test)];
  return await buildCorpus({ text: bytes, name: STANDARD_INPUT, validation, test }, options);
}
