/** Finds the run for `--resume` without a value. */
import { numberedFolders } from '../../checkpoint/storage/numbered-folder.node.ts';
import { type FoundRun, surveyFolder } from '../../checkpoint/storage/run-survey.node.ts';
import { CheckpointError } from '../../errors.ts';
import { likelyRuns, type WantedRun } from '../../train/start/find-run.node.ts';
import { commandLine, fileWord } from '../arguments/command-line.ts';

const MAX_OTHERS = 3;

export interface ResumedRun {
  /** A folder or, if the folder holds several runs, a file. */
  readonly resume: string;
  /** Lines that name the chosen run and show commands for the others. */
  readonly notices: readonly string[];
}

/**
 * The newest run in a folder and its numbered siblings: `cv`, `cv-2`, …
 *
 * @throws {CheckpointError} `checkpoint-missing` if there is none
 */
export async function findNewestRun(folder: string, wanted: WantedRun): Promise<ResumedRun> {
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
  const place = runPath(
    run,
    surveys.flatMap(({ runs }) => runs),
  );
  const list = others
    .slice(0, MAX_OTHERS)
    .map((other) => `  ${commandLine(['train', '--resume', fileWord(runPath(other, [run, ...others]))])}`);
  const more = others.length > MAX_OTHERS ? [`All of them: ${commandLine(['ls'])}`] : [];
  const notices = [
    `Resuming ${place}, one of ${others.length + 1} runs here. To resume another:`,
    ...list,
    ...more,
  ];
  return { resume: place, notices };
}

/** The path that stands for a run: its folder, or, if the folder holds several runs, a file. */
export function runPath({ runId, folder, last, newest }: FoundRun, all: readonly FoundRun[]): string {
  const isAlone = !all.some((run) => run.folder === folder && run.runId !== runId);
  return isAlone ? folder : (last ?? newest.path);
}
