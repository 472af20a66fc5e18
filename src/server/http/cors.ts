/** Cross-origin requests: which pages may read the server's answers (the CORS protocol of the Fetch standard). */
import { ApiError } from './api-error.ts';
import type { IncomingRequest } from './incoming-request.ts';
import { ANY_ORIGIN } from './origin.ts';

/** Seconds for which a browser may keep the answer to a preflight. */
const MAX_AGE = 600;
/** Headers of an answer that a page may read. */
const EXPOSED = 'retry-after, www-authenticate';

type Headers = Readonly<Record<string, string>>;

/** The headers that let a page read the answer; none for a page of another origin than the allowed ones. */
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
 * The answer to a preflight; `corsHeaders` go with it.
 *
 * It allows every header that the page wants to send: a list can't name the x-stainless-* of the openai client, and `*` does not cover
 * authorization.
 *
 * @throws {ApiError} 403 for a page of another origin than the allowed ones
 */
export function preflight(request: IncomingRequest, allowed: readonly string[]): Response {
  const { headers } = request;
  if (allowedOrigin(request, allowed) === undefined) {
    throw new ApiError(403, `this server does not answer pages of ${headers.get('origin') ?? 'no origin'}.`, {
      code: 'origin_not_allowed',
    });
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
