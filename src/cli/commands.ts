/** What each command is, and its flags: what help, the reference of flags and the parsers have in common. */
import { generateOptionsSchema } from '../sample/options.ts';
import { scoreOptionsSchema } from '../score/options.ts';
import { serverOptionsSchema } from '../server/options.ts';
import { trainingOptionsSchema } from '../train/options.ts';
import { type Flag, flagsOf } from './arguments/flag-table.ts';
import {
  compareFlagsSchema,
  completeFlagsSchema,
  convertFlagsSchema,
  doctorFlagsSchema,
  evalFlagsSchema,
  inspectFlagsSchema,
  lsFlagsSchema,
  sampleFlagsSchema,
  trainFlagsSchema,
} from './flags.ts';
import { serveFlagsSchema } from './serve-flags.ts';

export interface Command {
  readonly name: string;
  readonly usage: string;
  readonly summary: string;
  readonly flags: readonly Flag[];
  readonly examples: readonly string[];
  /** The key of a config file for words that are no flags; absent for a command without config files. */
  readonly wordsKey?: 'text' | 'checkpoint' | 'checkpoints';
  /** Words that are no flags before those that name a text; absent for a command without texts. */
  readonly wordsBeforeText?: number;
}

export const trainCommand: Command = {
  name: 'train',
  usage: 'char-rnn train [TEXT …] [flags]',
  summary:
    'Trains a model on TEXT: files, folders, or - for standard input.\nWithout TEXT: input.txt in --data-dir.',
  flags: flagsOf(trainFlagsSchema, trainingOptionsSchema),
  wordsBeforeText: 0,
  wordsKey: 'text',
  examples: [
    'char-rnn train book.txt',
    'char-rnn train book.txt --hidden 256 --dropout 0.3',
    'cat book.txt | char-rnn train - --max-iterations 500',
  ],
};

export const sampleCommand: Command = {
  name: 'sample',
  usage: 'char-rnn sample CHECKPOINT [flags]',
  summary:
    'Writes text with a trained model. Only the text goes to standard output, the rest to standard error.',
  flags: flagsOf(generateOptionsSchema, sampleFlagsSchema),
  wordsKey: 'checkpoint',
  examples: [
    'char-rnn sample cv --prompt "Call me " --length 300 --temp 0.7',
    'char-rnn sample cv --seed random --verbose 0 > sample.txt',
    'char-rnn sample cv --lines 1 --count 20 --unique --novel book.txt',
    'char-rnn sample cv --template "Dear ____, … Yours, ____"',
  ],
};

export const lsCommand: Command = {
  name: 'ls',
  usage: 'char-rnn ls [FOLDER …] [flags]',
  summary:
    'Lists runs and checkpoints with their losses, the best as LOSS@EPOCH, and names damaged files.\nWithout FOLDER: in this folder and those in it.',
  flags: flagsOf(lsFlagsSchema),
  examples: ['char-rnn ls', 'char-rnn ls cv --all', 'char-rnn ls --json'],
};

export const inspectCommand: Command = {
  name: 'inspect',
  usage: 'char-rnn inspect CHECKPOINT [flags]',
  summary:
    'Prints the contents of a model file of any known format: size, vocabulary, options, losses, tensors.',
  flags: flagsOf(inspectFlagsSchema),
  examples: [
    'char-rnn inspect cv/best.safetensors',
    'char-rnn inspect cv/best.safetensors --tensors',
    'char-rnn inspect cv/best.safetensors --json',
  ],
};

export const convertCommand: Command = {
  name: 'convert',
  usage: 'char-rnn convert IN OUT [flags]',
  summary:
    'Writes a model in another format. The content of IN and the name of OUT decide on the formats:\n' +
    ".safetensors (PyTorch), .onnx, .npz (NumPy), .t7 (the original), .json (torch-rnn's vocabulary).",
  flags: flagsOf(convertFlagsSchema),
  examples: [
    'char-rnn convert cv/best.safetensors model.onnx',
    'char-rnn convert cv/best.safetensors model.safetensors --to pytorch --as-module',
    'char-rnn convert cv/best.safetensors model.t7',
  ],
};

