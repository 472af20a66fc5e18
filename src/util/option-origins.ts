/** Options that remember where each of their values comes from. */

/**
 * Where the value of an option can come from; of several, the last in this list counts. `checkpoint` is the one that a run goes on from or
 * starts from, `flag` a flag on the command line or an argument of the library.
 */
export const OPTION_ORIGINS = ['default', 'checkpoint', 'preset', 'config', 'flag'] as const;

export type OptionOrigin = (typeof OPTION_ORIGINS)[number];

/** By the option's name in the library. */
export type OptionOrigins = Readonly<Record<string, OptionOrigin>>;

export interface OptionsWithOrigins<Options extends object = Readonly<Record<string, unknown>>> {
  readonly values: Options;
  /** Of each option that has a value. */
  readonly origins: OptionOrigins;
}

/**
 * Options of one origin. Those that are undefined are not set.
 *
 * @param known Origins of some of them that are known to be others.
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

/** Of each option the value whose origin counts most, whatever the order of the sources. */
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
