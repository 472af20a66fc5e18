/**
 * Serves models over HTTP, as a function from a request to its response. It runs in every environment that has `Request` and `Response`.
 *
 * It implements the OpenAI protocol for completions and chats; see docs/server.md.
 */

import { EngineLostError } from '../errors.ts';
import type { LanguageModel } from '../language-model.ts';
import { ApiError, shuttingDown } from './http/api-error.ts';
import { checkApiKey } from './http/api-key.ts';
import { corsHeaders, isPreflight, preflight } from './http/cors.ts';
import type { IncomingRequest } from './http/incoming-request.ts';
import { jsonResponse } from './http/json.ts';
import { readJson } from './http/read-body.ts';
import { requestPath } from './http/request-path.ts';
import type { Job } from './job.ts';
import { Metrics } from './metrics.ts';
import { type AnswerFormat, chatFormat, completionFormat } from './openai/answer-format.ts';
import { parseChatRequest } from './openai/chat-request.ts';
import { Completion } from './openai/completion.ts';
import { type CompletionRequest, parseCompletionRequest } from './openai/completion-request.ts';
import { completionEvents, wholeCompletion } from './openai/completion-response.ts';
import { apiErrorOf } from './openai/request-errors.ts';
import { checkSize, checkTokens } from './openai/request-limits.ts';
import { parseScoreRequest, Scoring } from './openai/score.ts';
import { detokenized, parseDetokenizeRequest, parseTokenizeRequest, tokenized } from './openai/tokenize.ts';
import { checkServerOptions, type GivenServerOptions, MAX_SECONDS, type ServerOptions } from './options.ts';
import { pageResponse } from './page/page.ts';
import { ServedModel } from './served-model.ts';

export interface ServerInput extends GivenServerOptions {
  /** Called with errors that the request did not cause. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

export interface Server {
  (request: IncomingRequest): Promise<Response>;
  /** Adds a model, or replaces the one with this name. Resolves when no request uses the replaced model any longer. */
  replace(name: string, model: LanguageModel): Promise<void>;
  /**
   * Refuses new requests and waits for the running ones. Those that are not finished after `seconds` (default: 0) are ended.
   *
   * @returns How many requests were ended.
   */
  close(seconds?: number): Promise<number>;
}

/**
 * Makes a server of models, by their names.
 *
 * The caller remains responsible for the models: closing the server does not close them.
 *
 * @throws {OptionError} for an invalid option
 */
export function createServer(
  models: Readonly<Record<string, LanguageModel>>,
  { onError = () => {}, ...input }: ServerInput = {},
): Server {
  const service = new Service(models, checkServerOptions(input), onError);
  return Object.assign((request: IncomingRequest) => service.handle(request), {
    replace: (name: string, model: LanguageModel) => service.replace(name, model),
    close: (seconds = 0) => service.close(seconds),
  });
}

/** @param name The model's name in the path; empty if there is none. */
type Handler = (request: IncomingRequest, name: string) => Response | Promise<Response>;

interface Route {
  /** The path in messages and metrics. */
  readonly path: string;
  readonly method: 'GET' | 'POST';
  readonly handle: Handler;
  /** Whether requests need no key. */
  readonly isOpen?: true;
}

type RequestParser = (body: unknown, options: ServerOptions) => CompletionRequest;

class Service {
  readonly #options: ServerOptions;
  readonly #onError: (error: unknown) => void;
  readonly #models: Map<string, ServedModel>;
  readonly #metrics = new Metrics();
  readonly #jobs = new Set<Job>();
  readonly #routes: ReadonlyMap<string, Route>;
  #isClosing = false;

