/**
 * Reads the graph of objects in a file written by `torch.save`.
 *
 * A file is one object: its type, then its contents. Tables, torch objects and functions are numbered in the order of appearance. A number
 * that occurred before stands for the earlier object. An object is registered before its contents are read, because they may refer to it.
 * Nested objects are on an explicit stack, so that deep nesting can't overflow the call stack.
 */
import { latin1 } from '../../../util/bytes.ts';
import { arrayClass } from '../elements.ts';
import { malformed, Torch7Fault } from '../errors.ts';
import { TYPE } from '../object-type.ts';
import {
  type ClassVersion,
  LuaFunction,
  type Reference,
  Storage,
  Table,
  Tensor,
  TorchObject,
  type Value,
} from '../values.ts';
import type { Source } from './source.ts';

/**
 * Maximum number of objects in a file: a constant plus one for every `BYTES_PER_OBJECT` bytes. In a network without weights an object has
 * 66 bytes; in memory it takes about 200. The limit also bounds nesting.
 */
const BASE_OBJECTS = 20_000;
const BYTES_PER_OBJECT = 50;
const MAX_AXES = 64;

export interface ReadObject {
  readonly value: Value;
  /** Number of functions in it. */
  readonly functions: number;
}

/** The objects read so far, by number. */
class KnownObjects {
  readonly #objects = new Map<number, Reference>();
  readonly #max: number;

  /** @param size Bytes of the file. */
  constructor(size: number) {
    this.#max = BASE_OBJECTS + Math.floor(size / BYTES_PER_OBJECT);
  }

  get(index: number): Reference | undefined {
    return this.#objects.get(index);
  }

  add(index: number, object: Reference): void {
    if (this.#objects.size === this.#max)
      throw new Torch7Fault(
        'torch7-too-large',
        `it has more than ${this.#max} objects, more than a network of its size`,
      );
    this.#objects.set(index, object);
  }
}

/** An object whose contents are being read. */
interface OpenObject {
  readonly made: Reference;
  /** Number of values still to be read. */
  missing: number;
  readonly take: (value: Value) => void;
}

/**
 * Reads the object of a file.
 *
 * @throws {Torch7Fault} `torch7-truncated`, `torch7-malformed`, `torch7-too-large`
 */
export function readObject(source: Source): ReadObject {
  const known = new KnownObjects(source.remaining);
  const open: OpenObject[] = [];
  let functions = 0;
  for (;;) {
    let read = readStart(source, known);
    if (isOpen(read) && read.made instanceof LuaFunction) functions++;
    // Add the value to the object around it. If that is complete, it is itself a value of the next object out.
    for (;;) {
      if (isOpen(read) && read.missing > 0) {
        open.push(read);
        break;
      }
      const value: Value = isOpen(read) ? read.made : read;
      const around = open.at(-1);
      if (!around) return { value, functions };
      around.take(value);
      around.missing--;
      if (around.missing > 0) break;
      open.pop();
      read = around;
    }
  }
}

function isOpen(read: Value | OpenObject): read is OpenObject {
  return read !== null && typeof read === 'object' && 'missing' in read;
}

function readStart(source: Source, known: KnownObjects): Value | OpenObject {
  const start = source.offset;
  const type = source.int();
  switch (type) {
    case TYPE.nil:
      return null;
    case TYPE.number:
      return source.double();
    case TYPE.string:
      return latin1(source.string());
    case TYPE.boolean:
      return source.int() !== 0;
    case TYPE.oldestFunction:
      return openFunction(type, source);
    case TYPE.table:
    case TYPE.torch:
    case TYPE.olderFunction:
    case TYPE.function: {
      const index = source.int();
      const seen = known.get(index);
      if (seen) return seen;
      const read =
        type === TYPE.table
          ? openTable(source)
          : type === TYPE.torch
            ? openTorch(source)
            : openFunction(type, source);
      known.add(index, read.made);
      return read;
    }
    default:
      throw malformed(`an object of type ${type} at byte ${start}, expected 0 to 8`);
  }
}

function openTable(source: Source): OpenObject {
  const entries = source.int();
  if (entries < 0 || entries * 2 * source.minObjectBytes > source.remaining) {
    throw malformed(
      `a table of ${entries} entries before byte ${source.offset}, where ${source.remaining} bytes are left`,
    );
  }
  const table = new Table();
  let key: Value = null;
  const open: OpenObject = {
    made: table,
    missing: entries * 2,
    take(value) {
      if (open.missing % 2 === 0) {
        if (value === null) throw malformed(`a table's key is nil before byte ${source.offset}`);
        key = value;
      } else table.add(key, value);
    },
  };
  return open;
}

function openTorch(source: Source): OpenObject {
  // The oldest files have no version before the class name.
  const first = latin1(source.string());
  const version = /^V (.*)$/.exec(first)?.[1];
  const className = version === undefined ? first : latin1(source.string());
  const array = arrayClass(className);
  if (array?.kind === 'Storage') {
    const [count = 0] = source.longs(1);
    if (count < 0) throw malformed(`a storage of ${count} numbers before byte ${source.offset}`);
    const storage = new Storage(className, array.element, source.elements(array.element, count), version);
    return { made: storage, missing: 0, take: () => {} };
  }
  return array ? openTensor(source, className, version) : openObject(source, className, version);
}

function openTensor(source: Source, className: string, version: ClassVersion): OpenObject {
  const axes = source.int();
  if (axes < 0 || axes > MAX_AXES) throw malformed(`a tensor of ${axes} axes before byte ${source.offset}`);
  const sizes = source.longs(axes);
  const strides = source.longs(axes);
  const [offset = 1] = source.longs(1);
  const tensor = new Tensor({ className, version, sizes, strides, offset });
  return {
    made: tensor,
    missing: 1,
    take(value) {
      if (value !== null && !(value instanceof Storage))
        throw malformed(`a ${className} without a storage before byte ${source.offset}`);
      tensor.storage = value;
    },
  };
}

function openObject(source: Source, className: string, version: ClassVersion): OpenObject {
  if (!/^[\w.]+$/.test(className)) throw malformed(`no name of a class before byte ${source.offset}`);
  const object = new TorchObject(className, null, version);
  return {
    made: object,
    missing: 1,
    take(value) {
      object.payload = value;
    },
  };
}

function openFunction(type: 6 | 7 | 8, source: Source): OpenObject {
  const made = new LuaFunction(type, source.string());
  return {
    made,
    missing: 1,
    take(value) {
      made.upvalues = value;
    },
  };
}
