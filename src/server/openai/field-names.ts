/** Which options of the library a request may set, and the names of their fields. */
import { FILTERS } from '../../sample/choice/filters.ts';

/** OpenAI's names where they are not the option's own in snake case. */
const OPENAI_NAMES: Readonly<Record<string, string>> = { length: 'max_tokens', bias: 'logit_bias' };

/** Options of the filters that have a field of their type, in the filters' order. */
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
]);

/** The field of an option; undefined where requests have none. */
export function fieldNameOf(option: string): string | undefined {
  if (!REQUEST_OPTIONS.has(option)) return undefined;
  return OPENAI_NAMES[option] ?? option.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
