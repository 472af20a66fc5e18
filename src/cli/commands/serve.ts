/** `char-rnn serve`: its definition and flags. */
import * as z from 'zod/mini';
import { engineOption, gpuOption, quantizeOption, threadsOption } from '../../engine/options.ts';
import { listenOptions, serverOptionsSchema } from '../../server/options.ts';
import { checkOptions } from '../../util/check-options.ts';
import { option } from '../../util/option-info.ts';
import { flagsOf } from '../arguments/flag-table.ts';
import { splitValues } from '../arguments/split-values.ts';
import type { Command } from '../command.ts';
import { configFlag, openClFlag } from './shared-flags.ts';

const flagsSchema = z.strictObject({
  configFile: configFlag('{"port": 8000}'),
  ...listenOptions,
  watch: option(z._default(z.boolean(), false), {
    flag: 'watch',
    group: 'Serving',
    help: 'reload a checkpoint when its file is replaced; running requests finish with the earlier one',
    common: true,
  }),
  drain: option(z._default(z.string().check(z.regex(/^\d{1,6}(\.\d{1,3})?[sm]?$/)), '10s'), {
    flag: 'drain',
    group: 'Serving',
    help: 'how long running requests may continue after a signal: seconds, such as 10s, or minutes, such as 1m',
    value: 'TIME',
    expected: 'seconds, such as 10s, or minutes, such as 1m',
    common: true,
  }),
  precision: option(z._default(z.enum(['float32', 'float64']), 'float32'), {
    flag: 'precision',
    group: 'Device',
    help: "precision to compute in, whatever the checkpoint's is",
  }),
  quantize: quantizeOption(),
  engine: engineOption(),
  gpu: gpuOption(),
  opencl: openClFlag(false),
  threads: threadsOption(),
});

export const serveCommand: Command = {
  name: 'serve',
  usage: 'char-rnn serve [[NAME=]CHECKPOINT …] [flags]',
  summary:
    "Serves models over HTTP: OpenAI's completions and chats, scores, tokens, and a page at / to try them in a browser.\nClients call a model by NAME; default: the name of its file. Without CHECKPOINT: the example model, if there is no other model here.",
  flags: flagsOf(flagsSchema, serverOptionsSchema),
  wordsKey: 'checkpoints',
  examples: [
    'char-rnn serve cv/best.safetensors',
    'char-rnn serve moby=cv/best.safetensors --watch --port 8000',
    `curl http://127.0.0.1:8080/v1/completions -H 'content-type: application/json' -d '{"prompt": "Call me ", "max_tokens": 200}'`,
  ],
  async run(input) {
    const [own, options] = splitValues(input.values, flagsSchema);
    const flags = checkOptions(flagsSchema, own);
    const { runServe } = await import('../run/serve.ts');
    return runServe(input, flags, options);
  },
};
