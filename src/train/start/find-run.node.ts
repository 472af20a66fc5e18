/** Finds the run and the checkpoint that the user wants to resume. */
import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import type { TrainedCheckpoint } from '../../checkpoint/checkpoint.ts';
import { linkTarget } from '../../checkpoint/storage/file-pointer.node.ts';
import {
  type DamagedFile,
  type FolderSurvey,
  type FoundCheckpoint,
  type FoundRun,
  surveyFolder,
} from '../../checkpoint/storage/run-survey.node.ts';
import { isNameOfRun } from '../../checkpoint/storage/save-checkpoint.ts';
import { CheckpointError, type CheckpointErrorCode, type Remedy } from '../../errors.ts';
import { readCheckpointFile } from '../../formats/read.node.ts';
import { requireTrainingState } from './resume.ts';

/** What the user has given to identify the run. */
export interface WantedRun {
  readonly runId?: string | undefined;
  readonly saveName?: string | undefined;
  /** Files and folders of the text, as typed. */
  readonly paths?: readonly string[] | undefined;
}

const DAMAGE_CODES: readonly CheckpointErrorCode[] = [
  'checkpoint-truncated',
  'checkpoint-malformed',
  'checkpoint-empty',
  'checkpoint-unreadable',
];

/**
 * The candidate runs, the most likely first: filtered by id, `saveName` and text, then sorted by time, the newest first. A filter that no
 * run passes is ignored.
 *
 * @param surveys One per folder. The first run of each folder comes before all others, whatever their times.
 */
export async function likelyRuns(
  surveys: readonly FolderSurvey[],
  { runId, saveName, paths }: WantedRun,
): Promise<FoundRun[]> {
  const all = surveys.map(({ runs }) => runs);
  const byId = preferred(all, (run) => runId === undefined || run.runId === runId);
  const byName = preferred(byId, (run) => saveName === undefined || run.saveName === saveName);
  const given = paths === undefined ? undefined : await Promise.all(paths.map(factsOf));
  const fitting = preferred(byName, (run) => given !== undefined && isOfText(run, given));
  const heads = fitting.flatMap(([first]) => first ?? []).sort((a, b) => b.newest.time - a.newest.time);
  return [...heads, ...fitting.flatMap((runs) => runs.slice(1))];
}

/** The runs of each folder that meet a criterion; all runs if none does. */
function preferred(
  folders: readonly (readonly FoundRun[])[],
  meets: (run: FoundRun) => boolean,
): readonly (readonly FoundRun[])[] {
  const meeting = folders.map((runs) => runs.filter(meets));
  return meeting.some((runs) => runs.length > 0) ? meeting : folders;
}

interface TextFacts {
  readonly path: string;
  readonly bytes: number | undefined;
}

async function factsOf(path: string): Promise<TextFacts> {
  const whole = await realpath(path).catch(() => resolve(path));
  const facts = await stat(path).catch(() => undefined);
  return { path: whole, bytes: facts?.isFile() ? facts.size : undefined };
}

/** Whether a run was trained on these files. A single file is also recognized by its size, in case it was moved. */
function isOfText({ newest: { text } }: FoundRun, given: readonly TextFacts[]): boolean {
  if (!text) return false;
  const { paths = [] } = text;
  if (paths.length === given.length && paths.every((path, at) => path === given[at]?.path)) return true;
  return given.length === 1 && given[0]?.bytes === text.bytes;
}

export interface CheckpointToResume {
  readonly path: string;
  readonly checkpoint: TrainedCheckpoint;
  /** Names of the other candidate runs in the folder. */
  readonly others: readonly string[];
  /** Damaged checkpoints that were skipped, one line each. */
  readonly warnings: readonly string[];
}

/**
 * The checkpoint to resume from: a file, or the newest undamaged one in a folder.
 *
 * @throws {CheckpointError} for a file that can't be resumed; `checkpoint-missing` for a folder without a run
 */
