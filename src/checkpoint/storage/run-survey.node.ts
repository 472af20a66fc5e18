/** Finds the runs in a folder, their checkpoints and pointers, other models and damaged files. */
import { lstat, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { CheckpointError } from '../../errors.ts';
import { withFile } from '../safetensors/file-source.node.ts';
import { type CheckpointSummary, readSummary, type TrainingSummary } from '../summary.ts';
import { linkTarget } from './file-pointer.node.ts';
import { pointerStem } from './run-files.ts';
import { isSameCheckpoint } from './storage.ts';

interface FoundFile {
  readonly path: string;
  readonly bytes: number;
  /** When it was written, in milliseconds. */
  readonly time: number;
}

export interface FoundCheckpoint extends FoundFile, TrainingSummary {
  readonly config: CheckpointSummary['config'];
}

/** A usable model without a training state. */
export type FoundModel = FoundFile & Partial<Pick<CheckpointSummary, 'config' | 'weightTypes'>>;

export interface DamagedFile extends FoundFile {
  readonly problem: CheckpointError;
}

export interface FoundRun {
  readonly runId: string;
  readonly saveName: string;
  readonly folder: string;
  /** Sorted by iteration; at least one. */
  readonly checkpoints: readonly FoundCheckpoint[];
  readonly newest: FoundCheckpoint;
  /** The paths of valid pointers. */
  readonly best: string | undefined;
  readonly last: string | undefined;
}

export interface FolderSurvey {
  readonly folder: string;
  /** Newest first. */
  readonly runs: readonly FoundRun[];
  readonly models: readonly FoundModel[];
  readonly damaged: readonly DamagedFile[];
  /** Names of the logs. */
  readonly logs: readonly string[];
}

const OTHER_MODELS = /\.(t7|onnx|npz)$/;
const LOG = /\.log\.jsonl$/;

/** Reads the headers of a folder's checkpoints. A missing folder counts as empty. */
export async function surveyFolder(folder: string): Promise<FolderSurvey> {
  const names = (await readdir(folder).catch((): string[] => []))
    .filter((name) => !name.startsWith('.'))
    .sort();
  const found: FoundCheckpoint[] = [];
  const models: FoundModel[] = [];
  const damaged: DamagedFile[] = [];
  const isPointer = (name: string) => pointerStem(name) !== undefined;
  const ownNames = names.filter((name) => name.endsWith('.safetensors'));
  // Pointers last, since a pointer may be a copy of a checkpoint that is already listed.
  for (const name of [...ownNames.filter((name) => !isPointer(name)), ...ownNames.filter(isPointer)]) {
    const path = join(folder, name);
    const file = await foundFile(path);
    if (!file) continue;
    try {
      const { config, training, weightTypes } = withFile(path, (source) => readSummary(source, path));
      if (!training) models.push({ ...file, config, ...(weightTypes && { weightTypes }) });
      else if (!isPointer(name) || !found.some((one) => isSameCheckpoint(one, training)))
        found.push({ ...file, ...training, config });
    } catch (error) {
      damaged.push({ ...file, problem: problemOf(error, path) });
    }
  }
  for (const name of names.filter((name) => OTHER_MODELS.test(name))) {
    const file = await foundFile(join(folder, name));
    if (file) models.push(file);
  }
  const runs = await groupRuns(folder, found, ownNames.filter(isPointer));
  const logs: string[] = [];
  for (const name of names) if (LOG.test(name) && (await foundFile(join(folder, name)))) logs.push(name);
  return { folder, runs, models, damaged, logs };
}

/** The facts of a regular file. Links are ignored. */
async function foundFile(path: string): Promise<FoundFile | undefined> {
  const facts = await lstat(path).catch(() => undefined);
  return facts?.isFile() ? { path, bytes: facts.size, time: facts.mtimeMs } : undefined;
}

function problemOf(error: unknown, path: string): CheckpointError {
  if (error instanceof CheckpointError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new CheckpointError('checkpoint-unreadable', `${path} can't be read: ${reason}`, { cause: error });
}

async function groupRuns(
  folder: string,
  found: readonly FoundCheckpoint[],
  pointers: readonly string[],
): Promise<FoundRun[]> {
  const targets = await Promise.all(
    pointers.map(async (name) => {
      const path = join(folder, name);
      return { path, isBest: name.endsWith('best.safetensors'), target: await targetOf(path, found) };
    }),
  );
  const byRun = new Map<string, FoundCheckpoint[]>();
  for (const one of found) byRun.set(one.runId, [...(byRun.get(one.runId) ?? []), one]);
  const runs = [...byRun].map(([runId, all]): FoundRun => {
    const checkpoints = [...all].sort((a, b) => a.iteration - b.iteration);
    const own = targets.filter(({ target }) => target?.runId === runId);
    const last = own.find(({ isBest }) => !isBest);
    const newest = newestOf(checkpoints, last?.target);
    return {
      runId,
      saveName: saveNameOf(newest),
      folder,
      checkpoints,
      newest,
      best: own.find(({ isBest }) => isBest)?.path,
      last: last?.path,
    };
  });
  // In earlier versions a folder had one pair of pointers, which belonged to the run that saved last.
  const hasPointer = ({ best, last }: FoundRun) => best !== undefined || last !== undefined;
  return runs.sort((a, b) => Number(hasPointer(b)) - Number(hasPointer(a)) || b.newest.time - a.newest.time);
}

/** The checkpoint that a pointer links to or is a copy of. */
async function targetOf(
  pointer: string,
  found: readonly FoundCheckpoint[],
): Promise<FoundCheckpoint | undefined> {
  const path = await linkTarget(pointer);
  const linked = found.find((one) => one.path === path);
  if (linked || !(await stat(path).catch(() => undefined))?.isFile()) return linked;
  try {
    const { training } = withFile(path, (source) => readSummary(source, path));
    return training && found.find((one) => isSameCheckpoint(one, training));
  } catch {
    return undefined;
  }
}

/**
 * The newest checkpoint of a run: the target of `last`, because file times are unreliable in a copied folder. If there is a later checkpoint,
 * the run was killed after saving it, before it moved the pointer. Without a pointer, file times decide.
 */
function newestOf(
  checkpoints: readonly FoundCheckpoint[],
  last: FoundCheckpoint | undefined,
): FoundCheckpoint {
  const further = checkpoints.filter(
    ({ iteration, time }) => last && iteration > last.iteration && time > last.time,
  );
  if (last) return further.at(-1) ?? last;
  return checkpoints.reduce((newest, one) => (one.time >= newest.time ? one : newest));
}

function saveNameOf({ options, path }: FoundCheckpoint): string {
  const { saveName } = options;
  return typeof saveName === 'string' ? saveName : basename(path);
}
