/** Errors in the form of the OpenAI protocol: a status, and a body {error: {message, type, param, code}}. */
import { CharRnnError, OptionError, type Remedy } from '../../errors.ts';
import { fieldNameOf } from '../openai/field-names.ts';
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

/** An error's problem with what a client can do about it: fields to set. Remedies that only the server's owner can apply are left out. */
export function problemText({ problem, remedies }: CharRnnError): string {
  return [problem, ...remedies.flatMap(remedyOfRequest)].join(' ');
}

function remedyOfRequest({ text, set, command }: Remedy): string[] {
  if (command) return [];
  if (!set) return [`${text}.`];
  const fields = Object.entries(set).map(([option, value]) => [fieldNameOf(option), value ?? null] as const);
  if (fields.some(([field]) => field === undefined)) return [];
  return [
    `${text}: ${fields.map(([field, value]) => `${JSON.stringify(field)}: ${JSON.stringify(value)}`).join(', ')}.`,
  ];
}

/** The answer to an error. Those that are no fault of a request become a 500 without particulars. */
export function apiErrorOf(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof OptionError) {
    const param = fieldNameOf(error.option) ?? error.option;
    return new ApiError(400, `${param}: ${error.reason}`, { param });
  }
  return new ApiError(500, 'the server failed on this request; its log has the reason.', {
    code: 'internal_error',
  });
}
