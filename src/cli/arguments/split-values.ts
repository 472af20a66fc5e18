/** The values of a command line, apart by the schemas that they belong to. */
import type * as z from 'zod/mini';

type Values = Readonly<Record<string, unknown>>;

/** Those that a schema has, and the others. */
export function splitValues(values: Values, schema: z.ZodMiniObject): [Values, Values] {
  const part = (own: boolean) =>
    Object.fromEntries(Object.entries(values).filter(([key]) => Object.hasOwn(schema.shape, key) === own));
  return [part(true), part(false)];
}
