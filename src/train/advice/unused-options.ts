/** Options that have no effect with the others. */
import type { OptionOrigins } from '../../util/option-origins.ts';
import type { WarningEvent } from '../events.ts';
import type { TrainingOptions } from '../options.ts';

/** What an option depends on: it is used only if the option `other` has this value; without a value, if it is above zero. */
interface Condition {
  readonly other: keyof TrainingOptions;
  readonly value?: string;
}

const CONDITIONS: { readonly [Name in keyof TrainingOptions]?: Condition } = {
  gruReset: { other: 'cell', value: 'gru' },
  dropoutMask: { other: 'dropout' },
  decayRate: { other: 'optimizer', value: 'rmsprop' },
  adamBeta1: { other: 'optimizer', value: 'adam' },
  adamBeta2: { other: 'optimizer', value: 'adam' },
  learningRateDecay: { other: 'schedule', value: 'original' },
  learningRateDecayAfter: { other: 'schedule', value: 'original' },
  averageDecay: { other: 'average', value: 'ema' },
  averageAfter: { other: 'average', value: 'triggered' },
  retries: { other: 'onExplosion', value: 'retry' },
};

/** Whether an option has an effect with the values of the others. */
export function isUsed(name: string, options: TrainingOptions): boolean {
  const condition = CONDITIONS[name as keyof TrainingOptions];
  if (!condition) return true;
  const { other, value } = condition;
  return value === undefined ? Number(options[other]) > 0 : options[other] === value;
}

/** A warning for each option that a flag, or an argument of the library, has set without effect. */
export function unusedOptions(options: TrainingOptions, origins: OptionOrigins): WarningEvent[] {
  const names = Object.keys(CONDITIONS) as (keyof TrainingOptions)[];
  return names
    .filter((name) => origins[name] === 'flag' && !isUsed(name, options))
    .map((name) => {
      const { other, value = 'above 0' } = CONDITIONS[name] as Condition;
      return {
        type: 'warning',
        code: 'option-unused',
        message: `\`${name}\` has no effect: it is used only with \`${other}\` ${value}, and this run has ${options[other]}.`,
      };
    });
}
