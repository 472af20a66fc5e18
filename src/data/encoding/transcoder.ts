/** Converts a text from another encoding to UTF-8, block by block. */
import { TextError } from '../../errors.ts';
import { joinBytes } from '../../util/bytes.ts';
import { formatCount } from '../../util/format.ts';
import type { ByteTransform } from './byte-transform.ts';
import { type EncodingName, encodingTitle } from './encodings.ts';
import { ANY_BYTES, byteText } from './reading.ts';
import { NO_CHARACTER, singleByteTable } from './single-byte.ts';

/**
 * @param encoding Not `auto`, `utf-16` or `utf-32`.
 * @param name What to call the text in messages.
 * @returns a transform that drops the byte order mark and throws a TextError `text-not-decodable` for invalid bytes
 */
export function transcoder(encoding: EncodingName, name: string): ByteTransform {
  const table = singleByteTable(encoding);
  if (table) return new SingleByte(encoding, name, table);
  if (encoding.startsWith('utf-32')) return new Utf32(encoding, name);
  return new PlatformDecoder(encoding, name);
}

class SingleByte implements ByteTransform {
  readonly #encoding: EncodingName;
  readonly #name: string;
  readonly #sequences: readonly (Uint8Array | undefined)[];
  #offset = 0;

  constructor(encoding: EncodingName, name: string, table: readonly string[]) {
    const encoder = new TextEncoder();
    this.#encoding = encoding;
    this.#name = name;
    this.#sequences = table.map((character) =>
      character === NO_CHARACTER ? undefined : encoder.encode(character),
    );
  }

  push(bytes: Uint8Array): Uint8Array {
    const out = new Uint8Array(bytes.length * 3);
    let length = 0;
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at] as number;
      if (byte < 0x80) {
        out[length++] = byte;
        continue;
      }
      const sequence = this.#sequences[byte];
      if (!sequence) throw undecodable(this.#name, this.#encoding, this.#offset + at, byte);
      for (const part of sequence) out[length++] = part;
    }
    this.#offset += bytes.length;
    return out.subarray(0, length);
  }
}

/** Uses the platform's `TextDecoder`. */
class PlatformDecoder implements ByteTransform {
  readonly #encoding: EncodingName;
  readonly #name: string;
  readonly #decoder: TextDecoder;
  readonly #encoder = new TextEncoder();
  #offset = 0;

  constructor(encoding: EncodingName, name: string) {
    this.#encoding = encoding;
    this.#name = name;
    this.#decoder = new TextDecoder(encoding, { fatal: true });
  }

  push(bytes: Uint8Array, isLast: boolean): Uint8Array {
    try {
      const text = this.#decoder.decode(bytes, { stream: !isLast });
      this.#offset += bytes.length;
      return this.#encoder.encode(text);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      const at = this.#firstInvalid(bytes);
      throw undecodable(this.#name, this.#encoding, this.#offset + at, bytes[at] ?? 0);
    }
  }

  /** Index of a byte in the first invalid character. */
  #firstInvalid(bytes: Uint8Array): number {
    const decoder = new TextDecoder(this.#encoding, { fatal: true });
    for (let at = 0; at < bytes.length; at++) {
      try {
        decoder.decode(bytes.subarray(at, at + 1), { stream: true });
      } catch {
        return at;
      }
    }
    return Math.max(0, bytes.length - 1);
  }
}

class Utf32 implements ByteTransform {
  readonly #encoding: EncodingName;
  readonly #name: string;
  readonly #encoder = new TextEncoder();
  #held: Uint8Array = new Uint8Array();
  #offset = 0;

  constructor(encoding: EncodingName, name: string) {
    this.#encoding = encoding;
    this.#name = name;
  }

  push(block: Uint8Array, isLast: boolean): Uint8Array {
    const bytes = joinBytes([this.#held, block]);
    const whole = bytes.length & ~3;
    const view = new DataView(bytes.buffer);
    const parts: string[] = [];
    for (let at = 0; at < whole; at += 4) {
      const point = view.getUint32(at, this.#encoding === 'utf-32le');
      if (point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) this.#refuse(at, bytes);
      if (point !== 0xfeff || this.#offset + at > 0) parts.push(String.fromCodePoint(point));
    }
    if (isLast && whole < bytes.length) this.#refuse(whole, bytes);
    this.#held = bytes.slice(whole);
    this.#offset += whole;
    return this.#encoder.encode(parts.join(''));
  }

  #refuse(at: number, bytes: Uint8Array): never {
    throw undecodable(this.#name, this.#encoding, this.#offset + at, bytes[at] ?? 0);
  }
}

function undecodable(name: string, encoding: EncodingName, offset: number, byte: number): TextError {
  return new TextError(
    'text-not-decodable',
    `${name}: byte ${formatCount(offset)} (${byteText(byte)}) is not valid ${encodingTitle(encoding)}.`,
    { remedies: [{ text: 'To detect its encoding', set: { encoding: undefined } }, ANY_BYTES] },
  );
}
