/** `--try NAME=VALUES`: a parameter of a sweep. */
import { UsageError } from '../../errors.ts';
import type { GivenParameter } from '../../sweep/definition.ts';
import type { ParameterValue } from '../../sweep/space.ts';

const NUMBER = '[+-]?(?:\\d+\\.?\\d*|\\.\\d+)(?:[eE][+-]?\\d+)?';
const RANGE = new RegExp(`^(${NUMBER})\\.\\.(${NUMBER})(?::(\\w+))?$`);

/**
 * Parameters from `rnn-size=64,128` and `learning-rate=1e-4..2e-2:log`.
 *
 * @throws {UsageError} for another form
 */
export function triedParameters(words: readonly string[]): Record<string, GivenParameter> {
  const parameters: Record<string, GivenParameter> = {};
  for (const word of words) {
    const [, name = '', text = ''] = /^-{0,2}([^=]+)=(.+)$/s.exec(word) ?? [];
    if (name === '')
      throw new UsageError(
        `--try: got ${JSON.stringify(word)}, expected NAME=A,B,C or NAME=MIN..MAX, such as rnn-size=64,128`,
      );
    if (Object.hasOwn(parameters, name)) throw new UsageError(`--try: ${name} is given twice`);
    parameters[name] = parameterOf(name, text);
  }
  return parameters;
}

function parameterOf(name: string, text: string): GivenParameter {
  const [range, min, max, scale] = RANGE.exec(text) ?? [];
  if (range === undefined) {
    if (text.includes('..'))
      throw new UsageError(
        `--try ${name}: got the range ${text}, expected two numbers: 1e-4..2e-2 or 0..0.5`,
      );
    return { values: text.split(',').map(valueFrom) };
  }
  if (scale !== undefined && scale !== 'log')
    throw new UsageError(`--try ${name}: got :${scale} after the range, expected :log or nothing`);
  return { min: Number(min), max: Number(max), ...(scale && { distribution: 'log_uniform_values' }) };
}

function valueFrom(text: string): ParameterValue {
  if (new RegExp(`^${NUMBER}$`).test(text)) return Number(text);
  return text === 'true' || text === 'false' ? text === 'true' : text;
}
