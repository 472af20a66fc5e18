/**
 * Finds the texts of a run again, to resume it or to evaluate its model: the files that its checkpoint lists, not whatever is in their
 * folders now.
 */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { TrainedCheckpoint } from '../../checkpoint/checkpoint.ts';
import type { TextSource } from '../../data/corpus.node.ts';
import {
  type FileFacts,
  type KnownText,
  type RunTexts,
  TEXT_ROLES,
  TextMismatch,
  type TextRole,
  type WantedTexts,
} from '../../data/files/known-text.ts';
import { countText, shortList } from '../../data/files/left-out.ts';
import { isWithin, relocated, shortPath } from '../../data/files/moved-file.node.ts';
import { newTextFiles } from '../../data/files/text-files.node.ts';
import { UsageError } from '../../errors.ts';
import {
  changedTextError,
  checkPresence,
  knownTexts,
  listOf,
  type Purpose,
  storedPaths,
  type WantedFiles,
} from './changed-texts.node.ts';

/** Where the texts are now. Default for each: where it was. */
export interface TextPaths {
  readonly paths?: readonly string[] | undefined;
  readonly include?: string | undefined;
  readonly validation?: string | undefined;
  readonly test?: string | undefined;
}

export interface RunInputs {
  readonly source: TextSource;
  readonly valid: string | undefined;
  readonly test: string | undefined;
  readonly wanted: WantedTexts;
  /** New files in the folders, and texts that can't be checked, one line each. */
  readonly notices: readonly string[];
  /** Turns an error from reading these texts into the one to throw. */
  explain(error: unknown): Promise<unknown>;
}

/**
 * The texts of a run, in the places that the user names or, by default, those that its checkpoint stores.
 *
 * @param name The name of the checkpoint in messages.
 * @throws {TextError} `text-missing` if a file is missing
 * @throws {CheckpointError} `checkpoint-other-text` if other files have changed as well
 * @throws {UsageError} if the checkpoint does not store where its text is
 */
export async function inputsOfRun(
  checkpoint: TrainedCheckpoint,
  name: string,
  given: TextPaths,
  purpose: Purpose,
): Promise<RunInputs> {
  const text = checkpoint.training.text;
  const known = knownTexts(checkpoint);
  const paths = given.paths ?? text?.paths ?? known.main?.files?.map(({ path }) => path);
  if (paths === undefined) throw unknownPlace(name, purpose);
  const include = given.include ?? text?.include;
  const [valid, test] = [given.validation ?? text?.validPath, given.test ?? text?.testPath];
  const was = storedPaths(text);
  const is = { main: given.paths, validation: listOf(given.validation), test: listOf(given.test) };
  const files: Partial<Record<TextRole, readonly FileFacts[]>> = {};
  for (const role of TEXT_ROLES) {
    // Another pattern selects other files.
    if (role === 'main' && include !== text?.include) continue;
    const list = known[role]?.files ?? (await singleFile(known[role], was[role]));
    const now = list && (await filesNow(list, was[role], is[role]));
    if (now) files[role] = now;
  }
  const wantedFiles: WantedFiles = { checkpoint, name, purpose, files, given: definedOnly(is) };
  await checkPresence(wantedFiles);
  const named = { main: paths, validation: listOf(valid), test: listOf(test) };
  const added: string[] = [];
  const options = { include, anyBytes: checkpoint.vocabulary.kind === 'byte' };
  for (const role of TEXT_ROLES) {
    const list = files[role];
    if (list) added.push(...(await newTextFiles(list, named[role] ?? [], options)));
  }
  // A held-out file may be in the folder of the training text.
  const own = new Set(TEXT_ROLES.flatMap((role) => (files[role] ?? []).map(({ path }) => path)));
  return {
    source: { paths, include },
    valid,
    test,
    wanted: { files, known },
    notices: [
      ...unchecked(known, named, name),
      ...newFilesNotices(added.filter((path) => !own.has(resolve(path)))),
    ],
    explain: async (error) =>
      error instanceof TextMismatch ? await changedTextError(error, wantedFiles) : error,
  };
}

/** The file of a text that consists of one file. A checkpoint of an earlier version has no list of files, but the hash of that file. */
async function singleFile(
  text: KnownText | undefined,
  paths: readonly string[] | undefined,
): Promise<FileFacts[] | undefined> {
  const [path, ...more] = paths ?? [];
  if (!text || path === undefined || more.length > 0) return undefined;
  const facts = await stat(path).catch(() => undefined);
  return facts?.isDirectory() ? undefined : [{ path, bytes: text.bytes, sha256: text.sha256 }];
}

/** The files at their current paths; undefined if the given paths must be listed to find out. */
async function filesNow(
  files: readonly FileFacts[],
  was: readonly string[] | undefined,
  is: readonly string[] | undefined,
): Promise<readonly FileFacts[] | undefined> {
  if (is === undefined) return files;
  if (was?.length !== is.length) return undefined;
  const moved: FileFacts[] = [];
  for (const [index, path] of is.entries()) {
    const before = was[index] as string;
    const facts = await stat(path).catch(() => undefined);
    const [only, ...more] = files;
    if (facts?.isFile() && only && more.length === 0) return [{ ...only, path: resolve(path) }];
    if (!facts?.isDirectory()) return undefined;
    const below = await relocated(
      files.filter((file) => isWithin(file.path, before)),
      before,
      path,
    );
    if (!below) return undefined;
    moved.push(...below);
  }
  return moved.length === files.length ? moved : undefined;
}

/** Notices about texts whose hash the checkpoint does not store. */
function unchecked(
  known: RunTexts,
  named: Readonly<Record<TextRole, readonly string[] | undefined>>,
  name: string,
): string[] {
  return TEXT_ROLES.flatMap((role) => {
    const [path] = named[role] ?? [];
    if (role === 'main' || path === undefined || known[role]) return [];
    return [
      `${name} was written by an earlier version and has no hash of its ${role} text; make sure that ${shortPath(resolve(path))} has not changed`,
    ];
  });
}

function newFilesNotices(added: readonly string[]): string[] {
  if (added.length === 0) return [];
  return [
    `left out ${countText(added.length)} that the run did not begin with: ${shortList(added.map(shortPath))}`,
  ];
}

function definedOnly(given: Readonly<Record<TextRole, readonly string[] | undefined>>): WantedFiles['given'] {
  return Object.fromEntries(
    TEXT_ROLES.flatMap((role) =>
      given[role] ? [[role, given[role].map((path) => resolve(path))] as const] : [],
    ),
  );
}

function unknownPlace(name: string, purpose: Purpose): UsageError {
  const example = 'book.txt';
  const command =
    purpose.for === 'resume'
      ? ['train', example, '--resume', name]
      : ['eval', name, example, '--part', purpose.part];
  return new UsageError(`${name} does not say where its text is.`, {
    remedies: [{ text: 'Name it', command }],
  });
}
