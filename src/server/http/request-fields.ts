/** Checks the fields of a JSON request. Messages name the field. */
import * as z from 'zod/mini';
import { ApiError } from './api-error.ts';

/** A description of each field's valid values, which follows "expected" in messages. */
const expectations = z.registry<{ readonly expected: string }>();

/**
 * Whether a value is a non-empty array of such items.
 *
 * Use it for lists in requests instead of a schema, which would collect all problems of a large body, perhaps a million, before it
 * rejects the body.
 */
export function isListOf<T>(value: unknown, isItem: (item: unknown) => item is T): value is T[] {
  return Array.isArray(value) && value.length > 0 && value.every(isItem);
}

export const isText = (value: unknown): value is string => typeof value === 'string';

/** An optional field. Null means that it is missing. */
export function field<T extends z.ZodMiniType>(type: T, expected: string) {
  const optional = z.nullish(type);
  expectations.add(optional, { expected });
  return optional;
}

/** A whole number of at least 0, or −1, which many clients send for "no limit". */
export const limitField = () =>
  field(z.int().check(z.minimum(-1)), 'a whole number of at least 0, or -1 for the maximum');

export const numberField = (minimum: number, maximum: number) =>
  field(z.number().check(z.minimum(minimum), z.maximum(maximum)), `a number from ${minimum} to ${maximum}`);

/**
 * Checks a body and returns its fields. Fields that the schema does not have are left out.
 *
 * @param isStrict Whether an unknown field is an error instead.
 * @throws {ApiError} 400 for the first invalid field
 */
export function checkFields<T extends z.ZodMiniObject>(
  schema: T,
  body: unknown,
  isStrict: boolean,
): z.output<T> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new ApiError(400, `the body: got ${shown(body)}, expected a JSON object.`);
  }
  const given = body as Readonly<Record<string, unknown>>;
  const unknown = isStrict
    ? Object.keys(given).find((name) => !Object.hasOwn(schema.shape, name))
    : undefined;
  if (unknown !== undefined) {
    throw new ApiError(400, `${unknown}: there is no such field.`, {
      param: unknown,
      code: 'unknown_parameter',
    });
  }
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  const param = String(result.error.issues[0]?.path[0]);
  const expected = expectations.get(schema.shape[param] as z.core.$ZodType)?.expected ?? 'something else';
  throw invalidField(param, `got ${shown(given[param])}, expected ${expected}`);
}

/** An error for an invalid field. @param reason Without a full stop. */
export function invalidField(param: string, reason: string): ApiError {
  return new ApiError(400, `${param}: ${reason}.`, { param, code: 'invalid_value' });
}

/** A value as JSON, shortened for messages. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}
