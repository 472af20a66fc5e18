/** Divides the values of a command line by schema. */
import type * as z from 'zod/mini';

type Values = Readonly<Record<string, unknown>>;

/** The values of options in the schema, and all others. */
export function splitValues(values: Values, schema: z.ZodMiniObject): [Values, Values] {
  const part = (own: boolean) =>
    Object.fromEntries(Object.entries(values).filter(([key]) => Object.hasOwn(schema.shape, key) === own));
  return [part(true), part(false)];
}
