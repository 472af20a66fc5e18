/**
 * Which requests are allowed. The server listens only on the machine itself, but pages of other sites can make a browser send requests to
 * it, and other users of the machine can send them too.
 */
import { ApiError } from '../../server/http/api-error.ts';
import { hasKey } from '../../server/http/api-key.ts';
import type { IncomingRequest } from '../../server/http/incoming-request.ts';

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];
/** A name or an address, with or without a port. No wildcards. */
const HOST = /^(\[[0-9a-f:.]+\]|[a-z0-9]([a-z0-9.-]*[a-z0-9])?)(:\d{1,5})?$/i;
export const HOST_EXPECTED = 'a name such as gpu.example.com or gpu.example.com:8443';

/** Whether `--allow-host` accepts a name. */
export function isHostName(text: string): boolean {
  return HOST.test(text);
}

export class Access {
  readonly #loopback: readonly string[];
  readonly #others: readonly string[];
  readonly #token: string;

  /**
   * @param port On which the server listens.
   * @param others Host names under which a proxy serves the pages. One without a port is allowed with any port.
   */
  constructor(port: number, others: readonly string[], token: string) {
    this.#loopback = LOOPBACK.map((name) => `${name}:${port}`);
    this.#others = others.map((name) => name.toLowerCase());
    this.#token = token;
  }

  /**
   * Checks the headers of any request, including those for files. A page whose name was made to point to this machine (DNS rebinding) sends
   * that name as host, and no origin.
   *
   * @throws {ApiError} 421 for another host, 403 for a request from another site
   */
  check({ headers }: IncomingRequest): void {
    const host = headers.get('host')?.toLowerCase() ?? '';
    if (!this.#isOwn(host)) {
      throw new ApiError(421, 'this server answers only under the address that the program printed.', {
        code: 'wrong_host',
      });
    }
    const origin = headers.get('origin');
    const site = headers.get('sec-fetch-site');
    const isForeign = origin !== null && !this.#isOriginOf(host, origin.toLowerCase());
    if (isForeign || (site !== null && site !== 'same-origin' && site !== 'none')) {
      throw new ApiError(403, 'this server answers only its own pages, not those of another site.', {
        code: 'other_site',
      });
    }
  }

  /** @throws {ApiError} 401 unless the request has the token */
  checkToken(request: IncomingRequest): void {
    if (hasKey(request, this.#token)) return;
    throw new ApiError(401, 'the token is missing or wrong. Open the address that the program printed.', {
      code: 'wrong_token',
    });
  }

  #isOwn(host: string): boolean {
    if (this.#loopback.includes(host) || this.#others.includes(host)) return true;
    const [, name] = /^(.+):\d{1,5}$/.exec(host) ?? [];
    return name !== undefined && this.#others.includes(name);
  }

  /** A proxy may serve the pages over HTTPS. */
  #isOriginOf(host: string, origin: string): boolean {
    return origin === `http://${host}` || (!this.#loopback.includes(host) && origin === `https://${host}`);
  }
}
