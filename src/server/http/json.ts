/** JSON responses, and JSON text whose objects keep the order of their keys. */

interface JsonResponseOptions {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether the value contains Maps: then `jsonText` writes it, which is slower than `JSON.stringify`. */
  readonly hasMaps?: boolean;
}

/** A JSON value as a response with its content-length, so that it is sent in one piece. */
export function jsonResponse(value: unknown, options: JsonResponseOptions = {}): Response {
  const { status = 200, headers = {}, hasMaps = false } = options;
  const body = new TextEncoder().encode(hasMaps ? jsonText(value) : JSON.stringify(value));
  return new Response(body, {
    status,
    headers: { ...headers, 'content-type': 'application/json', 'content-length': String(body.length) },
  });
}

/**
 * JSON text as `JSON.stringify` writes it, except that a `Map` becomes an object whose keys keep their order. A JavaScript object can't
 * keep it, because it puts keys that look like integers first.
 */
export function jsonText(value: unknown): string {
  if (value instanceof Map) return objectText(value);
  if (Array.isArray(value)) return `[${value.map((item) => jsonText(item)).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if ('toJSON' in value && typeof value.toJSON === 'function') return jsonText(value.toJSON());
  return objectText(Object.entries(value).filter(([, item]) => item !== undefined));
}

function objectText(entries: Iterable<readonly [string, unknown]>): string {
  const members = Array.from(entries, ([key, item]) => `${JSON.stringify(key)}:${jsonText(item)}`);
  return `{${members.join(',')}}`;
}
