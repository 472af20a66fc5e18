/** Facts about options, from their schemas: for forms. */
import { generateOptionsSchema } from './sample/options.ts';
import { trainingOptionsSchema } from './train/options.ts';
import { describeType } from './util/check-options.ts';
import { infoOf } from './util/option-info.ts';

/** What a form needs to know about an option. */
export interface OptionFacts {
  /** Its name in the library. */
  readonly name: string;
  /** Its flag on the command line: `--rnn-size`. */
  readonly flag: string;
  /** The heading that help lists it under. */
  readonly group: string;
  readonly help: string;
  readonly kind: 'number' | 'integer' | 'string' | 'boolean' | 'choice';
  readonly choices: readonly string[];
  /** What a value must be: `a whole number from 1 to 10`. */
  readonly expected: string;
  readonly defaultValue: string | number | boolean | undefined;
  /** Whether it is one of the few that people use most. */
  readonly common: boolean;
  /** Whether the command line reads escapes such as `\n` and `\t` in its value. In the library, the value has the characters themselves. */
  readonly escapes: boolean;
}

const SCHEMAS = { training: trainingOptionsSchema, sampling: generateOptionsSchema } as const;

/** The options of `train`, or of `generate`, in the order of the command line's help. */
export function optionFacts(of: keyof typeof SCHEMAS): OptionFacts[] {
  return Object.entries(SCHEMAS[of].shape).map(([name, type]) => {
    const info = infoOf(type);
    const { kind, choices = [], expected, defaultValue } = describeType(type);
    return {
      ...{ name, kind, choices, help: info.help, group: info.group, common: info.common === true },
      escapes: info.escapes === true,
      flag: `--${info.flag.replaceAll('_', '-')}`,
      expected: info.expected ?? expected,
      defaultValue: defaultValue as OptionFacts['defaultValue'],
    };
  });
}
