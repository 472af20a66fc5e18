/** `char-rnn train`: its definition and flags. */
import * as z from 'zod/mini';
import { trainingOptionsSchema } from '../../train/options.ts';
import { checkOptions } from '../../util/check-options.ts';
import { SIZE } from '../../util/format.ts';
import { option } from '../../util/option-info.ts';
import { flagsOf } from '../arguments/flag-table.ts';
import { splitValues } from '../arguments/split-values.ts';
import type { Command } from '../command.ts';
import { configFlag, heldOutFlags, openClFlag, zeroOrOne } from './shared-flags.ts';

const flagsSchema = z.strictObject({
  configFile: configFlag('such as the run.json of a run (--preset may replace the defaults in it)'),
  dataDir: option(z._default(z.string(), 'data/tinyshakespeare'), {
    flag: 'data_dir',
    group: 'Text',
    help: 'folder with an input.txt; or name the text itself: train book.txt',
    value: 'FOLDER',
    original: true,
  }),
  include: option(z.optional(z.string().check(z.minLength(1))), {
    flag: 'include',
    group: 'Text',
    help: "which files to take from a folder, such as '*.txt'",
    value: 'PATTERN',
  }),
  strict: option(z._default(z.boolean(), false), {
    flag: 'strict',
    group: 'Text',
    help: 'treat files of a folder that are not text as an error; by default they are left out',
  }),
  memory: option(z.optional(z.string().check(z.regex(SIZE))), {
    flag: 'memory',
    group: 'Text',
    help: 'maximum memory for the text, such as 2GB; default: a quarter of what the machine or container has',
    value: 'SIZE',
    expected: 'a size such as 500MB or 2GB',
  }),
  ...heldOutFlags('a text to validate on; the run then trains on all of the main text', 'a text to test on'),
  initFrom: option(z.optional(z.string()), {
    flag: 'init_from',
    group: 'Training',
    help: 'checkpoint to take the initial weights from',
    value: 'FILE',
    original: true,
  }),
  resume: option(z.optional(z.string()), {
    flag: 'resume',
    group: 'Training',
    help: 'continue a run exactly where it stopped: from a checkpoint, from the newest one in a folder or, without FILE, the newest run here',
    value: '[FILE]',
    bareValue: '',
    common: true,
  }),
  checkpointDir: option(z._default(z.string().check(z.minLength(1)), 'cv'), {
    flag: 'checkpoint_dir',
    group: 'Output',
    help: 'folder for checkpoints, created if missing; if it has a run with this --savefile, FOLDER-2 and so on',
    value: 'FOLDER',
    original: true,
  }),
  tensorboardDir: option(z.optional(z.string().check(z.minLength(1))), {
    flag: 'tensorboard',
    group: 'Output',
    help: "folder for TensorBoard's event files; each run writes to a subfolder named after its --savefile",
    value: 'FOLDER',
  }),
  log: option(z._default(z.enum(['auto', 'plain']), 'auto'), {
    flag: 'log',
    group: 'Output',
    help: 'auto: live lines on a terminal; plain: the lines of the original',
  }),
  accurateGpuTiming: option(z._default(zeroOrOne(), 0), {
    flag: 'accurate_gpu_timing',
    group: 'Device',
    help: 'wait for each iteration to finish, for exact times; no effect on the CPU',
    original: true,
  }),
  opencl: openClFlag(),
});

export const trainCommand: Command = {
  name: 'train',
  usage: 'char-rnn train [TEXT …] [flags]',
  summary:
    'Trains a model on TEXT: files, folders, or - for standard input.\nWithout TEXT: input.txt in --data-dir.',
  flags: flagsOf(flagsSchema, trainingOptionsSchema),
  wordsBeforeText: 0,
  wordsKey: 'text',
  examples: [
    'char-rnn train book.txt',
    'char-rnn train book.txt --hidden 256 --dropout 0.3',
    'cat book.txt | char-rnn train - --max-iterations 500',
  ],
  async run(input) {
    const [own, options] = splitValues(input.values, flagsSchema);
    const flags = checkOptions(flagsSchema, own);
    const { runTrain } = await import('../run/train.ts');
    return runTrain(input, flags, options);
  },
};
