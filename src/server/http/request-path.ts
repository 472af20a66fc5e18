/** The path of a request, normalized to the form of the server's routes. */

export interface RequestPath {
  /** The route, such as `/completions`; `/models/*` for a single model. */
  readonly route: string;
  /** The model's name in the path; empty if there is none. */
  readonly name: string;
}

/**
 * Removes `/v1` at the start, slashes at the end, and doubled slashes. So a client's base URL may or may not have `/v1`, and may end with a
 * slash.
 */
export function requestPath(pathname: string): RequestPath {
  const tidy = pathname.replace(/\/{2,}/g, '/').replace(/(.)\/$/, '$1');
  const bare = tidy.replace(/^\/v1(?=\/)/, '');
  const [, name] = /^\/models\/(.+)$/.exec(bare) ?? [];
  return name === undefined ? { route: bare, name: '' } : { route: '/models/*', name: decoded(name) };
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
