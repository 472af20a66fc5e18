/** What a sampling filter is: one of the steps between a prediction and a draw. The table of them is in `filters.ts`. */
import type * as z from 'zod/mini';
import type { Candidates } from '../../engine/candidates.ts';
import type { Constraint } from '../form/constraint.ts';
import type { RecentTokens } from './recent-tokens.ts';

/** A filter at work on one sequence. */
export interface FilterStep {
  /** Changes what the filters before it have left. */
  apply(candidates: Candidates): void;
  /** Takes note of the token that was chosen. */
  chosen?(token: number, candidates: Candidates): void;
}

/** What filters take of a sequence beside the options. */
export interface SequenceSettings {
  readonly vocabularySize: number;
  /** [V], added to the log-probabilities; −∞ for a token that is never drawn. Absent where it would be zero. */
  readonly shift: Float64Array | undefined;
  /** The penalty window; absent without penalties. */
  readonly recent: RecentTokens | undefined;
  /** What the text must look like. */
  readonly constraint: Constraint | undefined;
}

/** What a filter needs over a sequence: the values of its options, and these. */
export type SettingsOf<Options extends z.core.$ZodShape> = SequenceSettings & {
  readonly [Name in keyof Options]: z.output<Options[Name]>;
};

export interface Filter<Options extends z.core.$ZodShape, Settings = SettingsOf<Options>> {
  /** As in the list of docs/sampling.md, in lower case. */
  readonly name: string;
  /** Its part of the schema of options. */
  readonly options: Options;
  /** Those that an HTTP request may set; `server/openai/control-fields.ts` makes fields of them. */
  readonly requestOptions: readonly (keyof Options & string)[];
  /** It is active where one of these settings has another value. Engines name what they can draw by as these settings are named. */
  readonly off: Partial<NoInfer<Settings>>;
  /**
   * What it changes. The log-probabilities count even where the likeliest token is taken, at a temperature of 0; the weights only where one
   * is drawn.
   */
  readonly changes: 'log-probabilities' | 'weights';
  /** Whether beam search applies it; else the two can't be combined. */
  readonly isForBeam: boolean;
  /** Its work on a sequence, where it is active. */
  begin(settings: NoInfer<Settings>): FilterStep;
}

interface Switch {
  readonly off: object;
}

/** Whether settings make a filter active. */
export function isActive(filter: Switch, settings: object): boolean {
  return activeSettings(filter, settings).length > 0;
}

/** The names of the settings that make a filter active. */
export function activeSettings({ off }: Switch, settings: object): string[] {
  const values = settings as Readonly<Record<string, unknown>>;
  return Object.entries(off).flatMap(([name, value]) => (values[name] === value ? [] : [name]));
}
