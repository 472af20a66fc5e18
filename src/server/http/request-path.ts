/** The path of a request, normalized to the form of the server's routes. */

export interface RequestPath {
  /** The route, such as `/completions`; `/models/*` for a single model. */
  readonly route: string;
  /** The model's name in the path; empty if there is none. */
  readonly name: string;
}

/**
 * Removes what clients write differently: `/v1` at the start, a slash at the end, doubled slashes. So a base URL works with or without
 * `/v1`, and with a slash at its end.
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
