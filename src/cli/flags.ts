/** Flags that only the command line has: files, devices, output. The others come from the library's schemas. */
import * as z from 'zod/mini';
import { engineOption, precisionOption, threadsOption } from '../engine/options.ts';
import { EXPORT_FORMATS } from '../formats/export.ts';
import { FORMAT_NAMES } from '../formats/open.ts';
import { SIZE } from '../util/format.ts';
import { count, type OptionGroup, type OptionInfo, option, seed } from '../util/option-info.ts';

const zeroOrOne = () => z.int().check(z.minimum(0), z.maximum(1));

/** Typed on every command of the original; there is no GPU engine yet. */
const deviceFlags = {
  gpuid: () =>
    option(z._default(z.int().check(z.minimum(-1)), 0), {
      flag: 'gpuid',
      group: 'Device',
      help: 'GPU to use, -1 for the CPU; there is no GPU engine yet: everything runs on the CPU',
      original: true,
    }),
  opencl: () =>
    option(z._default(zeroOrOne(), 0), {
      flag: 'opencl',
      group: 'Device',
      help: 'OpenCL instead of CUDA; see --gpuid',
      original: true,
    }),
};

/** Texts that are held out. */
function heldOutFlags(validHelp: string, testHelp: string) {
  return {
    validation: option(z.optional(z.string()), {
      flag: 'valid',
      group: 'Text',
      help: validHelp,
      value: 'FILE',
    }),
    test: option(z.optional(z.string()), { flag: 'test', group: 'Text', help: testHelp, value: 'FILE' }),
  };
}

export const configFlag = (example: string) =>
  option(z.optional(z.string().check(z.minLength(1))), {
    flag: 'config',
    group: 'Output',
    help: `JSON file with options, ${example}; flags override it`,
    value: 'FILE',
  });

export const trainFlagsSchema = z.strictObject({
  configFile: configFlag('such as the run.json of a run'),
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
    help: 'limit for the memory of the text, such as 2GB; default: a quarter of the memory',
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
    help: 'continue a run exactly where it stopped: a checkpoint, or a folder for its newest one; without FILE the newest run here',
    value: '[FILE]',
    bareValue: '',
    common: true,
  }),
  checkpointDir: option(z._default(z.string().check(z.minLength(1)), 'cv'), {
    flag: 'checkpoint_dir',
    group: 'Output',
    help: 'folder for checkpoints, created if missing; FOLDER-2 and so on if it has a run with this savefile',
    value: 'FOLDER',
    original: true,
  }),
  tensorboardDir: option(z.optional(z.string().check(z.minLength(1))), {
    flag: 'tensorboard',
    group: 'Output',
    help: "folder for TensorBoard's event files; each run writes to a subfolder named after its savefile",
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
  gpuid: deviceFlags.gpuid(),
  opencl: deviceFlags.opencl(),
});

/** Of commands that read a text for a model. */
const encodingFlag = (group: OptionGroup, texts: string) =>
  option(z.optional(z.string().check(z.minLength(1))), {
    flag: 'encoding',
    group,
    help: `encoding of ${texts}, such as windows-1252; default: detected`,
    value: 'NAME',
    expected: 'auto or the name of an encoding',
  });

const fieldFlag = (group: OptionGroup) =>
  option(z.optional(z.string().check(z.minLength(1), z.maxLength(1000))), {
    flag: 'field',
    group,
    help: 'the column of a CSV, or field of JSON lines, whose values are the documents',
    value: 'NAME',
    expected: 'a name of 1 to 1000 characters',
  });

export const sampleFlagsSchema = z.strictObject({
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
    group: 'Form',
    help: 'leave out repeated samples',
  }),
  novel: option(z.optional(z.string()), {
    flag: 'novel',
    group: 'Form',
    help: 'leave out samples that occur in this text',
    value: 'FILE',
  }),
  encoding: encodingFlag('Form', 'files'),
  field: fieldFlag('Form'),
  format: option(z._default(z.enum(['text', 'json', 'jsonl']), 'text'), {
    flag: 'format',
    group: 'Output',
    help: 'json, jsonl: with log-probabilities and more',
  }),
  alternatives: option(z._default(z.int().check(z.minimum(0), z.maximum(1000)), 5), {
    flag: 'alternatives',
    group: 'Output',
    help: 'alternatives to list for each symbol in JSON',
  }),
  echo: option(z._default(zeroOrOne(), 1), {
    flag: 'echo',
    group: 'Output',
    help: '0: without the prime text',
  }),
  primeFile: option(z.optional(z.string()), {
    flag: 'prime_file',
    group: 'Sampling',
    help: 'file with the prime text, - for standard input',
    value: 'FILE',
  }),
  verbose: option(z._default(zeroOrOne(), 1), {
    flag: 'verbose',
    group: 'Output',
    help: '0: only the text, no diagnostics',
    original: true,
  }),
  precision: precisionOption(),
  engine: engineOption(),
  threads: threadsOption(),
  gpuid: deviceFlags.gpuid(),
  opencl: deviceFlags.opencl(),
});

