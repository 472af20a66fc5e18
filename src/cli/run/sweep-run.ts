/** `char-rnn sweep run` and `resume`: work on a sweep until it has ended, and show how far it is. */
import { basename } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { OptionError, SweepError, UsageError } from '../../errors.ts';
import { checkDefinition, MAX_TRIALS, withParameters } from '../../sweep/definition.ts';
import { isDefinitionFile, readDefinitionFile } from '../../sweep/definition-file.node.ts';
import type { SweepEvent } from '../../sweep/events.ts';
import { joinSweep } from '../../sweep/join-sweep.node.ts';
import { hidePassword } from '../../sweep/postgres/database-url.ts';
import { sizeOf } from '../../sweep/space.ts';
import { addTrials, type SweepInput, sweep } from '../../sweep/sweep.node.ts';
import { joinDatabase, rememberedDatabase } from '../../sweep/sweep-database.node.ts';
import { findSweep, nameOfText, openSweep, SWEEPS } from '../../sweep/sweep-folder.node.ts';
import { counted } from '../../util/format.ts';
import { commandLine } from '../arguments/command-line.ts';
import { triedParameters } from '../arguments/try-flag.ts';
import type { CommandInput } from '../command.ts';
import { bestLine, endedLine } from '../report/sweep-report.ts';
import { note } from '../terminal/note.ts';
import { watchOutput } from '../terminal/output.ts';
import { catchSignals } from '../terminal/signals.ts';
import type { SweepFlags } from './sweep-flags.ts';
import { type StatusView, statusView } from './sweep-status.ts';

export async function startSweep(
  input: CommandInput,
  flags: SweepFlags,
  words: readonly string[],
): Promise<number> {
  const given = await givenSweep(input, flags, words);
  if (flags.trials?.startsWith('+')) return addToSweep(flags, given);
  if (!given?.textFile)
    throw new UsageError('sweep run needs a text, or a file that describes the sweep.', {
      remedies: [
        {
          text: 'For example',
          command: ['sweep', 'run', 'book.txt', '--try', 'rnn-size=64,128', '--try', 'dropout=0,0.2'],
        },
      ],
    });
  return followSweep(given, flags);
}

/** Continues a sweep, with `--trials +N` after adding trials to it. */
export async function resumeSweep(flags: SweepFlags, name: string | undefined): Promise<number> {
  const { trials } = flags;
  if (trials === undefined) return followSweep({ resume: await folderOf(flags, name) }, flags);
  if (!trials.startsWith('+')) {
    throw new OptionError(
      'trials',
      `got ${trials}, but the sweep already has its trials; expected the number to add, +${trials}`,
    );
  }
  return addToSweep({ ...flags, name: name ?? flags.name }, undefined);
}

/** Works on a sweep that another machine has started. */
export async function joinWork(flags: SweepFlags, name: string | undefined): Promise<number> {
  const database = flags.database ?? rememberedDatabase(findSweep(name))?.url;
  if (database === undefined)
    throw new UsageError('sweep worker needs --database: the sweep of this folder is in a file.', {
      remedies: [
        {
          text: 'To start a second worker on this machine',
          command: ['sweep', 'resume', ...(name ? [name] : [])],
        },
      ],
    });
  const { workers, validation } = flags;
  const textFile = flags.textFile.length > 0 ? flags.textFile : undefined;
  const run = (signal: AbortSignal) =>
    joinSweep({ ...{ database, name, textFile, validation, workers, signal } });
  return follow(run, flags);
}

/** A sweep as its file and the flags describe it; undefined if there is neither a text nor a file. */
async function givenSweep(
  { typed }: CommandInput,
  flags: SweepFlags,
  words: readonly string[],
): Promise<SweepInput | undefined> {
  const { method, seed, rungs, eta, name, validation, trials } = flags;
  const count = trials === undefined || trials.startsWith('+') ? undefined : Number(trials);
  if (count !== undefined && count > MAX_TRIALS)
    throw new OptionError('trials', `got ${count}, expected a whole number from 1 to ${MAX_TRIALS}`);
  const set = Object.entries({ method, seed, rungs, eta, name, validation, trials: count });
  const own = Object.fromEntries(set.filter(([, value]) => value !== undefined));
  const parameters = triedParameters(flags.try);
  const files = words.filter(isDefinitionFile);
  const [file] = files;
  if (file === undefined) {
    if (words.length === 0) return undefined;
    return { parameters, textFile: words, where: `${typed.get('try') ?? '--try'}: `, ...own };
  }
  const texts = words.filter((word) => !isDefinitionFile(word));
  if (files.length > 1) throw new UsageError(`sweep run takes one file, got ${files.join(' and ')}`);
  const read = await readDefinitionFile(file);
  const textFile = texts.length > 0 ? texts : read.textFile;
  if (textFile === undefined) throw new UsageError(`${file}: there is no text. Add one: text: book.txt`);
  return {
    ...withParameters(read.definition, parameters, `${typed.get('try') ?? '--try'}: `),
    ...{ textFile, validation: read.validation, name: read.name, where: `${file}: ` },
    ...own,
  };
}

