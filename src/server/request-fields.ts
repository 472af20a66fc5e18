/** Checks a request's JSON field by field, with messages that name the field. */
import * as z from 'zod/mini';
import { ApiError } from './api-error.ts';

/** What a field must be, to stand after "expected". */
const expectations = z.registry<{ readonly expected: string }>();

/**
 * Whether a value is an array of one or more such items.
 *
 * For lists that come in requests, in the place of a schema: a schema tells all that is wrong with a large body, which may be a
 * million things, before it is refused.
 */
export function isListOf<T>(value: unknown, isItem: (item: unknown) => item is T): value is T[] {
  return Array.isArray(value) && value.length > 0 && value.every(isItem);
}

export const isText = (value: unknown): value is string => typeof value === 'string';

/** An optional field, for which null stands for its absence. */
export function field<T extends z.ZodMiniType>(type: T, expected: string) {
  const optional = z.nullish(type);
  expectations.add(optional, { expected });
  return optional;
}

/**
 * The fields of a body.
 *
 * @throws {ApiError} 400 for the first field that is unknown or does not fit
 */
export function checkFields<T extends z.ZodMiniObject>(schema: T, body: unknown): z.output<T> {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  if (!issue || issue.path.length === 0) {
    const [unknown] = issue?.code === 'unrecognized_keys' ? issue.keys : [];
    if (unknown === undefined)
      throw new ApiError(400, `the body: got ${shown(body)}, expected a JSON object.`);
    throw new ApiError(400, `${unknown}: there is no such field.`, {
      param: unknown,
      code: 'unknown_parameter',
    });
  }
  const param = String(issue.path[0]);
  const expected = expectations.get(schema.shape[param] as z.core.$ZodType)?.expected ?? 'something else';
  const value = (body as Record<string, unknown>)[param];
  throw new ApiError(400, `${param}: got ${shown(value)}, expected ${expected}.`, {
    param,
    code: 'invalid_value',
  });
}

/** A value in short. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}
