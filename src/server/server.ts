/**
 * A server of models over HTTP, as a function from a request to its response: it runs wherever there are `Request` and `Response`.
 *
 * It speaks the OpenAI completions protocol; docs/server.md tells all of it.
 */
import type { LanguageModel } from '../language-model.ts';
import { ApiError, apiErrorOf } from './api-error.ts';
import { checkApiKey } from './api-key.ts';
import { Completion } from './completion.ts';
import { parseCompletionRequest } from './completion-request.ts';
import { completionEvents, wholeCompletion } from './completion-response.ts';
import type { IncomingRequest } from './incoming-request.ts';
import type { Job } from './job.ts';
import { jsonResponse } from './json-response.ts';
import { checkMaxTokens, checkSize, checkTokens } from './limits.ts';
import { Metrics } from './metrics.ts';
import { checkServerOptions, MOST_SECONDS, type ServerOptions, type ServerOptionsInput } from './options.ts';
import { readJson } from './read-body.ts';
import { parseScoreRequest, Scoring } from './score.ts';
import { ServedModel } from './served-model.ts';

export interface ServerInput extends ServerOptionsInput {
  /** Told of what went wrong that no request can be blamed for. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

export interface Server {
  (request: IncomingRequest): Promise<Response>;
  /** Puts a model in the place of another, or beside the others. Resolves when nothing uses the one before any more. */
  replace(name: string, model: LanguageModel): Promise<void>;
  /**
   * Takes no more requests, and waits until those that run have finished; after some seconds it ends them.
   *
   * @returns How many had to be ended.
   */
  close(seconds?: number): Promise<number>;
}

