/** Leaves out files of a folder whose first bytes look like text, but that can't be read as text. */
import { TextError, type TextErrorCode } from '../../errors.ts';
import type { Preparation } from '../preparation.ts';
import { countSymbols, type PrepareOptions } from '../tokens/make-tokens.node.ts';
import { LeftOut } from './left-out.ts';
import { nameOfFiles, type TextFile, type TextFiles } from './text-files.node.ts';

/** Errors that concern one file, so that the others can still be read. */
const KINDS: Readonly<Partial<Record<TextErrorCode, string>>> = {
  'text-not-utf8': 'not UTF-8',
  'text-not-decodable': 'in another encoding',
  'text-packed': 'packed',
  'text-binary': 'binary',
  'text-unreadable': 'unreadable',
  'text-missing': 'gone',
};

/**
 * Removes the unreadable files from a text. Reads each file separately, so that all problems are found together.
 *
 * @param error Why the text could not be read. Thrown again if it is not about a file found in a folder.
 * @throws {TextError} `text-left-out` with `strict`
 */
export async function* withoutUnreadable(
  text: TextFiles,
  options: PrepareOptions & { readonly strict?: boolean | undefined },
  error: unknown,
): Preparation<TextFiles> {
  if (!isOfOneFile(error) || !text.files.some(({ isFound }) => isFound)) throw error;
  const { files, leftOut } = yield* readableFiles(text, options);
  if (files.length === text.files.length || files.length === 0) throw error;
  if (options.strict) leftOut.refuse();
  return { ...text, name: nameOfFiles(text.named, files), files, leftOut };
}

/** @throws {TextError} `text-left-out`, which lists all files that can't be read as text */
export async function* refuseAll(text: TextFiles, options: PrepareOptions): Preparation<void> {
  const { leftOut } = yield* readableFiles(text, options);
  leftOut.refuse();
}

async function* readableFiles(text: TextFiles, options: PrepareOptions) {
  const leftOut = new LeftOut();
  leftOut.addAll(text.leftOut);
  const files: TextFile[] = [];
  for (const file of text.files) {
    const problem = file.isFound ? yield* problemOf(file, options) : undefined;
    if (problem === undefined) files.push(file);
    else leftOut.addOther(file.path, KINDS[problem.code] ?? 'unreadable', shortReason(problem, file.name));
  }
  return { files, leftOut };
}

async function* problemOf(file: TextFile, options: PrepareOptions): Preparation<TextError | undefined> {
  try {
    yield* countSymbols({ name: file.name, files: [file] }, options);
    return undefined;
  } catch (error) {
    if (isOfOneFile(error)) return error;
    if (error instanceof TextError && error.code === 'text-empty') return undefined;
    throw error;
  }
}

function isOfOneFile(error: unknown): error is TextError {
  return error instanceof TextError && KINDS[error.code] !== undefined;
}

/** The first sentence of a message, without the file's name. */
function shortReason({ problem }: TextError, name: string): string {
  const [first = ''] = problem.split(/\.(?:\s|$)/);
  return first.startsWith(`${name}: `) ? first.slice(name.length + 2) : first.replace(`${name} `, '');
}
