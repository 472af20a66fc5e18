/** Chooses the checkpoint when a path names a folder, and suggests one when it names a missing file. */
import { readdir, readlink, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CheckpointError } from '../../errors.ts';
import { editDistance } from '../../util/suggest.ts';
import { numberedFolders } from './numbered-folder.node.ts';
import { type DamagedFile, type FolderSurvey, surveyFolder } from './run-survey.node.ts';

/** The default folder of runs. */
const DEFAULT_FOLDER = 'cv';

const MAX_SUGGESTIONS = 3;

export interface ModelInFolder {
  readonly path: string;
  /** The names of the other runs in the folder, newest first. */
  readonly otherRuns: readonly string[];
  readonly damaged: readonly DamagedFile[];
}

/**
 * Chooses the model in a folder: the best checkpoint of the run that saved last, else its last one; without a run, the newest model.
 *
 * @throws {CheckpointError} `checkpoint-missing` if there is none
 */
export async function modelIn(folder: string): Promise<ModelInFolder> {
  const survey = await surveyFolder(folder);
  const path = modelOf(survey);
  const { damaged } = survey;
  if (path !== undefined) {
    return { path, otherRuns: survey.runs.slice(1).map(({ saveName }) => saveName), damaged };
  }
  const why = damaged.slice(0, MAX_SUGGESTIONS).map(({ problem }) => problem.problem);
  const problem = [`${folder} is a folder without a model that can be read.`, ...why].join('\n');
  throw new CheckpointError('checkpoint-missing', problem, {
    remedies: [{ text: 'To see the runs here', command: ['ls'] }],
  });
}

export interface NamedModel {
  readonly path: string;
  /** A line for each damaged checkpoint of the folder. */
  readonly problems: readonly string[];
  /** Which file of a folder was chosen, as a line; undefined for a file. */
  readonly choice: string | undefined;
}

/** The model at a path: the file itself, or the one that `modelIn` chooses in a folder. */
export async function namedModel(path: string): Promise<NamedModel> {
  const facts = await stat(path).catch(() => undefined);
  if (!facts?.isDirectory()) return { path, problems: [], choice: undefined };
  const { path: file, otherRuns, damaged } = await modelIn(path);
  const others = otherRuns.length === 0 ? '' : `, from the newest of ${otherRuns.length + 1} runs there`;
  return {
    path: file,
    problems: damaged.map(({ problem }) => problem.problem),
    choice: `using ${file}${others}`,
  };
}

function modelOf({ runs: [run], models }: FolderSurvey): string | undefined {
  if (run) return run.best ?? run.last ?? run.newest.path;
  return models.reduce<(typeof models)[number] | undefined>(
    (newest, one) => (newest && newest.time >= one.time ? newest : one),
    undefined,
  )?.path;
}

/** The error for a missing file. It suggests a file with a similar name, else the best checkpoints of the runs here. */
export async function missingCheckpoint(path: string, cause: unknown): Promise<CheckpointError> {
  const near = dirname(path);
  const folders = [...new Set([near, ...(await numberedFolders(DEFAULT_FOLDER))])];
  const files = await Promise.all(folders.map(checkpointNames));
  const target = await readlink(path).catch(() => undefined);
  // For a broken link, no similar name is suggested: the link itself would be the most similar.
  const alike = target === undefined ? closest(path, files.flat()) : undefined;
  const problem =
    target === undefined
      ? `there is no checkpoint ${path}.`
      : `${path} points to ${target}, which was deleted.`;
  if (alike !== undefined) {
    return new CheckpointError('checkpoint-missing', `${problem} Did you mean ${alike}?`, { cause });
  }
  const models = await modelsIn(folders);
  const shown = models.slice(0, MAX_SUGGESTIONS).join(', ');
  const hint = models.length === 0 ? '' : ` Found here: ${shown}.`;
  const remedies =
    models.length === 0
      ? [{ text: 'How to train a model', command: ['train', '--help'] }]
      : [{ text: 'To see the runs here', command: ['ls'] }];
  return new CheckpointError('checkpoint-missing', problem + hint, { cause, remedies });
}

/** The models that a command without a checkpoint could mean: one of each of `cv`, `cv-2`, …, and one of the current folder. */
export async function modelsHere(): Promise<string[]> {
  return modelsIn([...(await numberedFolders(DEFAULT_FOLDER)), '.']);
}

/** The model that `modelIn` chooses in each folder that has one. */
async function modelsIn(folders: readonly string[]): Promise<string[]> {
  return (await Promise.all(folders.map(surveyFolder))).flatMap((survey) => modelOf(survey) ?? []);
}

async function checkpointNames(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((): string[] => []);
  const paths = names
    .filter((name) => /\.(safetensors|t7|onnx|npz)$/.test(name) && !name.startsWith('.'))
    .map((name) => join(folder, name));
  const facts = await Promise.all(paths.map((path) => stat(path).catch(() => undefined)));
  return paths.filter((_, index) => facts[index]?.isFile());
}

/** The path that was most likely meant: a file of the same name elsewhere, or one with a similar name. */
function closest(path: string, known: readonly string[]): string | undefined {
  const name = basename(path);
  const distances = known.map((one) => {
    // The same name with another extension, or without one, counts as equal.
    const other = basename(one);
    const bare = (file: string) => file.replace(/\.[a-z0-9]+$/, '');
    const distance = bare(other) === bare(name) ? 0 : editDistance(name, other);
    return { one, distance };
  });
  const best = distances.sort((a, b) => a.distance - b.distance)[0];
  const maxDistance = Math.max(1, Math.min(3, Math.floor(basename(name, '.safetensors').length / 3)));
  return best && best.distance <= maxDistance ? best.one : undefined;
}
