/** `char-rnn eval`: its definition and flags. */
import * as z from 'zod/mini';
import {
  engineOption,
  gpuOption,
  precisionOption,
  quantizeOption,
  threadsOption,
} from '../../engine/options.ts';
import { checkTextScoreOptions, textScoreOptionsSchema } from '../../score/options.ts';
import { checkOptions } from '../../util/check-options.ts';
import { option } from '../../util/option-info.ts';
import { flagsOf } from '../arguments/flag-table.ts';
import { splitValues } from '../arguments/split-values.ts';
import type { Command } from '../command.ts';
import { encodingFlag, fieldFlag, heldOutFlags, jsonFlag, openClFlag } from './shared-flags.ts';

const flagsSchema = z.strictObject({
  part: option(z.optional(z.enum(['train', 'val', 'test', 'all'])), {
    flag: 'part',
    group: 'Scoring',
    help: "train, val, test: a split of the checkpoint's own text, in batches as in training; all: the whole of TEXT; default: val, or all if there is a TEXT",
    common: true,
  }),
  ...heldOutFlags(
    "where the run's validation text is now, for --part val",
    "where the run's test text is now, for --part test",
  ),
  surprise: option(z._default(z.boolean(), false), {
    flag: 'surprise',
    group: 'Output',
    help: 'print the text coloured by how unexpected each character is, and the twenty most surprising places',
    common: true,
  }),
  unit: option(z.optional(z.string().check(z.minLength(1))), {
    flag: 'unit',
    group: 'Output',
    help: 'print the text coloured by the values of a unit, such as 2.57: unit 57 of layer 2, as inspect --units lists them',
    value: 'LAYER.UNIT',
  }),
  baseline: option(z._default(z.boolean(), false), {
    flag: 'baseline',
    group: 'Scoring',
    help: "with --part val or test: also print the loss of a count model of order 5, fitted to the run's training split",
  }),
  fitTemperature: option(z._default(z.boolean(), false), {
    flag: 'fit_temperature',
    group: 'Scoring',
    help: "find the temperature at which the loss on the run's validation split is lowest, and also print the loss at this temperature",
  }),
  statisticsText: option(z.optional(z.string()), {
    flag: 'statistics_text',
    group: 'Scoring',
    help: "training text to measure the statistics of --dynamic on; default: those in the checkpoint, else the checkpoint's own training text",
    value: 'FILE',
  }),
  saveStatistics: option(z._default(z.boolean(), false), {
    flag: 'save_statistics',
    group: 'Scoring',
    help: 'store the statistics of --dynamic in the checkpoint, so that they need not be measured again; nothing else in it changes',
  }),
  separator: option(z.optional(z.string()), {
    flag: 'separator',
    escapes: true,
    group: 'Text',
    help: 'text that ends a document (\\n: a line end); each document is scored separately, starting with an empty memory; default: as in training; an empty TEXT: none',
    value: 'TEXT',
  }),
  encoding: encodingFlag('Text', 'the texts'),
  field: fieldFlag('Text'),
  json: jsonFlag(),
  precision: precisionOption(),
  quantize: quantizeOption(),
  engine: engineOption(),
  gpu: gpuOption(),
  opencl: openClFlag(false),
  threads: threadsOption(),
});

export const evalCommand: Command = {
  name: 'eval',
  usage: 'char-rnn eval CHECKPOINT [TEXT] [flags]',
  summary:
    "Measures how well a model predicts a text: nats and bits per character, perplexity.\nWithout TEXT: the held-out part of the checkpoint's own text.",
  flags: flagsOf(flagsSchema, textScoreOptionsSchema),
  wordsBeforeText: 1,
  examples: [
    'char-rnn eval cv/best.safetensors',
    'char-rnn eval cv/best.safetensors book.txt --rows 50',
    'char-rnn eval cv/best.safetensors book.txt --surprise | less -R',
  ],
  async run(input) {
    const [own, options] = splitValues(input.values, flagsSchema);
    const flags = { ...checkOptions(flagsSchema, own), ...checkTextScoreOptions(options) };
    const { runEval } = await import('../run/eval.ts');
    return runEval(input, flags);
  },
};
