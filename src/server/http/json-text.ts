/** JSON whose objects keep the order of their keys. */

/**
 * A value as JSON text, as `JSON.stringify` writes it. A `Map` becomes an object with its keys in their order; a JavaScript object can't
 * do that, since it puts keys that look like integers first.
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
