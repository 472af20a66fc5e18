/** `char-rnn complete`: its definition and flags. */
import * as z from 'zod/mini';
import { engineOption, gpuOption, threadsOption } from '../../engine/options.ts';
import { checkOptions } from '../../util/check-options.ts';
import { option } from '../../util/option-info.ts';
import { flagsOf } from '../arguments/flag-table.ts';
import type { Command } from '../command.ts';
import { jsonFlag, openClFlag } from './shared-flags.ts';

const flagsSchema = z.strictObject({
  count: option(z._default(z.int().check(z.minimum(1), z.maximum(1000)), 10), {
    flag: 'count',
    group: 'Output',
    help: 'words to show',
    common: true,
  }),
  unknown: option(z._default(z.enum(['auto', 'error', 'skip', 'nearest']), 'auto'), {
    flag: 'unknown',
    group: 'Text',
    help: 'what to do with characters of TEXT that the model does not know; auto: take the nearest known one, or stop with an error',
  }),
  json: jsonFlag(),
  engine: engineOption(),
  gpu: gpuOption(),
  opencl: openClFlag(false),
  threads: threadsOption(),
});

export const completeCommand: Command = {
  name: 'complete',
  usage: 'char-rnn complete CHECKPOINT [TEXT] [flags]',
  summary:
    'Shows the most likely words after TEXT; if TEXT ends within a word, the most likely endings of that word.',
  flags: flagsOf(flagsSchema),
  examples: [
    'char-rnn complete cv/best.safetensors "To be or not t"',
    'char-rnn complete cv/best.safetensors "Call me " --count 20',
  ],
  async run(input) {
    const flags = checkOptions(flagsSchema, input.values);
    const { runComplete } = await import('../run/complete.ts');
    return runComplete(input, flags);
  },
};
