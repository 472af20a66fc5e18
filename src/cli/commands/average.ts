/** `char-rnn average`: its definition and flags. */
import * as z from 'zod/mini';
import { STORED_PRECISIONS } from '../../checkpoint/stored-precision.ts';
import { MODEL_FORMATS } from '../../formats/format-names.ts';
import { checkOptions } from '../../util/check-options.ts';
import { option } from '../../util/option-info.ts';
import { flagsOf } from '../arguments/flag-table.ts';
import type { Command } from '../command.ts';
import { jsonFlag } from './shared-flags.ts';

const flagsSchema = z.strictObject({
  out: option(z.optional(z.string().check(z.minLength(1))), {
    flag: 'out',
    aliases: ['o'],
    group: 'Output',
    help: 'the file to write',
    value: 'OUT',
    common: true,
  }),
  to: option(z.optional(z.enum(MODEL_FORMATS)), {
    flag: 'to',
    group: 'Output',
    help: 'format of OUT; default: from its name',
  }),
  precision: option(z.optional(z.enum(STORED_PRECISIONS)), {
    flag: 'precision',
    group: 'Output',
    help: "precision of the numbers in OUT; float16 and bfloat16 halve its size; default: the models' own, float32 for ONNX",
  }),
  json: jsonFlag(),
  force: option(z._default(z.boolean(), false), {
    flag: 'force',
    group: 'Output',
    help: 'replace OUT if it exists',
  }),
});

export const averageCommand: Command = {
  name: 'average',
  usage: 'char-rnn average CHECKPOINT CHECKPOINT … -o OUT [flags]',
  summary:
    'Makes one model of several checkpoints: each parameter is the mean over the checkpoints.\n' +
    'The checkpoints must be of the same model; late checkpoints of one run give the best results.',
  flags: flagsOf(flagsSchema),
  examples: [
    'char-rnn average cv/best.safetensors cv/last.safetensors -o average.safetensors',
    'char-rnn average cv/lm_*.safetensors -o small.safetensors --precision float16',
  ],
  async run(input) {
    const flags = checkOptions(flagsSchema, input.values);
    const { runAverage } = await import('../run/average.ts');
    return runAverage(input, flags);
  },
};
