/**
 * The part of Protocol Buffers' wire format that ONNX and TensorBoard use: fields of varints and bytes and, for writing, floats.
 *
 * A message is a sequence of fields, each a varint (number << 3 | wire type) and its value. Source:
 * protobuf.dev/programming-guides/encoding. Why not a library: docs/decisions/onnx.md.
 */
import { malformed } from '../checkpoint/errors.ts';

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;
/** Bytes of a varint of 64 bits. */
const MAX_VARINT_BYTES = 10;

/** Builds a message field by field. The parts are never copied. */
export class MessageWriter {
  readonly parts: Uint8Array[] = [];
  /** Bytes so far. */
  size = 0;

  varint(field: number, value: number): this {
    return this.#add([encodeVarint(field * 8 + VARINT), encodeVarint(value)]);
  }

  double(field: number, value: number): this {
    return this.#add([
      encodeVarint(field * 8 + FIXED64),
      littleEndian(8, (view) => view.setFloat64(0, value, true)),
    ]);
  }

  float(field: number, value: number): this {
    return this.#add([
      encodeVarint(field * 8 + FIXED32),
      littleEndian(4, (view) => view.setFloat32(0, value, true)),
    ]);
  }

  bytes(field: number, value: Uint8Array): this {
    return this.#add([encodeVarint(field * 8 + BYTES), encodeVarint(value.length), value]);
  }

  text(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  message(field: number, value: MessageWriter): this {
    return this.#add([encodeVarint(field * 8 + BYTES), encodeVarint(value.size)]).#add(value.parts);
  }

  messages(field: number, values: Iterable<MessageWriter>): this {
    for (const value of values) this.message(field, value);
    return this;
  }

  #add(parts: readonly Uint8Array[]): this {
    for (const part of parts) {
      this.parts.push(part);
      this.size += part.length;
    }
    return this;
  }
}

/** Seven bits per byte, lowest first. The highest bit is set if more bytes follow. */
function encodeVarint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Uint8Array.from([...bytes, rest]);
}

function littleEndian(size: number, set: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(size);
  set(new DataView(bytes.buffer));
  return bytes;
}

/** A field of a message: the value of a varint, or a view of bytes. */
export interface Field {
  readonly number: number;
  /** Undefined if the field is not a varint, or is above 2^53. */
  readonly value: number | undefined;
  /** Undefined if the field does not hold bytes. */
  readonly bytes: Uint8Array | undefined;
}

/**
 * Yields the fields of a message one at a time, in the order of the file.
 *
 * @param where What to call the message in errors.
 * @throws {CheckpointError} `checkpoint-malformed`
 */
export function* fieldsOf(message: Uint8Array, where: string): Generator<Field, void, void> {
  let at = 0;
  const varint = (): number => {
    const { value, next } = varintAt(message, at, where);
    at = next;
    return value;
  };
  while (at < message.length) {
    const tag = varint();
    const wire = tag % 8;
    const number = (tag - wire) / 8;
    if (number < 1 || number >= 2 ** 29) throw malformed(where, `it has the invalid field number ${number}`);
    if (wire === VARINT) {
      const value = varint();
      yield { number, value: Number.isSafeInteger(value) ? value : undefined, bytes: undefined };
      continue;
    }
    const length = wire === BYTES ? varint() : wire === FIXED64 ? 8 : wire === FIXED32 ? 4 : Number.NaN;
    if (Number.isNaN(length)) throw malformed(where, `field ${number} has the wire type ${wire}`);
    if (at + length > message.length) throw malformed(where, `field ${number} is longer than its message`);
    const bytes = message.subarray(at, at + length);
    at += length;
    yield { number, value: undefined, bytes: wire === BYTES ? bytes : undefined };
  }
}

function varintAt(bytes: Uint8Array, at: number, where: string): { value: number; next: number } {
  let value = 0;
  let scale = 1;
  for (let next = at; next < at + MAX_VARINT_BYTES; scale *= 128) {
    const byte = bytes[next++];
    if (byte === undefined) throw malformed(where, 'it ends within a number');
    value += (byte & 127) * scale;
    if (byte < 128) return { value, next };
  }
  throw malformed(where, 'a number in it is too long');
}

/**
 * The numbers in a packed field.
 *
 * @throws {CheckpointError} `checkpoint-malformed` for more than `max`
 */
export function varintsOf(bytes: Uint8Array, max: number, where: string): number[] {
  const numbers: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (numbers.length === max) throw malformed(where, `it has more than ${max} numbers`);
    const { value, next } = varintAt(bytes, at, where);
    numbers.push(value);
    at = next;
  }
  return numbers;
}

/**
 * The bytes of all fields with a number.
 *
 * @throws {CheckpointError} `checkpoint-malformed` for more than `max` fields. (An empty field takes two bytes in a file, but more in memory.)
 */
export function bytesOf(message: Uint8Array, number: number, max: number, where: string): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (const field of fieldsOf(message, where)) {
    if (field.number !== number || !field.bytes) continue;
    if (found.length === max) throw malformed(where, `it has more than ${max} fields ${number}`);
    found.push(field.bytes);
  }
  return found;
}

/** The text of a field; empty if it is missing. If it is repeated, the last one counts, as the format requires. */
export function textOf(message: Uint8Array, number: number, where: string): string {
  let last: Uint8Array = new Uint8Array();
  for (const field of fieldsOf(message, where)) {
    if (field.number === number && field.bytes) last = field.bytes;
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(last);
  } catch {
    throw malformed(where, `field ${number} is not UTF-8`);
  }
}
