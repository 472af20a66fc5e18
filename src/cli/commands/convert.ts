/** `char-rnn convert`: its definition and flags. */
import * as z from 'zod/mini';
import { STORED_PRECISIONS } from '../../checkpoint/stored-precision.ts';
import { EXPORT_FORMATS, FORMAT_NAMES } from '../../formats/format-names.ts';
import { checkOptions } from '../../util/check-options.ts';
import { option } from '../../util/option-info.ts';
import { flagsOf } from '../arguments/flag-table.ts';
import type { Command } from '../command.ts';
import { jsonFlag } from './shared-flags.ts';

const flagsSchema = z.strictObject({
  from: option(z.optional(z.enum(FORMAT_NAMES)), {
    flag: 'from',
    group: 'Input',
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
  precision: option(z.optional(z.enum(STORED_PRECISIONS)), {
    flag: 'precision',
    group: 'Output',
    help: 'precision of the numbers in OUT; float16 and bfloat16 halve its size; default: as in IN, float32 for ONNX; .t7 always has float64',
  }),
  quantize: option(z.optional(z.enum(['int8', 'none'])), {
    flag: 'quantize',
    group: 'Output',
    help: 'int8: store 8-bit weights, in a quarter of the size (only safetensors); none: store floats; default: as in IN',
  }),
  json: jsonFlag(),
  force: option(z._default(z.boolean(), false), {
    flag: 'force',
    group: 'Output',
    help: 'replace files that exist',
  }),
});

export const convertCommand: Command = {
  name: 'convert',
  usage: 'char-rnn convert IN OUT [flags]',
  summary:
    'Converts a model. The format of IN is detected; the name of OUT decides what is written:\n' +
    ".safetensors (PyTorch), .onnx, .npz (NumPy), .t7 (the original), .json (torch-rnn's vocabulary).",
  flags: flagsOf(flagsSchema),
  examples: [
    'char-rnn convert cv/best.safetensors model.onnx',
    'char-rnn convert cv/best.safetensors model.safetensors --to pytorch --as-module',
    'char-rnn convert cv/best.safetensors small.safetensors --precision float16',
    'char-rnn convert cv/best.safetensors smaller.safetensors --quantize int8',
    'char-rnn convert cv/best.safetensors model.t7',
  ],
  async run(input) {
    const flags = checkOptions(flagsSchema, input.values);
    const { runConvert } = await import('../run/convert.ts');
    return runConvert(input, flags);
  },
};
