/** Which run `--resume` alone means. */

import { numberedFolders } from '../../checkpoint/storage/numbered-folder.node.ts';
import { type FoundRun, surveyFolder } from '../../checkpoint/storage/run-survey.node.ts';
import { CheckpointError } from '../../errors.ts';
import { likelyRuns, type WantedRun } from '../../train/start/find-run.node.ts';
import { commandLine, fileWord } from '../arguments/command-line.ts';

const MAX_OTHERS = 3;

export interface ResumedRun {
  /** A folder, or a pointer in it where the folder holds several runs. */
  readonly resume: string;
  /** What was chosen, and commands for the others. */
  readonly notices: readonly string[];
}

/**
 * The newest run in a folder or in those beside it: `cv`, `cv-2`, …
 *
 * @throws {CheckpointError} `checkpoint-missing` where there is none
 */
export async function newestRun(folder: string, wanted: WantedRun): Promise<ResumedRun> {
  const folders = await numberedFolders(folder);
  const surveys = await Promise.all(folders.map(surveyFolder));
  const [run, ...others] = await likelyRuns(surveys, wanted);
  if (!run) {
    const [damaged] = surveys.flatMap((survey) => survey.damaged);
    if (damaged || surveys.some(({ models }) => models.length > 0)) return { resume: folder, notices: [] };
    throw new CheckpointError('checkpoint-missing', `there is no run to resume in ${folder}.`, {
      remedies: [{ text: 'To see the runs here', command: ['ls'] }],
    });
  }
  if (others.length === 0) return { resume: run.folder, notices: [] };
  const place = placeOf(
    run,
    surveys.flatMap(({ runs }) => runs),
  );
  const list = others
    .slice(0, MAX_OTHERS)
    .map((other) => `  ${commandLine(['train', '--resume', fileWord(placeOf(other, [run, ...others]))])}`);
  const more = others.length > MAX_OTHERS ? [`All of them: ${commandLine(['ls'])}`] : [];
  const notices = [
    `Of ${others.length + 1} runs here, this is ${place}. To resume another:`,
    ...list,
    ...more,
  ];
  return { resume: place, notices };
}

/** What names a run: its folder, or a file where the folder holds several. */
export function placeOf({ runId, folder, last, newest }: FoundRun, all: readonly FoundRun[]): string {
  const isAlone = !all.some((run) => run.folder === folder && run.runId !== runId);
  return isAlone ? folder : (last ?? newest.path);
}