/** `--trials +20`. */
async function addToSweep(flags: SweepFlags, given: SweepInput | undefined): Promise<number> {
  const [text] = [given?.textFile ?? []].flat();
  const { database } = flags;
  const folder = await folderOf(flags, given?.name ?? flags.name ?? (text && nameOfText(text)));
  const store = await openSweep(folder, { database });
  const more = Number(flags.trials?.slice(1));
  try {
    if (given?.parameters && Object.keys(given.parameters).length > 0) {
      const { definition } = await store.record();
      const { trials: _, ...asked } = checkDefinition(
        { ...given, parameters: given.parameters, method: given.method ?? definition.method },
        given.where,
      );
      if (!isDeepStrictEqual(JSON.parse(JSON.stringify(asked)), definition))
        throw new SweepError(
          'sweep-exists',
          `the sweep ${basename(folder)} has other settings. Added trials use the settings of the sweep: leave out the new ones.`,
          { remedies: [{ text: 'Or start another sweep, with another name' }] },
        );
    }
    await addTrials(store, more);
  } finally {
    await store.close();
  }
  return followSweep({ resume: folder }, flags);
}

/** The folder of an existing sweep. */
async function folderOf({ database }: SweepFlags, name: string | undefined): Promise<string> {
  return database === undefined ? findSweep(name) : await joinDatabase(database, SWEEPS, name);
}

function followSweep(input: SweepInput, flags: SweepFlags): Promise<number> {
  const { workers, database } = flags;
  return follow((signal) => sweep({ ...input, workers, database, signal }), flags);
}

/** Works on a sweep, and shows its events. */
async function follow(
  run: (signal: AbortSignal) => AsyncGenerator<SweepEvent, void, void>,
  flags: SweepFlags,
): Promise<number> {
  let view: StatusView | undefined;
  let hasTrained = false;
  const say = (line: string) => (view ? view.note(line) : note(line));
  const stopped = catchSignals(() =>
    say(hasTrained ? 'stopping: the running trials save their states …' : 'stopping …'),
  );
  watchOutput((code) => stopped.stop(code), { outlivesTerminal: true });
  let name = '';
  let folder = '';
  let hasLoss = true;
  try {
    for await (const event of run(stopped.signal)) {
      if (event.type === 'started') {
        ({ name, folder } = event);
        for (const line of startedLines(event)) say(line);
        view = await statusView(event.folder, flags);
      }
      if (event.type === 'running') hasTrained = true;
      const line = eventLine(event);
      if (line !== undefined) say(line);
      if (event.type === 'finished') {
        view?.close();
        view = undefined;
        hasLoss = event.reason !== 'completed' || event.best !== undefined;
        if (event.reason === 'completed' && !hasTrained)
          for (const nothing of await nothingLeftLines(folder, flags)) note(nothing);
        for (const last of finishedLines(event, name, flags)) note(last);
      }
    }
  } finally {
    view?.close();
    stopped.release();
  }
  return stopped.exitCode() ?? (hasLoss ? 0 : 1);
}

function startedLines({ name, trials, rungs, workers }: Extract<SweepEvent, { type: 'started' }>): string[] {
  const halving = rungs > 1 ? `, ${rungs} rungs` : '';
  return [`sweep ${name}: ${counted(trials, 'trial')}${halving}${workers > 0 ? `, ${workers} at once` : ''}`];
}

function eventLine(event: SweepEvent): string | undefined {
  if (event.type === 'ended') return endedLine(event);
  if (event.type === 'promoted') {
    const { trials, rung } = event;
    return `rung ${rung + 1}: ${trials.length === 1 ? `trial ${trials[0]} continues` : `trials ${trials.join(', ')} continue`}`;
  }
  if (event.type === 'waiting') return event.message;
  if (event.type === 'warning') return `warning: ${event.message}`;
  if (event.type === 'taken-over') return `trial ${event.trial}: another worker has taken it over.`;
  if (event.type === 'put-back') return `trial ${event.trial}: back in the queue: ${event.message}`;
  return undefined;
}

/** How many trials to suggest. */
const SUGGESTED_TRIALS = 20;

/** The lines about a sweep that had already ended when it was continued. */
async function nothingLeftLines(folder: string, { database }: SweepFlags): Promise<string[]> {
  const name = basename(folder);
  const store = await openSweep(folder, { database, isReadOnly: true });
  try {
    const { definition } = await store.record();
    const trials = await store.trialCount();
    const more = Math.min(SUGGESTED_TRIALS, sizeOf(definition.space) - trials);
    if (more <= 0) {
      return [
        `nothing is left to train: ${name} has tried all ${trials} combinations of its values. To try others, start another sweep, with another --name.`,
      ];
    }
    const command = commandLine(['sweep', 'resume', name, '--trials', `+${more}`]);
    return [`nothing is left to train: every trial of ${name} has ended. To add ${more}:`, `  ${command}`];
  } finally {
    await store.close();
  }
}

function finishedLines(
  { reason, best }: Extract<SweepEvent, { type: 'finished' }>,
  name: string,
  { database }: SweepFlags,
): string[] {
  if (reason === 'queued') {
    const words = ['sweep', 'worker', name, '--database', hidePassword(database ?? '')];
    return [`its trials wait for workers. On each machine: ${commandLine(words)}`];
  }
  if (reason !== 'completed')
    return [`the sweep is ${reason}. To continue: ${commandLine(['sweep', 'resume', name])}`];
  if (!best) return ['no trial has a loss: all have exploded or failed.'];
  return [bestLine(best), `to copy its model: ${commandLine(['sweep', 'best', name])}`];
}