/**
 * A server of some models, each under its name.
 *
 * The models stay the caller's: they are not closed with the server.
 *
 * @throws {OptionError} for an option that does not fit
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

type Handler = (request: IncomingRequest, name: string) => Response | Promise<Response>;

class Service {
  readonly #options: ServerOptions;
  readonly #onError: (error: unknown) => void;
  readonly #models: Map<string, ServedModel>;
  readonly #metrics = new Metrics();
  readonly #jobs = new Set<Job>();
  readonly #routes: Readonly<Record<string, { readonly method: 'GET' | 'POST'; readonly handle: Handler }>>;
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
    this.#routes = {
      '/health': { method: 'GET', handle: () => this.#health() },
      '/metrics': { method: 'GET', handle: () => this.#showMetrics() },
      '/v1/models': { method: 'GET', handle: () => this.#listModels() },
      '/v1/models/*': { method: 'GET', handle: (_, name) => jsonResponse(modelObject(this.#modelOf(name))) },
      '/v1/completions': { method: 'POST', handle: (request) => this.#complete(request) },
      '/v1/score': { method: 'POST', handle: (request) => this.#score(request) },
    };
  }

  async handle(request: IncomingRequest): Promise<Response> {
    const { pathname } = new URL(request.url);
    const [, name] = /^\/v1\/models\/(.+)$/.exec(pathname) ?? [];
    const path = name === undefined ? pathname : '/v1/models/*';
    const isKnown = Object.hasOwn(this.#routes, path);
    let response: Response;
    try {
      response = await this.#answer(request, path, name ?? '');
    } catch (error) {
      const refusal = apiErrorOf(error);
      if (refusal.status === 500) this.#onError(error);
      response = refusal.toResponse();
    }
    this.#metrics.requests.add(1, { path: isKnown ? path : 'other', status: String(response.status) });
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
      timer = setTimeout(resolve, Math.min(seconds, MOST_SECONDS) * 1000);
    });
    await Promise.race([finished, late]);
    clearTimeout(timer);
    const left = this.#jobs.size;
    for (const job of this.#jobs) job.cancel(shuttingDown());
    await Promise.all(Array.from(this.#models.values(), (served) => served.retire()));
    return left;
  }

  #answer(request: IncomingRequest, path: string, name: string): Response | Promise<Response> {
    const route = Object.hasOwn(this.#routes, path) ? this.#routes[path] : undefined;
    const { apiKey } = this.#options;
    if (apiKey !== undefined && path !== '/health') checkApiKey(request, apiKey);
    if (!route) throw new ApiError(404, `there is nothing at ${path}.`, { code: 'not_found' });
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    if (method !== route.method) {
      throw new ApiError(405, `${path} takes ${route.method}, got ${request.method}.`, {
        code: 'method_not_allowed',
        headers: { allow: route.method },
      });
    }
    return route.handle(request, decodeName(name));
  }

  #health(): Response {
    const body = { status: this.#isClosing ? 'closing' : 'ok', models: [...this.#models.keys()] };
    return jsonResponse(body, { status: this.#isClosing ? 503 : 200 });
  }

  #showMetrics(): Response {
    const { streams, waiting } = this.#metrics;
    for (const family of [streams, waiting]) family.clear();
    for (const { name, load } of this.#models.values()) {
      streams.set(load.streams, { model: name });
      waiting.set(load.waiting, { model: name });
    }
    return new Response(String(this.#metrics), {
      headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' },
    });
  }

  #listModels(): Response {
    return jsonResponse({ object: 'list', data: Array.from(this.#models.values(), modelObject) });
  }

  async #complete(request: IncomingRequest): Promise<Response> {
    const start = performance.now();
    const parsed = parseCompletionRequest(await this.#read(request));
    const served = this.#modelOf(parsed.model);
    checkSize(this.#options, 'prompt', parsed.prompts, parsed.bestOf);
    checkMaxTokens(this.#options, parsed.maxTokens);
    const completion = new Completion(parsed, served);
    checkTokens(this.#options, 'prompt', completion.promptTokens);
    const metrics = this.#metrics;
    completion.onFirst = () => metrics.firstToken.observe((performance.now() - start) / 1000);
    const { job } = completion;
    const answer = parsed.stream
      ? new Response(
          completionEvents(completion, served.name, (error) => this.#report(error)),
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
    if (answer) return answer;
    await job.done;
    return jsonResponse(wholeCompletion(completion, served.name));
  }

  async #score(request: IncomingRequest): Promise<Response> {
    const parsed = parseScoreRequest(await this.#read(request));
    const served = this.#modelOf(parsed.model);
    checkSize(this.#options, 'input', parsed.inputs, 1);
    const scoring = new Scoring(parsed, served);
    checkTokens(this.#options, 'input', scoring.promptTokens);
    await this.#start(request, served, scoring, () => {
      this.#metrics.promptTokens.add(scoring.promptTokens, { model: served.name });
    });
    await scoring.job.done;
    return jsonResponse(scoring);
  }

  async #read(request: IncomingRequest): Promise<unknown> {
    // No use in listening to what can't be answered.
    if (this.#isClosing) throw shuttingDown();
    const body = await readJson(request, {
      bytes: this.#options.maxBody,
      seconds: this.#options.bodyTimeout,
    });
    if (this.#isClosing) throw shuttingDown();
    return body;
  }

  /** Brings a job to the model's pool, to be ended when its time is over or nobody waits for it any more. */
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

  /** @throws {ApiError} 404 where there is no such model */
  #modelOf(name: string | undefined): ServedModel {
    const only = this.#models.size === 1 ? [...this.#models.values()][0] : undefined;
    const served = name === undefined ? only : this.#models.get(name);
    if (served) return served;
    const names = [...this.#models.keys()].join(', ');
    if (name === undefined) {
      throw new ApiError(400, `model: it is missing; expected one of ${names}.`, {
        param: 'model',
        code: 'missing_required_parameter',
      });
    }
    throw new ApiError(404, `there is no model ${name}; there is ${names}.`, {
      param: 'model',
      code: 'model_not_found',
    });
  }

  #report(error: unknown): void {
    if (apiErrorOf(error).status === 500) this.#onError(error);
  }
}

type ServedPool = Awaited<ReturnType<ServedModel['pool']>>;

function modelObject({ name, created }: ServedModel) {
  return { id: name, object: 'model', created, owned_by: 'char-rnn' };
}

function decodeName(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

function shuttingDown(): ApiError {
  return new ApiError(503, 'the server is shutting down.', {
    code: 'shutting_down',
    headers: { connection: 'close' },
  });
}
