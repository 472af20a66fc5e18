/** What each command is, and its flags: what help, the reference of flags and the parsers have in common. */
import { generateOptionsSchema } from '../sample/options.ts';
import { trainingOptionsSchema } from '../train/options.ts';
import { type Flag, flagsOf } from './flag-table.ts';
import { doctorFlagsSchema, inspectFlagsSchema, sampleFlagsSchema, trainFlagsSchema } from './flags.ts';

export interface Command {
  readonly name: string;
  readonly usage: string;
  readonly summary: string;
  readonly flags: readonly Flag[];
  readonly examples: readonly string[];
}

export const trainCommand: Command = {
  name: 'train',
  usage: 'char-rnn train [TEXT] [flags]',
  summary:
    'Trains a model on TEXT: a file, a folder with input.txt, or - for standard input.\nWithout TEXT: input.txt in -data_dir.',
  flags: flagsOf(trainFlagsSchema, trainingOptionsSchema),
  examples: [
    'char-rnn train book.txt',
    'char-rnn train book.txt -rnn_size 256 -dropout 0.3',
    'cat *.md | char-rnn train - --max_iterations 500',
  ],
};

export const sampleCommand: Command = {
  name: 'sample',
  usage: 'char-rnn sample CHECKPOINT [flags]',
  summary:
    'Writes text with a trained model. Text alone goes to standard output, all else to standard error.',
  flags: flagsOf(generateOptionsSchema, sampleFlagsSchema),
  examples: [
    'char-rnn sample cv/lm_lstm_epoch10.00_1.5123.safetensors -temperature 0.7',
    'char-rnn sample MODEL -primetext "Call me " -length 300',
    'char-rnn sample MODEL --seed random -verbose 0 > sample.txt',
  ],
};

export const inspectCommand: Command = {
  name: 'inspect',
  usage: 'char-rnn inspect CHECKPOINT [flags]',
  summary: 'Prints what a checkpoint holds: options, size, vocabulary, losses by iteration.',
  flags: flagsOf(inspectFlagsSchema),
  examples: ['char-rnn inspect MODEL', 'char-rnn inspect MODEL --json'],
};

export const doctorCommand: Command = {
  name: 'doctor',
  usage: 'char-rnn doctor [flags]',
  summary:
    'Says what this machine can do, measures each engine at the default model, and how to get a faster one.',
  flags: flagsOf(doctorFlagsSchema),
  examples: ['char-rnn doctor', 'char-rnn doctor --seconds 2 --json'],
};

export const buildNativeCommand: Command = {
  name: 'build-native',
  usage: 'char-rnn build-native',
  summary:
    'Compiles the native engine from the sources in this package. Needs a C++ compiler; takes some ten seconds.',
  flags: [],
  examples: ['char-rnn build-native'],
};

export const commands: readonly Command[] = [
  trainCommand,
  sampleCommand,
  inspectCommand,
  doctorCommand,
  buildNativeCommand,
];
