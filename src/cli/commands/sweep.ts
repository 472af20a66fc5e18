/** `char-rnn sweep`: its definition and flags. */
import * as z from 'zod/mini';
import { MAX_ETA, MAX_RUNGS } from '../../sweep/definition.ts';
import { METHODS } from '../../sweep/search.ts';
import { flagOfTraining } from '../../sweep/training-option.ts';
import { checkOptions } from '../../util/check-options.ts';
import { count, option, seed } from '../../util/option-info.ts';
import { flagsOf } from '../arguments/flag-table.ts';
import type { Command } from '../command.ts';
import { jsonFlag } from './shared-flags.ts';

const flagsSchema = z.strictObject({
  try: option(z._default(z.array(z.string()), []), {
    flag: 'try',
    group: 'Training',
    help: 'a training flag and its values, rnn-size=64,128, or its range, dropout=0..0.5 or learning-rate=1e-4..2e-2:log; one value sets it for all trials; may be repeated',
    value: 'NAME=VALUES',
    several: true,
    common: true,
  }),
  trials: option(z.optional(z.string().check(z.regex(/^\+?[1-9]\d{0,5}$/))), {
    flag: 'trials',
    group: 'Training',
    help: 'number of trials; with resume, +N adds N; default: the whole grid, or 20 at random',
    value: 'N|+N',
    expected: 'a number of trials, such as 20, or +20 for 20 more',
    common: true,
  }),
  method: option(z.optional(z.enum(METHODS)), {
    flag: 'method',
    group: 'Training',
    help: 'grid: try all combinations; random: draw them; default: grid for lists of values without --trials, otherwise random',
  }),
  seed: option(z.optional(seed()), {
    flag: 'seed',
    group: 'Training',
    help: 'seed of the random search; default 1; --try seed=1 sets the seed of the training runs',
    common: true,
  }),
  rungs: option(z.optional(count(1, MAX_RUNGS)), {
    flag: 'rungs',
    group: 'Training',
    help: 'rungs of successive halving: after each, only the best trials continue; 1 trains all to the end; default: 3 for random, 1 for grid',
  }),
  eta: option(z.optional(count(2, MAX_ETA)), {
    flag: 'eta',
    group: 'Training',
    help: 'one trial in N continues to the next rung, which is N times as long; default 3',
  }),
  validation: option(z.optional(z.string()), {
    flag: 'valid',
    group: 'Text',
    help: 'a text to validate on, the same for all trials',
    value: 'FILE',
  }),
  name: option(z.optional(z.string().check(z.minLength(1))), {
    flag: 'name',
    group: 'Output',
    help: 'name of the sweep, whose state is in sweeps/NAME; default: the name of the file or the text',
    value: 'NAME',
    common: true,
  }),
  workers: option(z.optional(count(0)), {
    flag: 'workers',
    group: 'Device',
    help: 'trials that run at once, each on one thread; 0: train nothing, only add the sweep to --database; default: one per processor',
    common: true,
  }),
  database: option(z.optional(z.string().check(z.minLength(1))), {
    flag: 'database',
    group: 'Device',
    help: 'for a sweep on several machines: a PostgreSQL database, postgres://USER:PASSWORD@HOST/DATABASE',
    value: 'URL',
  }),
  textFile: option(z._default(z.array(z.string()), []), {
    flag: 'text',
    group: 'Text',
    help: 'worker: where the text is on this machine; default: the same path as on the machine that started the sweep; may be repeated',
    value: 'FILE',
    several: true,
  }),
  log: option(z._default(z.enum(['auto', 'plain']), 'auto'), {
    flag: 'log',
    group: 'Output',
    help: 'auto: live lines on a terminal; plain: a line for each trial',
  }),
  csv: option(z._default(z.boolean(), false), {
    flag: 'csv',
    group: 'Output',
    help: 'table: print CSV, for spreadsheets',
  }),
  json: jsonFlag(),
});

export const sweepCommand: Command = {
  name: 'sweep',
  usage: 'char-rnn sweep run|status|best|table|stop|resume|retry|worker [TEXT|FILE.yaml|NAME] [flags]',
  summary:
    'Trains many models with different settings, and finds the best.\n' +
    'run: starts a sweep of TEXT or FILE.yaml. The others take the NAME of a sweep; default: the one that was active last.\n' +
    'status: shows its progress. best: shows the best trial and copies its model. table: lists all trials.\n' +
    'stop: stops the running trials, which save their states. resume: continues; --trials +N adds trials first. retry: repeats failed trials.\n' +
    'worker: trains trials of a sweep that another machine has started with --database.',
  flags: flagsOf(flagsSchema),
  takesRandomSeed: true,
  adviceOnFlag(name, value) {
    const flag = flagOfTraining(name);
    if (flag === undefined) return undefined;
    const example = value === undefined || value.startsWith('-') ? 'VALUE' : value;
    return `It is a flag of training: --try ${flag.replaceAll('_', '-')}=${example}`;
  },
  examples: [
    'char-rnn sweep run book.txt --try rnn-size=16,32 --try max-iterations=20',
    'char-rnn sweep run book.txt --name rates --try learning-rate=1e-4..2e-2:log --try max-epochs=1 --trials 9 --seed 4',
    'char-rnn sweep status',
    'char-rnn sweep best',
    'char-rnn sweep table --csv',
  ],
  async run(input) {
    const flags = checkOptions(flagsSchema, input.values);
    const { runSweep } = await import('../run/sweep.ts');
    return runSweep(input, flags);
  },
};