  constructor(
    models: Readonly<Record<string, LanguageModel>>,
    options: ServerOptions,
    onError: (error: unknown) => void,
  ) {
    this.#options = options;
    this.#onError = onError;
    this.#models = new Map(
      Object.entries(models).map(([name, model]) => [name, new ServedModel(name, model, options)]),
    );
    this.#routes = new Map(this.#allRoutes().map((route) => [requestPath(route.path).route, route]));
  }

  #allRoutes(): Route[] {
    const get = (path: string, handle: Handler): Route => ({ path, method: 'GET', handle });
    const post = (path: string, handle: Handler): Route => ({ path, method: 'POST', handle });
    const complete = (parse: RequestParser, format: AnswerFormat) => (request: IncomingRequest) =>
      this.#complete(request, parse, format);
    return [
      post('/v1/completions', complete(parseCompletionRequest, completionFormat)),
      post('/v1/chat/completions', complete(parseChatRequest, chatFormat)),
      post('/v1/score', (request) => this.#score(request)),
      post('/v1/tokenize', (request) => this.#tokenize(request)),
      post('/v1/detokenize', (request) => this.#detokenize(request)),
      get('/v1/models', () => this.#listModels()),
      get('/v1/models/*', (_, name) => jsonResponse(modelObject(this.#modelOf(name)))),
      { ...get('/', () => pageResponse(this.#options.maxTokens)), isOpen: true },
      { ...get('/health', () => this.#health()), isOpen: true },
      get('/metrics', () => this.#showMetrics()),
    ];
  }

  async handle(request: IncomingRequest): Promise<Response> {
    const { pathname } = new URL(request.url);
    const { route, name } = requestPath(pathname);
    const found = this.#routes.get(route);
    let response: Response;
    try {
      response = await this.#answer(request, found, pathname, name);
    } catch (error) {
      this.#report(error);
      response = apiErrorOf(error).toResponse();
    }
    for (const [header, value] of Object.entries(corsHeaders(request, this.#options.cors))) {
      response.headers.set(header, value);
    }
    this.#metrics.requests.add(1, { path: found?.path ?? 'other', status: String(response.status) });
    return response;
  }

  async replace(name: string, model: LanguageModel): Promise<void> {
    const before = this.#models.get(name);
    this.#models.set(name, new ServedModel(name, model, this.#options));
    await before?.retire();
  }

  async close(seconds: number): Promise<number> {
    this.#isClosing = true;
    const finished = Promise.allSettled(Array.from(this.#jobs, ({ done }) => done));
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, Math.min(seconds, MAX_SECONDS) * 1000);
    });
    await Promise.race([finished, late]);
    clearTimeout(timer);
    const left = this.#jobs.size;
    for (const job of this.#jobs) job.cancel(shuttingDown());
    await Promise.all(Array.from(this.#models.values(), (served) => served.retire()));
    return left;
  }

  #answer(
    request: IncomingRequest,
    route: Route | undefined,
    pathname: string,
    name: string,
  ): Response | Promise<Response> {
    const { apiKey, cors } = this.#options;
    // Browsers send preflights without a key.
    if (cors.length > 0 && isPreflight(request)) return preflight(request, cors);
    if (apiKey !== undefined && !route?.isOpen) checkApiKey(request, apiKey);
    if (!route) {
      const paths = Array.from(this.#routes.values(), ({ path }) => path).join(', ');
      throw new ApiError(404, `there is nothing at ${pathname}. The server has ${paths}.`, {
        code: 'not_found',
      });
    }
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    if (method !== route.method) {
      throw new ApiError(405, `${pathname} takes ${route.method}, got ${request.method}.`, {
        code: 'method_not_allowed',
        headers: { allow: route.method },
      });
    }
    return route.handle(request, name);
  }

  #health(): Response {
    const body = { status: this.#isClosing ? 'closing' : 'ok', models: [...this.#models.keys()] };
    return jsonResponse(body, { status: this.#isClosing ? 503 : 200 });
  }

  #showMetrics(): Response {
    const { sequences, waiting } = this.#metrics;
    for (const family of [sequences, waiting]) family.clear();
    for (const { name, load } of this.#models.values()) {
      sequences.set(load.sequences, { model: name });
      waiting.set(load.waiting, { model: name });
    }
    return new Response(String(this.#metrics), {
      headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' },
    });
  }

  #listModels(): Response {
    return jsonResponse({ object: 'list', data: Array.from(this.#models.values(), modelObject) });
  }

  async #complete(request: IncomingRequest, parse: RequestParser, format: AnswerFormat): Promise<Response> {
    const start = performance.now();
    const parsed = parse(await this.#read(request), this.#options);
    const served = this.#modelOf(parsed.model);
    const { paramNames } = parsed;
    checkSize(this.#options, paramNames, parsed.prompts, parsed.bestOf);
    const completion = new Completion(parsed, served);
    checkTokens(this.#options, paramNames.prompt, completion.promptTokens);
    const metrics = this.#metrics;
    completion.onFirst = () => metrics.firstToken.observe((performance.now() - start) / 1000);
    const { job } = completion;
    const answer = { format, model: served.name };
    const streamed = parsed.stream
      ? new Response(
          completionEvents(completion, answer, (error) => this.#report(error)),
          {
            headers: { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' },
          },
        )
      : undefined;
    await this.#start(request, served, completion, () => {
      metrics.duration.observe((performance.now() - start) / 1000);
      metrics.promptTokens.add(completion.promptTokens, { model: served.name });
      metrics.cachedTokens.add(completion.cachedTokens, { model: served.name });
      metrics.generatedTokens.add(completion.completionTokens, { model: served.name });
    });
    if (streamed) return streamed;
    await job.done;
    return jsonResponse(wholeCompletion(completion, answer), { hasMaps: parsed.logprobs !== undefined });
  }

  async #score(request: IncomingRequest): Promise<Response> {
    const parsed = parseScoreRequest(await this.#read(request), this.#options);
    const served = this.#modelOf(parsed.model);
    checkSize(this.#options, { prompt: 'input' }, parsed.inputs, 1);
    const scoring = new Scoring(parsed, served);
    checkTokens(this.#options, 'input', scoring.promptTokens);
    await this.#start(request, served, scoring, () => {
      this.#metrics.promptTokens.add(scoring.promptTokens, { model: served.name });
    });
    await scoring.job.done;
    return jsonResponse(scoring);
  }

  async #tokenize(request: IncomingRequest): Promise<Response> {
    const parsed = parseTokenizeRequest(await this.#read(request), this.#options);
    return jsonResponse(tokenized(this.#modelOf(parsed.model).model.vocabulary, parsed));
  }

  async #detokenize(request: IncomingRequest): Promise<Response> {
    const parsed = parseDetokenizeRequest(await this.#read(request), this.#options);
    return jsonResponse(detokenized(this.#modelOf(parsed.model).model.vocabulary, parsed));
  }

  async #read(request: IncomingRequest): Promise<unknown> {
    // Does not read a body that can't be answered.
    if (this.#isClosing) throw shuttingDown();
    const body = await readJson(request, {
      bytes: this.#options.maxBody,
      seconds: this.#options.bodyTimeout,
    });
    if (this.#isClosing) throw shuttingDown();
    return body;
  }

  /** Starts work in the model's pool. Its job is cancelled when it reaches its time limit or the client disconnects. */
  async #start(
    request: IncomingRequest,
    served: ServedModel,
    work: { readonly job: Job; readonly size: number; readonly start: (pool: ServedPool) => void },
    onEnd: () => void,
  ): Promise<void> {
    const { timeout, maxQueue } = this.#options;
    const { job } = work;
    const release = served.hold();
    this.#jobs.add(job);
    const timer = setTimeout(() => {
      job.cancel(new ApiError(503, `the request took longer than ${timeout} s.`, { code: 'timeout' }));
    }, timeout * 1000);
    const leave = () => job.cancel(new ApiError(499, 'the client went away.', { code: 'client_closed' }));
    request.signal.addEventListener('abort', leave);
    const end = () => {
      clearTimeout(timer);
      request.signal.removeEventListener('abort', leave);
      this.#jobs.delete(job);
      release();
      onEnd();
    };
    job.done.then(end, end);
    try {
      const pool = await served.pool();
      if (pool.queuedWith(work.size) > maxQueue) {
        throw new ApiError(429, `no slot is free, and ${maxQueue} requests may wait. Try again later.`, {
          code: 'rate_limit_exceeded',
          headers: { 'retry-after': '1' },
        });
      }
      if (request.signal.aborted) leave();
      if (!job.isOver) work.start(pool);
    } catch (error) {
      job.cancel(error);
      throw error;
    }
  }

  /** @throws {ApiError} 404 if there is no such model; 400 if there are several and none is named */
  #modelOf(name: string | undefined): ServedModel {
    const only = this.#models.size === 1 ? [...this.#models.values()][0] : undefined;
    const served = name === undefined ? only : this.#models.get(name);
    if (served) return served;
    const names = [...this.#models.keys()].join(', ');
    if (name === undefined) {
      throw new ApiError(400, `model: the field is missing; expected one of ${names}.`, {
        param: 'model',
        code: 'missing_required_parameter',
      });
    }
    throw new ApiError(404, `there is no model ${name}; expected one of ${names}.`, {
      param: 'model',
      code: 'model_not_found',
    });
  }

  #report(error: unknown): void {
    if (apiErrorOf(error).status === 500 || error instanceof EngineLostError) this.#onError(error);
  }
}

type ServedPool = Awaited<ReturnType<ServedModel['pool']>>;

function modelObject({ name, created, model: { quantization } }: ServedModel) {
  return { id: name, object: 'model', created, owned_by: 'char-rnn', ...(quantization && { quantization }) };
}
