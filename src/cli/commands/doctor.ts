/** `char-rnn doctor`: its definition and flags. */
import * as z from 'zod/mini';
import { checkOptions } from '../../util/check-options.ts';
import { option } from '../../util/option-info.ts';
import { flagsOf } from '../arguments/flag-table.ts';
import type { Command } from '../command.ts';
import { jsonFlag } from './shared-flags.ts';

const flagsSchema = z.strictObject({
  seconds: option(z._default(z.number().check(z.gt(0), z.maximum(600)), 10), {
    flag: 'seconds',
    group: 'Output',
    help: 'seconds to measure each engine',
    common: true,
  }),
  json: jsonFlag({ common: true }),
});

export const doctorCommand: Command = {
  name: 'doctor',
  usage: 'char-rnn doctor [flags]',
  summary:
    'Shows what this machine can do, measures each engine with the default model, and explains how to get a faster one.',
  flags: flagsOf(flagsSchema),
  examples: ['char-rnn doctor', 'char-rnn doctor --seconds 2 --json'],
  async run(input) {
    const flags = checkOptions(flagsSchema, input.values);
    const { runDoctor } = await import('../run/doctor.ts');
    return runDoctor(input, flags);
  },
};
