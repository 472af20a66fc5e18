/** The options that choose an engine, shared by several schemas. */
import * as z from 'zod/mini';
import { type OptionInfo, option } from '../util/option-info.ts';
import { ENGINE_NAMES, MAX_GPU, MAX_THREADS } from './names.ts';

export const engineOption = () =>
  option(z._default(z.enum(ENGINE_NAMES), 'auto'), {
    flag: 'engine',
    group: 'Device',
    help: `${ENGINE_NAMES.slice(0, -1).join(', ')} or ${ENGINE_NAMES.at(-1)}; auto: the fastest on this CPU; webgpu needs a GPU`,
    value: 'NAME',
  });

/** The original's default is GPU 0, or the CPU if it can't be used. Ours is the CPU, because its bits are the same everywhere. */
export const gpuOption = (more: Partial<OptionInfo> = {}) =>
  option(z.optional(z.int().check(z.minimum(-1), z.maximum(MAX_GPU))), {
    flag: 'gpuid',
    group: 'Device',
    help: 'number of the GPU to use, as in doctor; if it does not work, the CPU is used; -1, the default: the CPU',
    ...more,
  });

export const precisionOption = () =>
  option(z.optional(z.enum(['float32', 'float64'])), {
    flag: 'precision',
    group: 'Device',
    help: "precision to compute in; default: the checkpoint's own",
  });

export const quantizeOption = () =>
  option(z.optional(z.enum(['int8', 'none'])), {
    flag: 'quantize',
    group: 'Device',
    help: 'int8: compute with 8-bit weights, in a quarter of the memory; none: with floats; default: as in the file',
  });

export const threadsOption = () =>
  option(z.optional(z.int().check(z.minimum(1), z.maximum(MAX_THREADS))), {
    flag: 'threads',
    group: 'Device',
    help: 'threads of the engine; default: all that this process may use',
  });
