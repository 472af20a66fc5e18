/** A JSON value as a response that tells its length, so that it goes out in one piece. */
import { jsonText } from './json-text.ts';

export function jsonResponse(
  value: unknown,
  {
    status = 200,
    headers = {},
  }: { readonly status?: number; readonly headers?: Readonly<Record<string, string>> } = {},
): Response {
  const body = new TextEncoder().encode(jsonText(value));
  return new Response(body, {
    status,
    headers: { ...headers, 'content-type': 'application/json', 'content-length': String(body.length) },
  });
}
