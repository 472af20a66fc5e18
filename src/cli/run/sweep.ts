/** `char-rnn sweep`: what each of its actions does. */
import { existsSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { replaceWith } from '../../checkpoint/storage/whole-file.node.ts';
import { CheckpointError, SweepError, UsageError } from '../../errors.ts';
import type { SweepRecord, SweepStore, TrialRecord } from '../../sweep/store.ts';
import { joinDatabase } from '../../sweep/sweep-database.node.ts';
import { findSweep, openSweep, SWEEPS } from '../../sweep/sweep-folder.node.ts';
import { counted } from '../../util/format.ts';
import { suggest } from '../../util/suggest.ts';
import { describeSystemError } from '../../util/system-error.ts';
import type { CommandInput } from '../command.ts';
import {
  bestJson,
  bestLine,
  bestLines,
  hostOf,
  tableCsv,
  tableJson,
  tableLines,
  trainWords,
  WITH_OWN_PATHS,
} from '../report/sweep-report.ts';
import { note } from '../terminal/note.ts';
import { watchOutput } from '../terminal/output.ts';
import type { SweepFlags } from './sweep-flags.ts';
import { showStatus } from './sweep-status.ts';

/** The flags that each action takes, by their names in `SweepFlags`; `log`, which changes nothing but the view, is for all. */
const FLAGS_OF = {
  run: ['try', 'trials', 'method', 'seed', 'rungs', 'eta', 'validation', 'name', 'workers', 'database'],
  status: ['name', 'json', 'database'],
  best: ['name', 'json', 'database'],
  table: ['name', 'csv', 'json', 'database'],
  stop: ['name', 'database'],
  resume: ['name', 'trials', 'workers', 'database'],
  retry: ['name', 'workers', 'database'],
  worker: ['name', 'workers', 'database', 'textFile', 'validation'],
} as const satisfies Readonly<Record<string, readonly (keyof SweepFlags)[]>>;

type Action = keyof typeof FLAGS_OF;

export async function runSweep(input: CommandInput, flags: SweepFlags): Promise<number> {
  const [word, ...words] = input.positionals;
  const action = actionOf(word);
  for (const [key, typed] of input.typed)
    if (key !== 'log' && !(FLAGS_OF[action] as readonly string[]).includes(key))
      throw new UsageError(`${typed} can't be used with sweep ${action}`);
  if (action === 'run') {
    const { startSweep } = await import('./sweep-run.ts');
    return startSweep(input, flags, words);
  }
  if (words.length > 1)
    throw new UsageError(`sweep ${action} takes the name of one sweep, got ${words.join(' ')}`);
  const [name = flags.name] = words;
  if (action === 'resume') return resume(flags, name);
  if (action === 'worker') {
    const { joinWork } = await import('./sweep-run.ts');
    return joinWork(flags, name);
  }
  const { database } = flags;
  const folder = database === undefined ? findSweep(name) : await joinDatabase(database, SWEEPS, name);
  const store = await openSweep(folder, { database });
  watchOutput((code) => process.exit(code));
  try {
    return await ACTIONS[action](store, { folder, flags });
  } finally {
    await store.close();
  }
}

interface Target {
  readonly folder: string;
  readonly flags: SweepFlags;
}

const ACTIONS: Readonly<
  Record<Exclude<Action, 'run' | 'resume' | 'worker'>, (store: SweepStore, target: Target) => Promise<number>>
> = {
  status: (store, { flags, folder }) => showStatus(store, folder, flags),
  best: showBest,
  table: showTable,
  stop: stopSweep,
  retry: retrySweep,
};

function actionOf(word: string | undefined): Action {
  const names = Object.keys(FLAGS_OF) as Action[];
  const found = names.find((name) => name === word);
  if (found) return found;
  if (word === undefined) throw new UsageError(`sweep needs an action: ${names.join(', ')}`);
  const close = suggest(word, names);
  throw new UsageError(
    `sweep has no action ${JSON.stringify(word)}. ${close ? `Did you mean ${close}?` : `It has ${names.join(', ')}.`}`,
  );
}

/** Best trials to look at for those that are as good within the standard error. */
const CLOSE = 5;

async function showBest(store: SweepStore, { folder, flags }: Target): Promise<number> {
  const [best, ...others] = await store.best(CLOSE);
  if (best?.checkpoint === undefined)
    throw new SweepError(
      'sweep-no-result',
      `no trial of ${basename(folder)} has reached the end of a rung yet.`,
      {
        remedies: [{ text: 'To see its progress', command: ['sweep', 'status', basename(folder)] }],
      },
    );
  const sweep = await store.record();
  const checkpoint = placeOf(best.checkpoint, folder);
  if (checkpoint === undefined) throw checkpointElsewhere(sweep, best);
  const copy = join(folder, 'best.safetensors');
  await copyModel(checkpoint, copy);
  const output = flags.json
    ? JSON.stringify(bestJson(sweep, best, copy), undefined, 2)
    : bestLines(sweep, [best, ...others], { copy, hasTexts: hasTexts(sweep) }).join('\n');
  process.stdout.write(`${output}\n`);
  return 0;
}

/** Copies a checkpoint completely or not at all: a full disk leaves an earlier copy as it is. */
async function copyModel(checkpoint: string, copy: string): Promise<void> {
  try {
    await replaceWith(copy, 'other', (temporary) => copyFile(checkpoint, temporary));
  } catch (cause) {
    const reason = describeSystemError(cause);
    throw new CheckpointError('checkpoint-unwritable', `${copy} can't be written: ${reason}.`, {
      cause,
      remedies: [{ text: 'To write with the model where it is', command: ['sample', checkpoint] }],
    });
  }
}

/** Where a checkpoint is on this machine. A folder that machines share may have other paths on each. */
function placeOf(checkpoint: string, folder: string): string | undefined {
  const [ofTrial] = /trials[\\/]\d+[\\/][^\\/]+[\\/][^\\/]+$/.exec(checkpoint) ?? [];
  const places = [checkpoint, ...(ofTrial === undefined ? [] : [join(folder, ...ofTrial.split(/[\\/]/))])];
  return places.find((path) => existsSync(path));
}

function checkpointElsewhere(sweep: SweepRecord, best: TrialRecord): SweepError {
  const text = `Copy it from there, or train it again${hasTexts(sweep) ? '' : `, ${WITH_OWN_PATHS}`}`;
  return new SweepError(
    'sweep-no-result',
    `${bestLine(best)}. Its checkpoint is on ${hostOf(best.worker)}, in ${best.checkpoint}.`,
    { remedies: [{ text, command: trainWords(sweep, best) }] },
  );
}

/** Whether the texts of a sweep are where they are on the machine that made it. */
function hasTexts({ text: { textFile, validation, test } }: SweepRecord): boolean {
  return [...textFile, validation, test].every((path) => path === undefined || existsSync(path));
}

async function showTable(store: SweepStore, { flags }: Target): Promise<number> {
  if (flags.csv && flags.json) throw new UsageError('give either --csv or --json');
  const [sweep, trials] = [await store.record(), await store.trials()];
  const output = flags.json
    ? `${JSON.stringify(tableJson(trials), undefined, 2)}\n`
    : flags.csv
      ? tableCsv(sweep, trials)
      : `${tableLines(sweep, trials).join('\n')}\n`;
  process.stdout.write(output);
  return 0;
}

/** Time between two looks at the trials that are ending, in milliseconds. */
const POLL = 250;

async function stopSweep(store: SweepStore, { folder }: Target): Promise<number> {
  await store.setStopped(true);
  let running = await store.running();
  if (running.length > 0) note(`waiting for ${running.length} running trials to save their states …`);
  while (running.length > 0) {
    await sleep(POLL);
    running = await store.running();
  }
  note(`${basename(folder)} is stopped.`);
  return 0;
}

async function retrySweep(store: SweepStore, { folder, flags }: Target): Promise<number> {
  const count = await store.retry();
  if (count === 0) {
    note(`no trial of ${basename(folder)} has failed.`);
    return 0;
  }
  note(`${counted(count, 'failed trial')} will be trained again.`);
  return resume(flags, folder);
}

/** The module that trains is loaded only here: the other actions answer at once. */
async function resume(flags: SweepFlags, name: string | undefined): Promise<number> {
  const { resumeSweep } = await import('./sweep-run.ts');
  return resumeSweep(flags, name);
}