export async function checkpointToResume(from: string, wanted: WantedRun): Promise<CheckpointToResume> {
  const facts = await stat(from).catch(() => undefined);
  if (!facts?.isDirectory()) return await fileToResume(from, wanted);
  for (let attempt = 1; ; attempt++) {
    try {
      return await folderToResume(from, wanted);
    } catch (error) {
      // A running training may have replaced the file since the folder was listed.
      const isGone = error instanceof CheckpointError && error.code === 'checkpoint-missing';
      if (!isGone || attempt === MAX_LISTINGS) throw error;
    }
  }
}

/** How often a folder is listed, if a listed file has disappeared before it is read. */
const MAX_LISTINGS = 3;

async function folderToResume(from: string, wanted: WantedRun): Promise<CheckpointToResume> {
  const survey = await surveyFolder(from);
  const [run, ...others] = await likelyRuns([survey], wanted);
  if (!run) throw noRun(survey);
  const warnings = damagedNewer(survey, run).map(({ problem }) => problem.problem);
  const earlier = run.checkpoints.filter((one) => one.iteration < run.newest.iteration);
  let failure: unknown;
  for (const { path } of [run.newest, ...earlier.reverse()]) {
    try {
      const checkpoint = requireTrainingState(
        await readCheckpointFile(path),
        path,
        wanted.paths !== undefined,
      );
      const skipped = warnings.map((problem) => `${problem} It is skipped: the run resumes from ${path}.`);
      return { path, checkpoint, others: others.map(({ saveName }) => saveName), warnings: skipped };
    } catch (error) {
      if (!isDamage(error)) throw error;
      failure ??= error;
      warnings.push(error.problem);
    }
  }
  throw failure;
}

async function fileToResume(from: string, wanted: WantedRun): Promise<CheckpointToResume> {
  // New checkpoints go next to the file itself, not next to a link to it.
  const path = await linkTarget(from);
  try {
    const checkpoint = requireTrainingState(await readCheckpointFile(path), path, wanted.paths !== undefined);
    return { path, checkpoint, others: [], warnings: [] };
  } catch (error) {
    if (!isDamage(error)) throw error;
    const whole = await newestWhole(path);
    const remedies: Remedy[] = whole
      ? [{ text: `To resume from iteration ${whole.iteration} instead`, set: { resume: whole.path } }]
      : [];
    throw new CheckpointError(error.code, error.problem, { cause: error, remedies });
  }
}

function isDamage(error: unknown): error is CheckpointError {
  return error instanceof CheckpointError && DAMAGE_CODES.includes(error.code);
}

/** The newest undamaged checkpoint in the folder of a damaged file, of the same run by its name. */
async function newestWhole(path: string): Promise<FoundCheckpoint | undefined> {
  const { runs } = await surveyFolder(dirname(path));
  const run = runs.find(({ saveName }) => isNameOfRun(basename(path), saveName)) ?? runs[0];
  return run?.checkpoints.findLast((one) => basename(one.path) !== basename(path));
}

/** Damaged files of a run that were written after its newest undamaged checkpoint. */
function damagedNewer({ damaged }: FolderSurvey, { saveName, newest }: FoundRun): DamagedFile[] {
  return damaged.filter(({ path, time }) => isNameOfRun(basename(path), saveName) && time >= newest.time);
}

function noRun({ folder, damaged, models }: FolderSurvey): CheckpointError {
  const [broken] = damaged;
  const [model] = models;
  if (broken) return new CheckpointError(broken.problem.code, broken.problem.problem);
  if (model) {
    return new CheckpointError(
      'checkpoint-not-resumable',
      `${folder} has models, such as ${model.path}, but none with a training state to resume.`,
      {
        remedies: [
          { text: 'To start a new run from its weights', set: { resume: undefined, initFrom: model.path } },
        ],
      },
    );
  }
  return new CheckpointError('checkpoint-missing', `${folder} has no run to resume.`, {
    remedies: [{ text: 'To see the runs here', command: ['ls'] }],
  });
}
