/** A sampling filter: a step between the model's prediction and the draw. `filters.ts` has the table of all filters. */
import type * as z from 'zod/mini';
import type { Candidates } from '../../engine/candidates.ts';
import type { Constraint } from '../form/constraint.ts';
import type { RecentTokens } from './recent-tokens.ts';

/** A filter applied to one sequence. */
export interface FilterStep {
  /** Changes the candidates that the earlier filters left. */
  apply(candidates: Candidates): void;
  /** Called with the token that was chosen. */
  chosen?(token: number, candidates: Candidates): void;
}

/** The settings of a sequence that are not options. */
export interface SequenceSettings {
  readonly vocabularySize: number;
  /** [V], added to the log-probabilities; −∞ for a token that must never be drawn. Undefined if all would be zero. */
  readonly logitBias: Float64Array | undefined;
  /** The tokens in the penalty window; undefined without penalties. */
  readonly recent: RecentTokens | undefined;
  /** The form that the text must have. */
  readonly constraint: Constraint | undefined;
}

/** All that a filter needs to know about a sequence: the settings above and the values of its options. */
export type SettingsOf<Options extends z.core.$ZodShape> = SequenceSettings & {
  readonly [Name in keyof Options]: z.output<Options[Name]>;
};

export interface Filter<Options extends z.core.$ZodShape, Settings = SettingsOf<Options>> {
  /** The name in the list of docs/sampling.md, in lower case. */
  readonly name: string;
  /** Its part of the options' schema. */
  readonly options: Options;
  /** The options that an HTTP request may set; `server/openai/control-fields.ts` makes fields of them. */
  readonly requestOptions: readonly (keyof Options & string)[];
  /** The settings that switch it off: it is active if one of them has another value. Engines list the controls they can apply by these names. */
  readonly off: Partial<NoInfer<Settings>>;
  /**
   * What it changes. Filters of log-probabilities are always applied, filters of weights only if a token is drawn, which is not the case
   * at temperature 0.
   */
  readonly changes: 'log-probabilities' | 'weights';
  /** Whether beam search applies it. If not, the two can't be combined. */
  readonly isForBeam: boolean;
  /** Makes the step for a sequence for which the filter is active. */
  begin(settings: NoInfer<Settings>): FilterStep;
}

interface Switch {
  readonly off: object;
}

/** Whether the settings make a filter active. */
export function isActive(filter: Switch, settings: object): boolean {
  return activeSettings(filter, settings).length > 0;
}

/** The names of the settings that make a filter active. */
export function activeSettings({ off }: Switch, settings: object): string[] {
  const values = settings as Readonly<Record<string, unknown>>;
  return Object.entries(off).flatMap(([name, value]) => (values[name] === value ? [] : [name]));
}
