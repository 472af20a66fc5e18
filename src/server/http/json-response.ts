/** A JSON value as a response that tells its length, so that it goes out in one piece. */
import { jsonText } from './json-text.ts';

interface JsonResponseOptions {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether the value has maps, whose keys keep their order; slower. */
  readonly hasMaps?: boolean;
}

export function jsonResponse(value: unknown, options: JsonResponseOptions = {}): Response {
  const { status = 200, headers = {}, hasMaps = false } = options;
  const body = new TextEncoder().encode(hasMaps ? jsonText(value) : JSON.stringify(value));
  return new Response(body, {
    status,
    headers: { ...headers, 'content-type': 'application/json', 'content-length': String(body.length) },
  });
}
