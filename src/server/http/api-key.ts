/** Checks the API key of a request. The time that this takes does not reveal how much of the key is right. */
import { ApiError } from './api-error.ts';
import type { IncomingRequest } from './incoming-request.ts';

/** @throws {ApiError} 401 unless the request has the header `Authorization: Bearer KEY` */
export function checkApiKey(request: IncomingRequest, key: string): void {
  const given = givenKey(request);
  if (given !== undefined && isSame(given, key)) return;
  const message =
    given === undefined
      ? 'this server requires an API key: Authorization: Bearer KEY.'
      : 'the API key is wrong.';
  throw new ApiError(401, message, {
    code: 'invalid_api_key',
    headers: { 'www-authenticate': 'Bearer' },
  });
}

function givenKey({ headers }: IncomingRequest): string | undefined {
  return /^Bearer (.+)$/i.exec(headers.get('authorization') ?? '')?.[1];
}

/** Whether the request has the header `Authorization: Bearer KEY`. */
export function hasKey(request: IncomingRequest, key: string): boolean {
  const given = givenKey(request);
  return given !== undefined && isSame(given, key);
}

/** Compares in a time that depends only on the length of `given`. */
function isSame(given: string, key: string): boolean {
  let difference = given.length ^ key.length;
  for (let i = 0; i < given.length; i++) {
    difference |= given.charCodeAt(i) ^ key.charCodeAt(i % key.length);
  }
  return difference === 0;
}
