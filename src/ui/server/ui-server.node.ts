/** Answers the requests of the pages. It only reads, and never takes a path from a request: files have ids. */
import { CheckpointError } from '../../errors.ts';
import { ApiError, shuttingDown } from '../../server/http/api-error.ts';
import type { IncomingRequest } from '../../server/http/incoming-request.ts';
import { jsonResponse } from '../../server/http/json.ts';
import { readJson } from '../../server/http/read-body.ts';
import type { Sources } from '../sources.ts';
import type { Access } from './access.ts';
import { openCheckpoint } from './checkpoint-file.node.ts';
import { curvesRequest } from './curves-request.ts';
import { LiveRuns } from './live-runs.node.ts';
import { type PageFile, pageFiles } from './pages.node.ts';
import { ServerClosedError } from './run-client.node.ts';
import { SECURITY_HEADERS } from './security-headers.ts';
import { bodyOf, serverSentEvents } from './streams.ts';

/** Limits of the body of a request: a thousand ids. */
const BODY = { bytes: 65_536, seconds: 10 };
const ID = /^[0-9a-f]{12}$/;
const API = '/api/';

export interface UiServerInput extends Sources {
  readonly access: Access;
  /** The built pages. Default: those of the package. */
  readonly pages?: string | undefined;
  /** Called with errors that the request did not cause. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

export interface UiServer {
  (request: IncomingRequest): Promise<Response>;
  /** Ends everything that is running. @returns 0: no request was ended before it was answered */
  close(): Promise<number>;
}

/** Makes the handler of `char-rnn ui`. */
export function createUiServer({ access, pages, onError = () => {}, ...sources }: UiServerInput): UiServer {
  const runs = new LiveRuns(sources);
  runs.start();
  const service = new Service(runs, pageFiles('server', pages));
  const handle = async (request: IncomingRequest) => {
    const response = await answer(request, access, service, onError);
    // What a client has cached is still protected by the headers that came with it.
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.headers.set(name, value);
    if (!response.headers.has('cache-control')) response.headers.set('cache-control', 'no-store');
    return response;
  };
  return Object.assign(handle, {
    async close() {
      await service.close();
      return 0;
    },
  });
}

async function answer(
  request: IncomingRequest,
  access: Access,
  service: Service,
  onError: (error: unknown) => void,
): Promise<Response> {
  try {
    access.check(request);
    const { pathname, searchParams } = new URL(request.url);
    if (!pathname.startsWith(API)) return await service.file(request, pathname);
    access.checkToken(request);
    return await service.api(request, pathname.slice(API.length), searchParams);
  } catch (error) {
    if (error instanceof ApiError) return error.toResponse();
    if (error instanceof CheckpointError)
      return new ApiError(422, error.message, { code: error.code }).toResponse();
    if (error instanceof ServerClosedError) return shuttingDown().toResponse();
    onError(error);
    const message = error instanceof Error ? error.message : String(error);
    return new ApiError(500, `the server failed: ${message}`, { code: 'internal_error' }).toResponse();
  }
}

class Service {
  readonly #runs: LiveRuns;
  readonly #files: ReadonlyMap<string, PageFile>;

  constructor(runs: LiveRuns, files: ReadonlyMap<string, PageFile>) {
    this.#runs = runs;
    this.#files = files;
  }

  close(): Promise<void> {
    return this.#runs.close();
  }

  /** A file of the pages. It needs no token: a page's address can't have one. */
  async file(request: IncomingRequest, pathname: string): Promise<Response> {
    allow(request, 'GET', 'HEAD');
    const file = this.#files.get(pathname === '/' ? 'index.html' : pathname.slice(1));
    if (!file) throw nothingHere();
    const bytes = await file.read();
    return new Response(bytes, {
      headers: {
        'content-type': file.type,
        'content-length': String(bytes.length),
        'cache-control': file.isImmutable ? 'public, max-age=31536000, immutable' : 'no-cache',
      },
    });
  }