const jsonFlag = (more: Partial<OptionInfo> = {}) =>
  option(z._default(z.boolean(), false), {
    flag: 'json',
    group: 'Output',
    help: 'print JSON, for programs',
    ...more,
  });

export const lsFlagsSchema = z.strictObject({
  all: option(z._default(z.boolean(), false), {
    flag: 'all',
    group: 'Output',
    help: 'also list each checkpoint of a run',
    common: true,
  }),
  json: jsonFlag({ common: true }),
});

export const inspectFlagsSchema = z.strictObject({
  json: jsonFlag({ common: true }),
  tensors: option(z._default(z.boolean(), false), {
    flag: 'tensors',
    group: 'Output',
    help: 'also print each tensor: name, shape, minimum, maximum, mean, standard deviation and norm',
    common: true,
  }),
  gpuid: deviceFlags.gpuid(),
  opencl: deviceFlags.opencl(),
});

export const doctorFlagsSchema = z.strictObject({
  seconds: option(z._default(z.number().check(z.gt(0), z.maximum(600)), 10), {
    flag: 'seconds',
    group: 'Output',
    help: 'how long each engine is measured',
    common: true,
  }),
  json: jsonFlag({ common: true }),
});

const documentsFlag = () =>
  option(z.optional(z.string().check(z.minLength(1))), {
    flag: 'separator',
    escapes: true,
    group: 'Text',
    help: 'what ends a document (\\n: a line end): each is scored separately, from the zero state',
    value: 'TEXT',
  });

export const evalFlagsSchema = z.strictObject({
  part: option(z.optional(z.enum(['train', 'val', 'test', 'all'])), {
    flag: 'part',
    group: 'Scoring',
    help: "a split of the checkpoint's own text, batched as in training, or all of a text; default: val for its own text, all for another",
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
  dynamic: option(z._default(z.boolean(), false), {
    flag: 'dynamic',
    group: 'Scoring',
    help: 'also evaluate dynamically: the weights adapt to the text as it is read; a separate figure',
    common: true,
  }),
  dynamicRate: option(z._default(z.number().check(z.gt(0)), 3e-4), {
    flag: 'dynamic_rate',
    group: 'Scoring',
    help: 'step size of --dynamic',
  }),
  separator: documentsFlag(),
  encoding: encodingFlag('Text', 'the texts'),
  field: fieldFlag('Text'),
  json: jsonFlag(),
  precision: precisionOption(),
  engine: engineOption(),
  threads: threadsOption(),
});

export const compareFlagsSchema = z.strictObject({
  encoding: encodingFlag('Text', 'the texts'),
  field: fieldFlag('Text'),
  seed: option(z._default(seed(), 123), {
    flag: 'seed',
    group: 'Scoring',
    help: 'seed of the bootstrap',
  }),
  json: jsonFlag(),
  engine: engineOption(),
  threads: threadsOption(),
  precision: precisionOption(),
});

export const completeFlagsSchema = z.strictObject({
  count: option(z._default(z.int().check(z.minimum(1), z.maximum(1000)), 10), {
    flag: 'count',
    group: 'Output',
    help: 'words to show',
    common: true,
  }),
  unknown: option(z._default(z.enum(['auto', 'error', 'skip', 'nearest']), 'auto'), {
    flag: 'unknown',
    group: 'Text',
    help: 'unknown characters of the text; auto: the nearest known one, else an error',
  }),
  json: jsonFlag(),
  engine: engineOption(),
  threads: threadsOption(),
});

export const convertFlagsSchema = z.strictObject({
  from: option(z.optional(z.enum(FORMAT_NAMES)), {
    flag: 'from',
    group: 'Text',
    help: 'format of IN; default: detected from its content',
  }),
  to: option(z.optional(z.enum(EXPORT_FORMATS)), {
    flag: 'to',
    group: 'Output',
    help: 'format of OUT; default: from its name. pytorch: safetensors that nn.LSTM, nn.GRU or nn.RNN loads',
    common: true,
  }),
  asModule: option(z._default(z.boolean(), false), {
    flag: 'as_module',
    group: 'Output',
    help: 'also write a Python module, OUT with .py, that computes the model with PyTorch',
    common: true,
  }),
  weights: option(z.optional(z.enum(['npz'])), {
    flag: 'weights',
    group: 'Output',
    help: 'also write the weights for NumPy, as OUT with .npz',
  }),
  precision: option(z.optional(z.enum(['float32', 'float64'])), {
    flag: 'precision',
    group: 'Output',
    help: "numbers in OUT; default: the model's own, float32 for ONNX. A .t7 file always has float64",
  }),
  json: jsonFlag(),
  force: option(z._default(z.boolean(), false), {
    flag: 'force',
    group: 'Output',
    help: 'replace files that exist',
  }),
});
