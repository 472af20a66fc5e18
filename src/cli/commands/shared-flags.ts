/** Flags that several commands have. Those of the engine, except the original's `-opencl`, are in `engine/options.ts`. */
import * as z from 'zod/mini';
import { type OptionGroup, type OptionInfo, option } from '../../util/option-info.ts';

/** A switch as in the original, which has 0 and 1 instead of true and false. */
export const zeroOrOne = () => z.int().check(z.minimum(0), z.maximum(1));

/** @param isOriginal Whether the original's command has it. */
export const openClFlag = (isOriginal = true) =>
  option(z._default(zeroOrOne(), 0), {
    flag: 'opencl',
    group: 'Device',
    help: 'the same as --gpuid 0, unless --gpuid names another; there is one engine for all GPUs',
    ...(isOriginal && { original: true }),
  });

/** Files with held-out texts. */
export const heldOutFlags = (validHelp: string, testHelp: string) => ({
  validation: option(z.optional(z.string()), {
    flag: 'valid',
    group: 'Text',
    help: validHelp,
    value: 'FILE',
  }),
  test: option(z.optional(z.string()), { flag: 'test', group: 'Text', help: testHelp, value: 'FILE' }),
});

export const configFlag = (example: string) =>
  option(z.optional(z.string().check(z.minLength(1))), {
    flag: 'config',
    group: 'Output',
    help: `JSON file with options, ${example}; flags override it`,
    value: 'FILE',
  });

export const encodingFlag = (group: OptionGroup, texts: string) =>
  option(z.optional(z.string().check(z.minLength(1))), {
    flag: 'encoding',
    group,
    help: `encoding of ${texts}, such as windows-1252; default: detected`,
    value: 'NAME',
    expected: 'auto or the name of an encoding',
  });

export const fieldFlag = (group: OptionGroup) =>
  option(z.optional(z.string().check(z.minLength(1), z.maxLength(1000))), {
    flag: 'field',
    group,
    help: 'the column of a CSV, or field of JSON lines, whose values are the documents',
    value: 'NAME',
    expected: 'a name of 1 to 1000 characters',
  });

export const jsonFlag = (more: Partial<OptionInfo> = {}) =>
  option(z._default(z.boolean(), false), {
    flag: 'json',
    group: 'Output',
    help: 'print JSON, for programs',
    ...more,
  });
