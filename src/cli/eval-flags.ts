/** The flags of `char-rnn eval`, checked. */
import { checkScoreOptions, scoreOptionsSchema } from '../score/options.ts';
import { checkOptions } from '../util/check-options.ts';
import { splitValues } from './arguments/split-values.ts';
import { evalFlagsSchema } from './flags.ts';

export type EvalFlags = ReturnType<typeof evalFlags>;

/** @throws {OptionError} */
export function evalFlags(values: Readonly<Record<string, unknown>>) {
  const [score, own] = splitValues(values, scoreOptionsSchema);
  const flags = checkOptions(evalFlagsSchema, own);
  return {
    ...flags,
    ...checkScoreOptions(score),
  };
}
