/** `char-rnn inspect`: its definition and flags. */
import * as z from 'zod/mini';
import { gpuOption } from '../../engine/options.ts';
import { checkOptions } from '../../util/check-options.ts';
import { option } from '../../util/option-info.ts';
import { flagsOf } from '../arguments/flag-table.ts';
import type { Command } from '../command.ts';
import { jsonFlag, openClFlag } from './shared-flags.ts';

const flagsSchema = z.strictObject({
  json: jsonFlag({ common: true }),
  tensors: option(z._default(z.boolean(), false), {
    flag: 'tensors',
    group: 'Output',
    help: 'also print each tensor: name, shape, minimum, maximum, mean, standard deviation and norm',
    common: true,
  }),
  units: option(z.optional(z.string()), {
    flag: 'units',
    group: 'Output',
    help: 'list the units that track something in a text, such as quotes or the position in the line; without FILE, the model writes a text',
    value: 'FILE',
    bareValue: '',
    common: true,
  }),
  gpu: gpuOption({ help: 'accepted as in the original; inspecting needs no GPU', original: true }),
  opencl: openClFlag(),
});

export const inspectCommand: Command = {
  name: 'inspect',
  usage: 'char-rnn inspect CHECKPOINT [flags]',
  summary:
    'Prints the contents of a model file of any known format: size, vocabulary, options, losses, tensors.',
  flags: flagsOf(flagsSchema),
  examples: [
    'char-rnn inspect cv/best.safetensors',
    'char-rnn inspect cv/best.safetensors --tensors',
    'char-rnn inspect cv/best.safetensors --units book.txt',
    'char-rnn inspect cv/best.safetensors --json',
  ],
  async run(input) {
    const flags = checkOptions(flagsSchema, input.values);
    const { runInspect } = await import('../run/inspect.ts');
    return runInspect(input, flags);
  },
};
