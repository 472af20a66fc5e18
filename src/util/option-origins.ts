/** Options with the origin of each value. */

/**
 * Origins of an option's value. If there are several, the last in this list takes precedence. `checkpoint` is the one that a run resumes or
 * starts from; `flag` is a flag on the command line or an argument of the library.
 */
export const OPTION_ORIGINS = ['default', 'preset', 'checkpoint', 'config', 'flag'] as const;

export type OptionOrigin = (typeof OPTION_ORIGINS)[number];

/** Origins by the option's name in the library. */
export type OptionOrigins = Readonly<Record<string, OptionOrigin>>;

/** Whether the caller has given an option, by a flag or a file of options. */
export function isGiven(name: string, origins: OptionOrigins): boolean {
  return ['flag', 'config'].includes(origins[name] ?? 'default');
}

export interface OptionsWithOrigins<Options extends object = Readonly<Record<string, unknown>>> {
  readonly values: Options;
  /** The origin of each option that has a value. */
  readonly origins: OptionOrigins;
}

/**
 * Options of one origin. Undefined values are omitted.
 *
 * @param known Origins of individual options, which take precedence over `origin`.
 */
export function optionsFrom(
  origin: OptionOrigin,
  values: object,
  known: OptionOrigins = {},
): OptionsWithOrigins {
  const set = Object.entries(values).filter(([, value]) => value !== undefined);
  return {
    values: Object.fromEntries(set),
    origins: Object.fromEntries(set.map(([name]) => [name, known[name] ?? origin])),
  };
}

/** Combines sources. Of each option, the value with the highest origin takes precedence, regardless of the order of the sources. */
export function resolveOptions(...sources: readonly OptionsWithOrigins[]): OptionsWithOrigins {
  const values: Record<string, unknown> = {};
  const origins: Record<string, OptionOrigin> = {};
  for (const source of sources) {
    for (const [name, origin] of Object.entries(source.origins)) {
      const known = origins[name];
      if (known !== undefined && rank(known) > rank(origin)) continue;
      values[name] = source.values[name];
      origins[name] = origin;
    }
  }
  return { values, origins };
}

function rank(origin: OptionOrigin): number {
  return OPTION_ORIGINS.indexOf(origin);
}
