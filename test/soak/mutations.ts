/**
 * Damages files, for tests of code that reads them: a seeded sequence of mutations of an array of bytes.
 *
 *     for (const { what, bytes } of mutations(file, 1000, { seed: 7 })) …
 *
 * The same file, count and seed give the same mutations. `what` describes the mutation, so that a failure can be reported and reproduced.
 */
import { MersenneTwister } from '../../src/util/mersenne-twister.ts';

export interface Mutation {
  /** A description of the mutation: `bit 3 of byte 17 flipped`. */
  readonly what: string;
  /** The damaged file, in a new array. */
  readonly bytes: Uint8Array;
}

interface Settings {
  readonly seed?: number;
  /** Only one in eight mutations damages bytes from this offset on: bulk data, in which one byte is like another. Default: no such part. */
  readonly bulkFrom?: number;
}

type Change = (bytes: Uint8Array, random: Random, at: number) => Mutation;

/** Numbers that often mislead readers, as 8 bytes, little endian. */
const EXTREMES = [
  ...[0n, 1n, -1n, 127n, 128n, 255n, 256n, 65_535n, 65_536n],
  ...[
    2n ** 31n - 1n,
    2n ** 31n,
    2n ** 32n - 1n,
    2n ** 32n,
    2n ** 53n - 1n,
    2n ** 53n,
    2n ** 62n,
    2n ** 63n - 1n,
  ],
];

/** Texts that replace a number in JSON. */
const JSON_VALUES = [
  ...['0', '-1', '1', '2147483647', '4294967295', '9007199254740991', '9007199254740993', '1e308', '1e999'],
  ...['0.5', '-0', 'null', 'true', '""', '[]', '{}', '[[[[]]]]'],
];

const DEPTH = 100_000;

/** Yields `count` damaged copies of a file. The kinds of damage take turns, each at a random offset. */
export function* mutations(
  file: Uint8Array,
  count: number,
  settings: Settings = {},
): Generator<Mutation, void, void> {
  const random = new Random(settings.seed ?? 1);
  for (let index = 0; index < count; index++) {
    const change = CHANGES[index % CHANGES.length] as Change;
    yield change(file, random, random.place(file.length, settings.bulkFrom));
  }
}

class Random {
  readonly #twister: MersenneTwister;

  constructor(seed: number) {
    this.#twister = new MersenneTwister(seed);
  }

  /** A random whole number from 0 to `end` − 1; 0 if `end` is 0. */
  below(end: number): number {
    return Math.floor(this.#twister.nextUniform() * end);
  }

  of<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T;
  }

  /** A random offset in a file. */
  place(length: number, bulkFrom = length): number {
    const end = this.below(8) === 0 ? length : Math.min(length, Math.max(1, bulkFrom));
    return this.below(end);
  }
}

const CHANGES: readonly Change[] = [
  function flipBit(bytes, random, at) {
    const bit = random.below(8);
    return changed(bytes, `bit ${bit} of byte ${at} flipped`, (copy) => {
      copy[at] = (copy[at] ?? 0) ^ (1 << bit);
    });
  },
  function replaceByte(bytes, random, at) {
    const value = random.of([0, 1, 0x20, 0x22, 0x30, 0x39, 0x5b, 0x5d, 0x7b, 0x7d, 0x7f, 0x80, 0xff]);
    return changed(bytes, `byte ${at} is ${value}`, (copy) => {
      copy[at] = value;
    });
  },
  function cut(bytes, _random, at) {
    return { what: `cut to ${at} bytes`, bytes: bytes.slice(0, at) };
  },
  function appendJunk(bytes, random) {
    const junk = Uint8Array.from({ length: 1 + random.below(64) }, () => random.below(256));
    return { what: `${junk.length} bytes appended`, bytes: spliced(bytes, bytes.length, 0, junk) };
  },
  function extremeOf4Bytes(bytes, random, at) {
    return extreme(bytes, random.of(EXTREMES), at, 4);
  },
  function extremeOf8Bytes(bytes, random, at) {
    return extreme(bytes, random.of(EXTREMES), at, 8);
  },
  function extremeAtStart(bytes, random) {
    return extreme(bytes, random.of(EXTREMES), 8 * random.below(2), 8);
  },
  function swapBlocks(bytes, random, at) {
    const size = Math.min(1 + random.below(64), bytes.length - at);
    const other = random.below(bytes.length - size + 1);
    return changed(bytes, `${size} bytes at ${at} and ${other} exchanged`, (copy) => {
      copy.set(bytes.subarray(at, at + size), other);
      copy.set(bytes.subarray(other, other + size), at);
    });
  },
  function duplicateBlock(bytes, random, at) {
    const block = bytes.slice(at, at + 1 + random.below(64));
    return { what: `${block.length} bytes at ${at} doubled`, bytes: spliced(bytes, at, 0, block) };
  },
  function removeBlock(bytes, random, at) {
    const size = 1 + random.below(64);
    return { what: `${size} bytes at ${at} removed`, bytes: spliced(bytes, at, size, new Uint8Array()) };
  },
  function zeroBlock(bytes, random, at) {
    const size = 1 + random.below(256);
    return changed(bytes, `${size} bytes at ${at} are 0`, (copy) => copy.fill(0, at, at + size));
  },
  function changeDigits(bytes, random, at) {
    const run = digitsNear(bytes, at);
    const text = random.of(JSON_VALUES);
    if (!run) return appendedInstead(bytes, text);
    return {
      what: `digits at ${run.begin} are ${text}`,
      bytes: spliced(bytes, run.begin, run.end - run.begin, encoded(text)),
    };
  },
  function changeOneDigit(bytes, random, at) {
    const run = digitsNear(bytes, at);
    const digit = 0x30 + random.below(10);
    if (!run) return appendedInstead(bytes, String.fromCharCode(digit));
    return changed(bytes, `digit at ${run.begin} is ${digit - 0x30}`, (copy) => {
      copy[run.begin] = digit;
    });
  },
  function nestDeeply(bytes, random, at) {
    const open = random.of(['[', '{"a":', '[{"a":']);
    return insertIntoJson(bytes, at, `${open} nested ${DEPTH} times`, open.repeat(DEPTH));
  },
  function repeatKeys(bytes, random, at) {
    const key = random.of(['"__proto__":{},', '"a":0,', '"":[],']);
    return insertIntoJson(bytes, at, `${key} 10,000 times`, key.repeat(10_000));
  },
];

