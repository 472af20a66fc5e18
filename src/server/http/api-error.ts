/** Errors in the form of the OpenAI protocol: a status, and a body {error: {message, type, param, code}}. */
import { CharRnnError } from '../../errors.ts';
import { jsonResponse } from './json.ts';

interface Details {
  /** The field of the request that caused the error. */
  readonly param?: string | undefined;
  readonly code?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/** A request was refused, or could not be finished. */
export class ApiError extends CharRnnError {
  readonly code: string;
  readonly status: number;
  readonly param: string | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, details: Details = {}) {
    const { param, code = 'invalid_request', headers = {}, cause } = details;
    super(message, { cause });
    this.status = status;
    this.param = param;
    this.code = code;
    this.headers = headers;
  }

  /** The body of the response. */
  toJSON() {
    const type =
      this.status === 429
        ? 'rate_limit_error'
        : this.status >= 500
          ? 'server_error'
          : 'invalid_request_error';
    return { error: { message: this.message, type, param: this.param ?? null, code: this.code } };
  }

  toResponse(): Response {
    return jsonResponse(this, { status: this.status, headers: this.headers });
  }
}

/** To requests that come, or are not answered yet, while the server closes. */
export function shuttingDown(): ApiError {
  return new ApiError(503, 'the server is shutting down.', {
    code: 'shutting_down',
    headers: { connection: 'close' },
  });
}
