/** `char-rnn compare`: its definition and flags. */
import * as z from 'zod/mini';
import {
  engineOption,
  gpuOption,
  precisionOption,
  quantizeOption,
  threadsOption,
} from '../../engine/options.ts';
import { checkScoreOptions, scoreOptionsSchema } from '../../score/options.ts';
import { checkOptions } from '../../util/check-options.ts';
import { option, seed } from '../../util/option-info.ts';
import { flagsOf } from '../arguments/flag-table.ts';
import { splitValues } from '../arguments/split-values.ts';
import type { Command } from '../command.ts';
import { encodingFlag, fieldFlag, jsonFlag, openClFlag } from './shared-flags.ts';

const flagsSchema = z.strictObject({
  encoding: encodingFlag('Text', 'TEXT'),
  field: fieldFlag('Text'),
  seed: option(z._default(seed(), 123), {
    flag: 'seed',
    group: 'Scoring',
    help: 'seed of the bootstrap',
  }),
  json: jsonFlag(),
  engine: engineOption(),
  gpu: gpuOption(),
  opencl: openClFlag(false),
  threads: threadsOption(),
  precision: precisionOption(),
  quantize: quantizeOption(),
});

export const compareCommand: Command = {
  name: 'compare',
  usage: 'char-rnn compare CHECKPOINT CHECKPOINT … TEXT [flags]',
  summary: 'Compares how well models predict a text, with confidence intervals (paired bootstrap, 95%).',
  flags: flagsOf(flagsSchema, scoreOptionsSchema),
  examples: ['char-rnn compare cv/best.safetensors cv/last.safetensors book.txt'],
  async run(input) {
    const [own, options] = splitValues(input.values, flagsSchema);
    const flags = { ...checkOptions(flagsSchema, own), ...checkScoreOptions(options) };
    const { runCompare } = await import('../run/compare.ts');
    return runCompare(input, flags);
  },
};
