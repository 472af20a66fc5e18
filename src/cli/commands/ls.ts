/** `char-rnn ls`: its definition and flags. */
import * as z from 'zod/mini';
import { checkOptions } from '../../util/check-options.ts';
import { option } from '../../util/option-info.ts';
import { flagsOf } from '../arguments/flag-table.ts';
import type { Command } from '../command.ts';
import { jsonFlag } from './shared-flags.ts';

const flagsSchema = z.strictObject({
  all: option(z._default(z.boolean(), false), {
    flag: 'all',
    group: 'Output',
    help: 'also list each checkpoint of a run',
    common: true,
  }),
  json: jsonFlag({ common: true }),
});

export const lsCommand: Command = {
  name: 'ls',
  usage: 'char-rnn ls [FOLDER …] [flags]',
  summary:
    'Lists the runs and checkpoints in FOLDER and in all folders below it, with their losses (the best as LOSS@EPOCH), and names damaged files.\n' +
    'Default: this folder. For a sweep, it lists the best model and the command that lists the trials.',
  flags: flagsOf(flagsSchema),
  examples: ['char-rnn ls', 'char-rnn ls cv --all', 'char-rnn ls --json'],
  async run(input) {
    const flags = checkOptions(flagsSchema, input.values);
    const { runLs } = await import('../run/ls.ts');
    return runLs(input, flags);
  },
};
