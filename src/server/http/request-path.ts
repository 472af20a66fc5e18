/** The path of a request, in the form that the server's routes have. */

export interface RequestPath {
  /** The route: `/completions`, or `/models/*` for one of the models. */
  readonly route: string;
  /** The model's name in the path; empty where there is none. */
  readonly name: string;
}

/**
 * Normalizes what clients write differently: `/v1` in front, slashes at the end, doubled slashes. A base URL works with `/v1` and
 * without, and with a slash at its end.
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
