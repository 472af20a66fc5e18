/** Errors for texts of a run that are missing or have changed, with remedies. */
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { TrainedCheckpoint, TrainedText } from '../../checkpoint/checkpoint.ts';
import { inBatches } from '../../data/files/folder-walk.node.ts';
import {
  type FileFacts,
  type RunTexts,
  TEXT_ROLES,
  type TextMismatch,
  type TextRole,
} from '../../data/files/known-text.ts';
import { countText } from '../../data/files/left-out.ts';
import { findMoved, findMovedFolder, isWithin, shortPath } from '../../data/files/moved-file.node.ts';
import { isSavedInput } from '../../data/files/standard-input.node.ts';
import { DEFAULT_FIELD_SEPARATOR } from '../../data/records/records.ts';
import { identifyFile } from '../../data/tokens/make-tokens.node.ts';
import { CheckpointError, type Remedy, TextError } from '../../errors.ts';
import { formatCount } from '../../util/format.ts';
import { describeSystemError } from '../../util/system-error.ts';

/** Maximum number of files in a message. */
const MAX_NAMED = 10;
/** Maximum number of texts in a suggested command. */
const MAX_IN_COMMAND = 20;

/** What the texts are needed for. It decides which command the error suggests. */
export type Purpose = { readonly for: 'resume' } | { readonly for: 'eval'; readonly part: string };

/** A run and the files of its texts. */
export interface WantedFiles {
  readonly checkpoint: TrainedCheckpoint;
  /** The name of the checkpoint in messages. */
  readonly name: string;
  readonly purpose: Purpose;
  readonly files: Readonly<Partial<Record<TextRole, readonly FileFacts[]>>>;
  /** The paths that the user gives now. */
  readonly given: Readonly<Partial<Record<TextRole, readonly string[]>>>;
}

interface FileProblem {
  readonly role: TextRole;
  readonly file: FileFacts;
  readonly is: 'missing' | 'changed' | 'unreadable';
  readonly detail: string;
}

const ROLE_NAMES: Readonly<Record<TextRole, string>> = {
  main: 'text',
  validation: 'validation text',
  test: 'test text',
};
const ROLE_OPTIONS: Readonly<Record<TextRole, string>> = {
  main: 'textFile',
  validation: 'validation',
  test: 'test',
};

/**
 * Checks that all files exist.
 *
 * @throws {TextError} `text-missing` if some are missing
 * @throws {CheckpointError} `checkpoint-other-text` if others have changed as well
 */
export async function checkPresence(wanted: WantedFiles): Promise<void> {
  const files = TEXT_ROLES.flatMap((role) => wanted.files[role] ?? []);
  const areThere = await inBatches(files, ({ path }) =>
    stat(path).then(
      () => true,
      () => false,
    ),
  );
  if (areThere.includes(false)) throw await errorOf(wanted, await problemsOf(wanted));
}

/** The error for a text that differs from the text of the run. */
export async function changedTextError(other: TextMismatch, wanted: WantedFiles): Promise<Error> {
  const problems = await problemsOf(wanted);
  if (problems.some(({ role }) => role === other.role)) return await errorOf(wanted, problems);
  const { name, checkpoint } = wanted;
  const text = `the ${ROLE_NAMES[other.role]} of ${name}`;
  const read = other.found.files ?? [];
  const known = knownTexts(checkpoint)[other.role];
  const what = read.length === 1 && read[0] ? shortPath(read[0].path) : countText(read.length);
  const counts =
    known?.files && known.files.length !== read.length ? `; it had ${countText(known.files.length)}` : '';
  return new CheckpointError(
    'checkpoint-other-text',
    `${what} is not ${text} (SHA-256 ${other.found.sha256.slice(0, 16)}…, expected ${known?.sha256.slice(0, 16)}…${counts}).`,
    { remedies: [...movedRemedies(await findAll(wanted, [other.role]), wanted), ...newRunRemedies(wanted)] },
  );
}

/** The texts that a checkpoint stores, by role. */
export function knownTexts({ training: { text } }: TrainedCheckpoint): RunTexts {
  if (!text) return {};
  const { bytes, sha256, files, validation, test } = text;
  return { main: { bytes, sha256, files }, ...(validation && { validation }), ...(test && { test }) };
}

