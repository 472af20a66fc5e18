/** The options that choose an engine, shared by several schemas. */
import * as z from 'zod/mini';
import { option } from '../util/option-info.ts';
import { ENGINE_NAMES, MAX_THREADS } from './names.ts';

export const engineOption = () =>
  option(z._default(z.enum(ENGINE_NAMES), 'auto'), {
    flag: 'engine',
    group: 'Device',
    help: 'the compute engine; auto takes the fastest that works here',
  });

export const precisionOption = () =>
  option(z.optional(z.enum(['float32', 'float64'])), {
    flag: 'precision',
    group: 'Device',
    help: "precision to compute in; default: the checkpoint's own",
  });

export const threadsOption = () =>
  option(z.optional(z.int().check(z.minimum(1), z.maximum(MAX_THREADS))), {
    flag: 'threads',
    group: 'Device',
    help: 'threads of the engine; default: all that this process may use',
  });