function changed(bytes: Uint8Array, what: string, change: (copy: Uint8Array) => void): Mutation {
  const copy = bytes.slice();
  change(copy);
  return { what, bytes: copy };
}

function spliced(bytes: Uint8Array, at: number, removed: number, added: Uint8Array): Uint8Array {
  const rest = bytes.subarray(Math.min(bytes.length, at + removed));
  const result = new Uint8Array(at + added.length + rest.length);
  result.set(bytes.subarray(0, at));
  result.set(added, at);
  result.set(rest, at + added.length);
  return result;
}

/** Overwrites 4 or 8 bytes, or fewer at the end of the file, with a number. */
function extreme(bytes: Uint8Array, value: bigint, at: number, width: 4 | 8): Mutation {
  const number = new Uint8Array(8);
  new DataView(number.buffer).setBigInt64(0, value, true);
  return changed(bytes, `${width} bytes at ${at} are ${value}`, (copy) => {
    copy.set(number.subarray(0, Math.max(0, Math.min(width, copy.length - at))), Math.min(at, copy.length));
  });
}

/** The first run of ASCII digits from an offset on, within 4,096 bytes. */
function digitsNear(bytes: Uint8Array, at: number): { begin: number; end: number } | undefined {
  const isDigit = (byte: number | undefined) => byte !== undefined && byte >= 0x30 && byte <= 0x39;
  let begin = at;
  while (begin < at + 4096 && begin < bytes.length && !isDigit(bytes[begin])) begin++;
  if (!isDigit(bytes[begin])) return undefined;
  let end = begin;
  while (isDigit(bytes[end])) end++;
  return { begin, end };
}

function appendedInstead(bytes: Uint8Array, text: string): Mutation {
  return { what: `${text} appended`, bytes: spliced(bytes, bytes.length, 0, encoded(text)) };
}

/**
 * Inserts text into JSON: after the next `{` or `[` from an offset on, else after the first one, else at the start. If the file begins with
 * the length of its header in 8 bytes, like a safetensors file, that length grows too, so that a reader gets to the JSON.
 */
function insertIntoJson(bytes: Uint8Array, at: number, what: string, text: string): Mutation {
  const added = encoded(text);
  const isOpen = (byte: number) => byte === 0x7b || byte === 0x5b;
  const next = bytes.findIndex((byte, index) => index >= at && isOpen(byte));
  const place = (next < 0 ? bytes.findIndex(isOpen) : next) + 1;
  const result = spliced(bytes, place, 0, added);
  if (bytes.length > 8) {
    const view = new DataView(result.buffer);
    const length = view.getBigUint64(0, true);
    if (length > 0 && length < bytes.length && place < 8 + Number(length)) {
      view.setBigUint64(0, length + BigInt(added.length), true);
    }
  }
  return { what: `${what} at ${place}`, bytes: result };
}

function encoded(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
