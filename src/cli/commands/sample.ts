/** `char-rnn sample`: its definition and flags. */
import * as z from 'zod/mini';
import {
  engineOption,
  gpuOption,
  precisionOption,
  quantizeOption,
  threadsOption,
} from '../../engine/options.ts';
import { generateOptionsSchema } from '../../sample/options.ts';
import { checkOptions } from '../../util/check-options.ts';
import { count, option } from '../../util/option-info.ts';
import { flagsOf } from '../arguments/flag-table.ts';
import { splitValues } from '../arguments/split-values.ts';
import type { Command } from '../command.ts';
import { configFlag, encodingFlag, fieldFlag, openClFlag, zeroOrOne } from './shared-flags.ts';

const flagsSchema = z.strictObject({
  interactive: option(z._default(z.boolean(), false), {
    flag: 'interactive',
    aliases: ['i'],
    group: 'Sampling',
    help: 'take turns: the model continues each line you type',
  }),
  configFile: configFlag('{"temp": 0.7}'),
  sample: option(z._default(zeroOrOne(), 1), {
    flag: 'sample',
    group: 'Sampling',
    help: '0: always the most likely symbol',
    original: true,
  }),
  count: option(z._default(count(1), 1), {
    flag: 'count',
    group: 'Sampling',
    help: 'number of samples, each with its own seed',
    common: true,
  }),
  unique: option(z._default(z.boolean(), false), {
    flag: 'unique',
    group: 'Form of a text',
    help: 'leave out repeated samples',
  }),
  novel: option(z.optional(z.string()), {
    flag: 'novel',
    group: 'Form of a text',
    help: 'leave out samples that occur in this text',
    value: 'FILE',
  }),
  encoding: encodingFlag('Form of a text', 'files'),
  field: fieldFlag('Form of a text'),
  format: option(z._default(z.enum(['text', 'json', 'jsonl']), 'text'), {
    flag: 'format',
    group: 'Output',
    help: 'json, jsonl: with log-probabilities and alternatives',
  }),
  alternatives: option(z._default(z.int().check(z.minimum(0), z.maximum(1000)), 5), {
    flag: 'alternatives',
    group: 'Output',
    help: 'number of alternatives listed for each symbol in JSON',
  }),
  echo: option(z._default(zeroOrOne(), 1), {
    flag: 'echo',
    group: 'Output',
    help: '0: leave out the prompt',
  }),
  primeFile: option(z.optional(z.string()), {
    flag: 'prime_file',
    group: 'Sampling',
    help: 'file with the prompt, - for standard input',
    value: 'FILE',
  }),
  verbose: option(z._default(zeroOrOne(), 1), {
    flag: 'verbose',
    group: 'Output',
    help: '0: only the text, no diagnostics',
    original: true,
  }),
  precision: precisionOption(),
  quantize: quantizeOption(),
  engine: engineOption(),
  threads: threadsOption(),
  gpu: gpuOption({ original: true }),
  opencl: openClFlag(),
});

export const sampleCommand: Command = {
  name: 'sample',
  usage: 'char-rnn sample [CHECKPOINT] [flags]',
  summary:
    'Writes text with a trained model: the text to standard output, messages to standard error.\nWithout CHECKPOINT: the example model, trained on Moby Dick, if there is no other model here.',
  flags: flagsOf(generateOptionsSchema, flagsSchema),
  wordsKey: 'checkpoint',
  examples: [
    'char-rnn sample cv --prompt "Call me " --length 300 --temp 0.7',
    'char-rnn sample cv --seed random --verbose 0 > sample.txt',
    'char-rnn sample cv --lines 1 --count 20 --unique --novel book.txt',
    'char-rnn sample cv --template "Dear ____, … Yours, ____"',
  ],
  takesRandomSeed: true,
  async run(input) {
    const [own, options] = splitValues(input.values, flagsSchema);
    const flags = checkOptions(flagsSchema, own);
    const { runSample } = await import('../run/sample.ts');
    return runSample(input, flags, options);
  },
};
