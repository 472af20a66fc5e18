/** The CORS protocol of the Fetch standard: which web pages may read the server's responses. */
import { ApiError } from './api-error.ts';
import type { IncomingRequest } from './incoming-request.ts';

/** The value of the option that allows any page. */
const ANY_ORIGIN = '*';
export const ORIGIN_EXPECTED = 'an origin such as https://example.com, or * for all';

/** Seconds for which a browser may cache the response to a preflight. */
const MAX_AGE = 600;
/** Response headers that a page may read. */
const EXPOSED = 'retry-after, www-authenticate';

type Headers = Readonly<Record<string, string>>;

/** Whether a value of the option is `*`, or a scheme, a host and optionally a port. */
export function isOrigin(text: string): boolean {
  return text === ANY_ORIGIN || /^[a-z][a-z\d+.-]*:\/\/[^/?#@\s]+\/?$/i.test(text);
}

/** The headers that let a page read the response, if its origin is allowed. */
export function corsHeaders(request: IncomingRequest, allowed: readonly string[]): Headers {
  if (allowed.length === 0) return {};
  const origin = allowedOrigin(request, allowed);
  const vary = allowed.includes(ANY_ORIGIN) ? {} : { vary: 'origin' };
  if (origin === undefined) return vary;
  return { ...vary, 'access-control-allow-origin': origin, 'access-control-expose-headers': EXPOSED };
}

function allowedOrigin(request: IncomingRequest, allowed: readonly string[]): string | undefined {
  const origin = request.headers.get('origin');
  if (origin === null) return undefined;
  if (allowed.includes(ANY_ORIGIN)) return ANY_ORIGIN;
  return allowed.some((one) => one.replace(/\/$/, '').toLowerCase() === origin) ? origin : undefined;
}

/** Whether the request is a CORS preflight. */
export function isPreflight({ method, headers }: IncomingRequest): boolean {
  return method === 'OPTIONS' && headers.get('access-control-request-method') !== null;
}

/**
 * The response to a preflight, without `corsHeaders`.
 *
 * It allows every header that the page asks for: a fixed list can't name the x-stainless-* headers of the openai client, and `*` does not
 * cover authorization.
 *
 * @throws {ApiError} 403 for a page whose origin is not allowed
 */
export function preflight(request: IncomingRequest, allowed: readonly string[]): Response {
  const { headers } = request;
  if (allowedOrigin(request, allowed) === undefined) {
    throw new ApiError(
      403,
      `this server does not allow requests from pages of ${headers.get('origin') ?? 'no origin'}.`,
      {
        code: 'origin_not_allowed',
      },
    );
  }
  const wanted = (headers.get('access-control-request-headers') ?? '').split(',').map((name) => name.trim());
  const names = wanted.filter((name) => /^[\w!#$%&'*+.^`|~-]+$/.test(name));
  return new Response(null, {
    status: 204,
    headers: {
      'access-control-allow-methods': 'GET, POST',
      'access-control-allow-headers': names.join(', ') || 'authorization, content-type',
      'access-control-max-age': String(MAX_AGE),
      ...(headers.get('access-control-request-private-network') === 'true' && {
        'access-control-allow-private-network': 'true',
      }),
    },
  });
}
