/** Text files. */
import { decodeText, unpacked } from '../../src/data/encoding/decode.ts';
import type { NamedBytes } from './api.ts';

/**
 * The content of a text file, as the library reads it: the encoding is detected, and gzip is unpacked.
 *
 * @throws {TextError} for a file that is not a text
 */
export async function decodedText({ bytes, name }: NamedBytes): Promise<string> {
  const { content } = decodeText(await unpacked(bytes, name), name, { tokens: 'character' });
  return content as string;
}