async function problemsOf(wanted: WantedFiles): Promise<FileProblem[]> {
  const problems: FileProblem[] = [];
  for (const role of TEXT_ROLES) {
    for (const file of wanted.files[role] ?? []) {
      const isNamed = wanted.given[role]?.includes(file.path) ?? false;
      const problem = await problemOf(file, isNamed ? 'another text' : 'changed');
      if (problem) problems.push({ role, file, ...problem });
    }
  }
  return problems;
}

/** @param difference What to call a file with other content. */
async function problemOf(
  file: FileFacts,
  difference = 'changed',
): Promise<Pick<FileProblem, 'is' | 'detail'> | undefined> {
  try {
    await stat(file.path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { is: 'missing', detail: 'missing' };
    return { is: 'unreadable', detail: describeSystemError(error) };
  }
  try {
    const { bytes, sha256 } = await identifyFile(file.path);
    if (sha256 === file.sha256) return undefined;
    const detail =
      bytes === file.bytes
        ? `${difference}; same size`
        : `${difference}; ${formatCount(bytes)} bytes, it had ${formatCount(file.bytes)}`;
    return { is: 'changed', detail };
  } catch (error) {
    return {
      is: 'unreadable',
      detail: error instanceof TextError ? error.problem : describeSystemError(error),
    };
  }
}

async function errorOf(wanted: WantedFiles, problems: readonly FileProblem[]): Promise<Error> {
  const isMissing = problems.every(({ is }) => is === 'missing');
  const roles = [...new Set(problems.map(({ role }) => role))];
  const moved = await findAll(wanted, roles);
  const lines = problems
    .slice(0, MAX_NAMED)
    .map(({ role, file, detail }) => `  ${shortPath(file.path)} (${ROLE_NAMES[role]}): ${detail}`);
  const rest = problems.length - lines.length;
  const message = [
    `${roles.map((role) => `the ${ROLE_NAMES[role]}`).join(' and ')} of ${wanted.name} ` +
      `${roles.length > 1 ? 'are missing or have' : 'is missing or has'} changed since the run began:`,
    ...lines,
    ...(rest > 0 ? [`  and ${formatCount(rest)} more`] : []),
  ].join('\n');
  const back =
    wanted.purpose.for === 'resume' ? 'To continue this run' : 'To measure the model on its own text';
  const remedies = [
    ...movedRemedies(moved, wanted),
    ...(moved
      ? []
      : isMissing
        ? missingRemedies(wanted, problems)
        : [{ text: `${back}, restore the files` }]),
    ...(problems.every(({ is }) => is === 'changed') ? newRunRemedies(wanted) : []),
  ];
  return isMissing
    ? new TextError('text-missing', message, { remedies })
    : new CheckpointError('checkpoint-other-text', message, { remedies });
}

type Moved = Partial<Record<TextRole, readonly string[]>>;

/** Searches for the texts of some roles. Returns undefined unless all are found. */
async function findAll(wanted: WantedFiles, roles: readonly TextRole[]): Promise<Moved | undefined> {
  const moved: Moved = {};
  const stored = storedPaths(wanted.checkpoint.training.text);
  for (const role of roles) {
    const paths = stored[role];
    const files = knownTexts(wanted.checkpoint)[role]?.files ?? wanted.files[role];
    if (!paths || !files || paths.length > MAX_IN_COMMAND) return undefined;
    const found: string[] = [];
    for (const path of paths) {
      const now = await findPath(path, files, likelyFolders(wanted));
      if (now === undefined) return undefined;
      found.push(now);
    }
    moved[role] = found;
  }
  return moved;
}

/** Searches for a file or folder of a text: where it was, then in some folders. */
async function findPath(
  path: string,
  files: readonly FileFacts[],
  folders: readonly string[],
): Promise<string | undefined> {
  const itself = files.find((file) => file.path === path);
  const below = itself ? [itself] : files.filter((file) => isWithin(file.path, path));
  if (await areIntact(below)) return shortPath(path);
  return itself ? await findMoved(itself, folders) : await findMovedFolder(path, below, folders);
}

async function areIntact(files: readonly FileFacts[]): Promise<boolean> {
  for (const file of files) if (await problemOf(file)) return false;
  return files.length > 0;
}

/** Folders to search for a moved text. */
function likelyFolders(wanted: WantedFiles): string[] {
  const { name, files } = wanted;
  const others = TEXT_ROLES.flatMap((role) =>
    (files[role] ?? []).slice(0, 1).map(({ path }) => dirname(path)),
  );
  return ['.', dirname(name), dirname(dirname(name)), ...others, ...others.map((path) => dirname(path))];
}

/** The paths of a text: those given now, else those of the checkpoint. */
function namedPaths(wanted: WantedFiles, role: TextRole): readonly string[] | undefined {
  return wanted.given[role] ?? storedPaths(wanted.checkpoint.training.text)[role];
}

/** The files and folders of a run's texts, as its checkpoint stores them. */
export function storedPaths(
  text: TrainedText | undefined,
): Readonly<Record<TextRole, readonly string[] | undefined>> {
  return { main: text?.paths, validation: listOf(text?.validPath), test: listOf(text?.testPath) };
}

function movedRemedies(moved: Moved | undefined, { purpose }: WantedFiles): Remedy[] {
  if (!moved) return [];
  const options = Object.fromEntries(
    TEXT_ROLES.flatMap((role) => {
      const paths = moved[role];
      return paths ? [[ROLE_OPTIONS[role], role === 'main' ? paths : (paths[0] ?? '')] as const] : [];
    }),
  );
  const part = purpose.for === 'eval' ? { part: purpose.part } : {};
  return [{ text: 'The text of the run was found elsewhere', set: { ...options, ...part } }];
}

function missingRemedies({ name, purpose }: WantedFiles, problems: readonly FileProblem[]): Remedy[] {
  const [first] = problems;
  if (first?.role === 'main' && isSavedInput(first.file.path)) {
    const command =
      purpose.for === 'resume'
        ? ['train', '-', '--resume', name]
        : ['eval', name, '-', '--part', purpose.part];
    return [{ text: 'It came from standard input. Send the same text again', command }];
  }
  return [{ text: 'Put the files back, or name the text where it is now' }];
}

/** Remedies for texts that have changed. */
function newRunRemedies(wanted: WantedFiles): Remedy[] {
  const { name, purpose, checkpoint } = wanted;
  const paths = namedPaths(wanted, 'main');
  if (paths === undefined || paths.length > MAX_IN_COMMAND) return [];
  const texts = paths.map(shortPath);
  if (purpose.for === 'eval') {
    const role = purpose.part === 'val' ? 'validation' : purpose.part === 'test' ? 'test' : 'main';
    const [path, ...more] = namedPaths(wanted, role) ?? paths;
    if (path === undefined || more.length > 0) return [];
    return [
      {
        text: 'To measure the model on all of the text as it is now',
        command: ['eval', name, shortPath(path)],
      },
    ];
  }
  const option = (flag: string, role: TextRole) =>
    (namedPaths(wanted, role) ?? []).flatMap((path) => [flag, shortPath(path)]);
  const include = checkpoint.training.text?.include;
  return [
    {
      text: 'To train on the texts as they are now, in a new run from these weights',
      command: [
        ...['train', ...texts, '--init-from', name],
        ...(checkpoint.vocabulary.kind === 'byte' ? [] : ['--vocab', 'extend']),
        ...(include === undefined ? [] : ['--include', include]),
        ...option('--valid', 'validation'),
        ...option('--test', 'test'),
        ...readingWords(checkpoint),
      ],
    },
  ];
}

/** The options of the run for reading its texts that differ from the defaults, as words of a command. */
function readingWords({ training: { options } }: TrainedCheckpoint): string[] {
  const { field, separator, encoding, lineEnds, normalize } = options;
  const isOwnSeparator =
    separator !== undefined && !(field !== undefined && separator === DEFAULT_FIELD_SEPARATOR);
  const words = (flag: string, value: unknown) => (typeof value === 'string' ? [flag, value] : []);
  return [
    ...words('--field', field),
    ...(isOwnSeparator ? words('--separator', separator) : []),
    ...(encoding === 'auto' ? [] : words('--encoding', encoding)),
    ...(lineEnds === 'lf' ? ['--line-ends', 'lf'] : []),
    ...(normalize === 'nfc' ? ['--normalize', 'nfc'] : []),
  ];
}

/** An optional path as a list of paths. */
export function listOf(path: string | undefined): string[] | undefined {
  return path === undefined ? undefined : [path];
}
