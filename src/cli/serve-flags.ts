/** Flags that only `serve` has; limits come from the server's own schema. */
import * as z from 'zod/mini';
import { engineOption, threadsOption } from '../engine/options.ts';
import { listenOptions } from '../server/options.ts';
import { option } from '../util/option-info.ts';
import { configFlag } from './flags.ts';

export const serveFlagsSchema = z.strictObject({
  configFile: configFlag('{"port": 8000}'),
  ...listenOptions,
  watch: option(z._default(z.boolean(), false), {
    flag: 'watch',
    group: 'Serving',
    help: 'reload a checkpoint that is replaced on disk; running requests finish with the earlier one',
    common: true,
  }),
  drain: option(z._default(z.string().check(z.regex(/^\d{1,6}(\.\d{1,3})?[sm]?$/)), '10s'), {
    flag: 'drain',
    group: 'Serving',
    help: 'how long running requests may continue after a signal, in seconds (10s) or minutes (1m)',
    value: 'TIME',
    expected: 'seconds, such as 10s, or minutes, such as 1m',
    common: true,
  }),
  precision: option(z._default(z.enum(['float32', 'float64']), 'float32'), {
    flag: 'precision',
    group: 'Device',
    help: "precision to compute in, whatever the checkpoint's is",
  }),
  engine: engineOption(),
  threads: threadsOption(),
});

/** A time as it is typed, in seconds. */
export function secondsOf(time: string): number {
  return Number.parseFloat(time) * (time.endsWith('m') ? 60 : 1);
}
