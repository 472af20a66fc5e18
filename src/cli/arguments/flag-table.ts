/** The flags of a command, from the schemas of its options. */
import type * as z from 'zod/mini';
import { describeType, type OptionType } from '../../util/check-options.ts';
import { infoOf, type OptionInfo } from '../../util/option-info.ts';

export interface Flag {
  /** The option's name in the library. */
  readonly key: string;
  readonly type: OptionType;
  readonly info: OptionInfo;
}

/** The flags for the options of schemas, in the same order. */
export function flagsOf(...schemas: readonly z.ZodMiniObject[]): Flag[] {
  return schemas.flatMap((schema) =>
    Object.entries(schema.shape).map(([key, type]) => ({
      key,
      type: describeType(type as z.core.$ZodType),
      info: infoOf(type as z.core.$ZodType),
    })),
  );
}

/** All names of a flag, spelled as in the schema: with `_` and without dashes. */
export function flagNames({ info }: Flag): string[] {
  return [info.flag, ...(info.aliases ?? [])];
}

/** A flag as help and messages print it: `--rnn-size`; a single letter gets one dash. */
export function longFlag(name: string): string {
  return name.length === 1 ? `-${name}` : `--${name.replaceAll('_', '-')}`;
}

/** The flag as the original's users type it, `-rnn_size`; undefined if the original does not have it. */
export function originalFlag({ info }: Flag): string | undefined {
  return info.original ? `-${info.flag}` : undefined;
}

/** The placeholder for a flag's value in help: `N`, `NAME`, `a|b`. */
export function valueName({ type, info }: Flag): string {
  if (info.value !== undefined) return info.value;
  if (type.kind === 'choice') return (type.choices ?? []).join('|');
  if (type.kind === 'integer') return 'N';
  if (type.kind === 'number') return 'X';
  return type.kind === 'boolean' ? '' : 'TEXT';
}
