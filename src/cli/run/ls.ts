/** `char-rnn ls`: lists the runs and checkpoints in folders, from the headers of the files. */
import { readdir, stat } from 'node:fs/promises';
import { type FolderSurvey, surveyFolder } from '../../checkpoint/storage/run-survey.node.ts';
import { CheckpointError } from '../../errors.ts';
import { fileWord } from '../arguments/command-line.ts';
import type { CommandInput } from '../command.ts';
import { surveyJson, surveyLines } from '../report/ls-report.ts';
import { watchOutput } from '../terminal/output.ts';

/** Columns if standard output is not a terminal. */
const WIDTH = 80;

export interface LsFlags {
  readonly json: boolean;
  readonly all: boolean;
}

export async function runLs({ positionals }: CommandInput, { json, all }: LsFlags): Promise<number> {
  for (const folder of positionals) await checkFolder(folder);
  const folders = positionals.length > 0 ? positionals : await foldersHere();
  const surveys = (await Promise.all(folders.map(surveyFolder))).filter(holdsAnything);
  watchOutput((code) => {
    process.exitCode = code;
  });
  if (json) {
    process.stdout.write(`${JSON.stringify(surveyJson(surveys, all), undefined, 2)}\n`);
    return 0;
  }
  const lines = surveyLines(surveys, { all, width: process.stdout.columns ?? WIDTH });
  if (lines.length > 0) process.stdout.write(`${lines.join('\n')}\n`);
  else process.stderr.write('there are no runs and no models here.\n');
  return 0;
}

/** The current folder and its subfolders. */
async function foldersHere(): Promise<string[]> {
  const entries = await readdir('.', { withFileTypes: true });
  const isCandidate = (name: string) => !name.startsWith('.') && name !== 'node_modules';
  const inside = entries
    .filter((entry) => (entry.isDirectory() || entry.isSymbolicLink()) && isCandidate(entry.name))
    .map(({ name }) => name)
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  return ['.', ...inside];
}

function holdsAnything({ runs, models, damaged }: FolderSurvey): boolean {
  return runs.length + models.length + damaged.length > 0;
}

async function checkFolder(path: string): Promise<void> {
  const facts = await stat(path).catch(() => undefined);
  if (facts?.isDirectory()) return;
  if (!facts) throw new CheckpointError('checkpoint-missing', `there is no folder ${path}.`);
  throw new CheckpointError('checkpoint-unreadable', `${path} is a file, not a folder.`, {
    remedies: [{ text: 'To see what it holds', command: ['inspect', fileWord(path)] }],
  });
}
