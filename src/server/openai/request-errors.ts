/** Turns errors of the library into API errors, which name fields of the request instead of options. */
import { CharRnnError, EngineLostError, OptionError, type Remedy } from '../../errors.ts';
import { ApiError } from '../http/api-error.ts';
import { fieldNameOf } from './field-names.ts';

/** Any error as an API error. Errors that the request did not cause become a 500 without details. */
export function apiErrorOf(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof OptionError) {
    const param = fieldNameOf(error.option) ?? error.option;
    return new ApiError(400, `${param}: ${error.reason}`, { param });
  }
  if (error instanceof EngineLostError) {
    return new ApiError(503, "the server's engine was lost; the next request gets a new one. Try again.", {
      code: 'engine_lost',
      cause: error,
    });
  }
  return new ApiError(500, 'the server failed on this request; its log has the reason.', {
    code: 'internal_error',
  });
}

/**
 * Runs an action. If it throws an error of the library, throws an ApiError that names the field `param` instead.
 *
 * @throws {ApiError} 400
 */
export function blameField<T>(param: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof CharRnnError) || error instanceof ApiError) throw error;
    throw new ApiError(400, problemText(error), { param, code: error.code, cause: error });
  }
}

/** The problem, and those remedies that a client can apply by setting fields. Only the server's operator could apply the others. */
export function problemText({ problem, remedies }: CharRnnError): string {
  return [problem, ...remedies.flatMap(remedyOfRequest)].join(' ');
}

function remedyOfRequest({ text, set, command }: Remedy): string[] {
  if (command) return [];
  if (!set) return [`${text}.`];
  const fields = Object.entries(set).map(([option, value]) => [fieldNameOf(option), value ?? null] as const);
  if (fields.some(([field]) => field === undefined)) return [];
  return [
    `${text}: ${fields.map(([field, value]) => `${JSON.stringify(field)}: ${JSON.stringify(value)}`).join(', ')}.`,
  ];
}
