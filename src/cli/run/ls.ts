/** `char-rnn ls`: lists the runs and checkpoints in folders, from the headers of the files. */
import { readdirSync, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { type FolderSurvey, surveyFolder } from '../../checkpoint/storage/run-survey.node.ts';
import { CheckpointError } from '../../errors.ts';
import { isSweepFolder, trialsFolder } from '../../sweep/sweep-folder.node.ts';
import { type WalkedFolder, walkFolders } from '../../util/walk-folders.node.ts';
import { commandLine, fileWord } from '../arguments/command-line.ts';
import type { CommandInput } from '../command.ts';
import { surveyJson, surveyLines } from '../report/ls-report.ts';
import { note } from '../terminal/note.ts';
import { watchOutput } from '../terminal/output.ts';

/** Columns if standard output is not a terminal. */
const WIDTH = 80;

export interface LsFlags {
  readonly json: boolean;
  readonly all: boolean;
}

export async function runLs({ positionals }: CommandInput, { json, all }: LsFlags): Promise<number> {
  for (const folder of positionals) await checkFolder(folder);
  const { folders, sweeps } = search(positionals.length > 0 ? positionals : foldersHere());
  const surveys = (await Promise.all(folders.map(surveyFolder))).filter(holdsAnything);
  watchOutput((code) => {
    process.exitCode = code;
  });
  if (json) {
    process.stdout.write(`${JSON.stringify({ ...surveyJson(surveys, all), sweeps }, undefined, 2)}\n`);
    return 0;
  }
  const width = process.stdout.columns ?? WIDTH;
  const lines = [...surveyLines(surveys, { all, width }), ...sweeps.map(sweepLine)];
  if (lines.length > 0) process.stdout.write(`${lines.join('\n')}\n`);
  else process.stderr.write('there are no runs and no models here.\n');
  return 0;
}

/** This folder, and the folders that links in it lead to. */
function foldersHere(): string[] {
  const entries = readdirSync('.', { withFileTypes: true });
  const links = entries.filter((entry) => entry.isSymbolicLink() && !entry.name.startsWith('.'));
  const isFolder = (name: string) => statSync(name, { throwIfNoEntry: false })?.isDirectory() === true;
  return ['.', ...links.map(({ name }) => name).filter(isFolder)];
}

/** The folders in which there may be runs, and those of sweeps, whose trials are left out. */
function search(roots: readonly string[]): { folders: string[]; sweeps: string[] } {
  const [folders, sweeps] = [new Set<string>(), new Set<string>()];
  for (const root of roots)
    for (const found of walkFolders(root, ({ path }) => !sweeps.has(path))) {
      if ('notice' in found) {
        note(found.notice);
        continue;
      }
      folders.add(found.path);
      if (isSweep(found)) sweeps.add(found.path);
    }
  return { folders: [...folders], sweeps: [...sweeps] };
}

function isSweep({ path, entries }: WalkedFolder): boolean {
  return isSweepFolder(
    path,
    entries.map(({ name }) => name),
  );
}

/** Not wrapped, so that the command can be copied. */
function sweepLine(path: string): string {
  return `trials of a sweep: ${commandLine(['ls', fileWord(trialsFolder(path))])}`;
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
