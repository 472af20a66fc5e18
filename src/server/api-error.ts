/** Errors as the OpenAI protocol speaks them: a status, and a body {error: {message, type, param, code}}. */
import { CharRnnError, OptionError, TextError } from '../errors.ts';
import { jsonResponse } from './json-response.ts';

interface Details {
  /** The field of the request that is at fault. */
  readonly param?: string | undefined;
  readonly code?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/** A request that is refused, or could not be finished. */
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

  /** The body's JSON. */
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

/** The library's names of options whose fields are named otherwise. */
const FIELDS: Readonly<Record<string, string>> = {
  length: 'max_tokens',
  bias: 'logit_bias',
  topP: 'top_p',
  topK: 'top_k',
  minP: 'min_p',
  typicalP: 'typical_p',
  repetitionPenalty: 'repetition_penalty',
  presencePenalty: 'presence_penalty',
  frequencyPenalty: 'frequency_penalty',
};

/** What to answer where something was thrown. What no request can be blamed for is a 500 without particulars. */
export function apiErrorOf(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof OptionError) {
    const param = FIELDS[error.option] ?? error.option;
    return new ApiError(400, `${param}: ${error.reason}`, { param });
  }
  if (error instanceof TextError) {
    return new ApiError(400, error.message, { param: 'prompt', code: error.code });
  }
  return new ApiError(500, 'the server failed on this request; its log has the reason.', {
    code: 'internal_error',
  });
}
