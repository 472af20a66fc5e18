/** The options of the library that a request may set, and the names of their fields. */
import { FILTERS } from '../../sample/choice/filters.ts';

/** The fields whose names are not the option's name in snake case: they have OpenAI's names. */
const OPENAI_NAMES: Readonly<Record<string, string>> = { length: 'max_tokens', bias: 'logit_bias' };

/** The options of filters that have a field of the same type, in the order of the filters. */
export const CONTROL_OPTIONS = FILTERS.flatMap(({ requestOptions }) => requestOptions);

const REQUEST_OPTIONS = new Set([
  ...CONTROL_OPTIONS,
  'length',
  'bias',
  'stop',
  'seed',
  'unknown',
  'match',
  'template',
  'hold',
]);

/** The field that sets an option; undefined if there is none. */
export function fieldNameOf(option: string): string | undefined {
  if (!REQUEST_OPTIONS.has(option)) return undefined;
  return OPENAI_NAMES[option] ?? option.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
