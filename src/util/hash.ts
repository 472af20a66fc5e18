/** SHA-256, in Node and in a page. */
import { UnsupportedError } from '../errors.ts';

/**
 * The hash in lower-case hexadecimal.
 *
 * @throws {UnsupportedError} in a page without Web Cryptography: one loaded by http from another machine
 */
export async function sha256(bytes: Uint8Array): Promise<string> {
  if (!globalThis.crypto?.subtle) {
    throw new UnsupportedError('this page has no Web Cryptography: serve it by https, or from localhost.');
  }
  const digest = await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>);
  return hexOf(new Uint8Array(digest));
}

/** Bytes in lower-case hexadecimal. */
export function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