  async api(request: IncomingRequest, path: string, query: URLSearchParams): Promise<Response> {
    const [first = '', id = '', last = '', ...rest] = path.split('/');
    if (rest.length > 0) throw nothingHere();
    const route = [first, id && '*', last].filter((part) => part !== '').join('/');
    allow(request, ...(route === 'curves' ? ['POST'] : ['GET', 'HEAD']));
    switch (route) {
      case 'runs':
        return jsonResponse(await this.#runs.all());
      case 'stream':
        return this.#stream(request);
      case 'curves':
        return this.#curves(request);
      case 'runs/*':
        return this.#detail(known(id));
      case 'runs/*/events':
        return this.#events(known(id), query.get('after') ?? undefined);
      case 'sweeps':
        return jsonResponse(await this.#runs.sweeps());
      case 'sweeps/*':
        return this.#sweep(known(id), request);
      case 'checkpoints/*':
        return this.#checkpoint(known(id), request, query.get('training') === '1');
      default:
        throw nothingHere();
    }
  }

  #stream({ headers, signal }: IncomingRequest): Response {
    const changes = this.#runs.changes(headers.get('last-event-id') ?? undefined, signal);
    return new Response(bodyOf(serverSentEvents(changes)), {
      headers: { 'content-type': 'text/event-stream' },
    });
  }

  async #curves(request: IncomingRequest): Promise<Response> {
    const wanted = curvesRequest(await readJson(request, BODY));
    return new Response(bodyOf(this.#runs.client.curves(wanted)), {
      headers: { 'content-type': 'application/octet-stream' },
    });
  }

  async #detail(id: string): Promise<Response> {
    const detail = await this.#runs.detail(id);
    if (!detail) throw noSuchRun();
    return jsonResponse(detail);
  }

  async #events(id: string, after: string | undefined): Promise<Response> {
    const page = await this.#runs.client.ask('events', id, after);
    if (!page) throw noSuchRun();
    return jsonResponse(page);
  }

  async #sweep(id: string, request: IncomingRequest): Promise<Response> {
    const known = request.headers.get('if-none-match') ?? undefined;
    const found = await this.#runs.sweep(id, known);
    if (!found)
      throw new ApiError(404, 'this sweep was deleted, or is not in the folders that are shown.', {
        code: 'no_such_sweep',
      });
    const headers = { etag: found.etag, 'cache-control': 'private, no-cache' };
    if (found.json === undefined) return new Response(null, { status: 304, headers });
    return new Response(found.json, { headers: { ...headers, 'content-type': 'application/json' } });
  }

  async #checkpoint(id: string, request: IncomingRequest, hasTraining: boolean): Promise<Response> {
    const place = await this.#runs.client.ask('checkpoint', id);
    if (!place) throw new ApiError(404, 'this checkpoint was deleted.', { code: 'no_such_checkpoint' });
    const etag = `"${place.etag}${hasTraining ? '' : '.weights'}"`;
    const headers = { etag, 'cache-control': 'private, no-cache' };
    if (request.headers.get('if-none-match') === etag) return new Response(null, { status: 304, headers });
    const content = await openCheckpoint(place, hasTraining);
    return new Response(bodyOf(content.pieces(), content.close), {
      headers: {
        ...headers,
        'content-type': 'application/octet-stream',
        'content-length': String(content.size),
      },
    });
  }
}

function allow({ method }: IncomingRequest, ...methods: string[]): void {
  if (methods.includes(method)) return;
  throw new ApiError(405, `this server answers ${methods.join(' and ')} here, not ${method}.`, {
    code: 'method_not_allowed',
    headers: { allow: methods.join(', ') },
  });
}

function known(id: string): string {
  if (!ID.test(id)) throw nothingHere();
  return id;
}

function nothingHere(): ApiError {
  return new ApiError(404, 'there is nothing at this address.', { code: 'not_found' });
}

function noSuchRun(): ApiError {
  return new ApiError(404, 'this run was deleted, or is not in the folders that are shown.', {
    code: 'no_such_run',
  });
}