export const evalCommand: Command = {
  name: 'eval',
  usage: 'char-rnn eval CHECKPOINT [TEXT] [flags]',
  summary:
    "Measures how well a model predicts a text: nats and bits a character, perplexity.\nWithout TEXT: the held-out part of the checkpoint's own text.",
  flags: flagsOf(evalFlagsSchema, scoreOptionsSchema),
  wordsBeforeText: 1,
  examples: [
    'char-rnn eval cv/best.safetensors',
    'char-rnn eval cv/best.safetensors book.txt --rows 50',
    'char-rnn eval cv/best.safetensors book.txt --surprise | less -R',
  ],
};

export const compareCommand: Command = {
  name: 'compare',
  usage: 'char-rnn compare CHECKPOINT CHECKPOINT … TEXT [flags]',
  summary: 'Compares how well models predict a text, with confidence intervals (paired bootstrap, 95%).',
  flags: flagsOf(compareFlagsSchema, scoreOptionsSchema),
  examples: ['char-rnn compare cv/best.safetensors cv/last.safetensors book.txt'],
};

export const completeCommand: Command = {
  name: 'complete',
  usage: 'char-rnn complete CHECKPOINT [TEXT] [flags]',
  summary:
    'Shows the most likely words after TEXT; if TEXT ends within a word, the most likely endings of that word.',
  flags: flagsOf(completeFlagsSchema),
  examples: [
    'char-rnn complete cv/best.safetensors "To be or not t"',
    'char-rnn complete cv/best.safetensors "Call me " --count 20',
  ],
};

export const serveCommand: Command = {
  name: 'serve',
  usage: 'char-rnn serve [NAME=]CHECKPOINT … [flags]',
  summary:
    "Serves models over HTTP: OpenAI's completions and chats, scores, tokens, and a page at / to try them in a browser.\nEach model has the name of its file, or NAME.",
  flags: flagsOf(serveFlagsSchema, serverOptionsSchema),
  wordsKey: 'checkpoints',
  examples: [
    'char-rnn serve cv/best.safetensors',
    'char-rnn serve moby=cv/best.safetensors --watch --port 8000',
    `curl http://127.0.0.1:8080/v1/completions -H 'content-type: application/json' -d '{"prompt": "Call me ", "max_tokens": 200}'`,
  ],
};

export const doctorCommand: Command = {
  name: 'doctor',
  usage: 'char-rnn doctor [flags]',
  summary:
    'Shows what this machine can do, measures each engine with the default model, and explains how to get a faster one.',
  flags: flagsOf(doctorFlagsSchema),
  examples: ['char-rnn doctor', 'char-rnn doctor --seconds 2 --json'],
};

export const completionsCommand: Command = {
  name: 'completions',
  usage: 'char-rnn completions bash|zsh|fish',
  summary:
    'Prints a script that completes commands, flags and choices in a shell.\nIts first line says where to put it.',
  flags: [],
  examples: ['char-rnn completions bash', 'char-rnn completions zsh', 'char-rnn completions fish'],
};

export const buildNativeCommand: Command = {
  name: 'build-native',
  usage: 'char-rnn build-native',
  summary:
    'Compiles the native engine from the sources in this package. Needs a C++ compiler; takes about ten seconds.',
  flags: [],
  examples: ['char-rnn build-native'],
};

export const commands: readonly Command[] = [
  trainCommand,
  sampleCommand,
  lsCommand,
  inspectCommand,
  convertCommand,
  evalCommand,
  compareCommand,
  completeCommand,
  serveCommand,
  doctorCommand,
  completionsCommand,
  buildNativeCommand,
];
