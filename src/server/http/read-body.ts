/** Reads the JSON body of a request, with limits on its size and time. */
import { joinBytes } from '../../util/bytes.ts';
import { ApiError } from './api-error.ts';
import type { IncomingRequest } from './incoming-request.ts';

/**
 * Reads and parses the body of a request.
 *
 * @param limits Maximum bytes, and maximum seconds until the whole body has arrived.
 * @throws {ApiError} 415 for another content type, 413 if it is too long, 408 if it is too slow, 400 if it is not JSON in UTF-8
 */
export async function readJson(
  request: IncomingRequest,
  limits: { readonly bytes: number; readonly seconds: number },
): Promise<unknown> {
  const type = request.headers.get('content-type') ?? 'none';
  // A page of another site can make a browser send other content types without a preflight, but not this one.
  if (!/^application\/json\s*(;|$)/i.test(type)) {
    throw new ApiError(415, `content-type: got ${type}, expected application/json.`, {
      code: 'unsupported_media_type',
    });
  }
  const bytes = await readBytes(request, limits);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ApiError(400, 'the body is not valid UTF-8.', { code: 'invalid_json', cause });
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ApiError(400, `the body is not valid JSON: ${reason}`, { code: 'invalid_json', cause: error });
  }
}

async function readBytes(
  request: IncomingRequest,
  { bytes: max, seconds }: { readonly bytes: number; readonly seconds: number },
): Promise<Uint8Array> {
  const tooLarge = () =>
    new ApiError(413, `the body is longer than ${max} bytes.`, { code: 'body_too_large' });
  if (Number(request.headers.get('content-length')) > max) throw tooLarge();
  if (!request.body) return new Uint8Array();
  const reader = request.body.getReader();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(
        new ApiError(408, `the body did not arrive within ${seconds} s.`, {
          code: 'request_timeout',
          headers: { connection: 'close' },
        }),
      );
    }, seconds * 1000);
  });
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await Promise.race([reader.read().catch(cutOff), late]);
      if (done || !value) return joinBytes(parts);
      length += value.length;
      if (length > max) throw tooLarge();
      parts.push(value);
    }
  } finally {
    clearTimeout(timer);
    reader.releaseLock();
  }
}

function cutOff(cause: unknown): never {
  throw new ApiError(400, 'the connection ended before the body did.', { code: 'body_cut_off', cause });
}
