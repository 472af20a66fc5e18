/**
 * The values in a Torch7 file.
 *
 * Tables, objects, tensors, storages and functions have an identity: several places in a file may refer to the same one, and references may
 * be circular. Strings are bytes, written as the characters U+0000–U+00FF.
 */
import type { ElementType } from './elements.ts';

export type Value = null | boolean | number | string | Table | TorchObject | Tensor | Storage | LuaFunction;

/** A value with an identity. */
export type Reference = Exclude<Value, null | boolean | number | string>;

/** The version of a class in the file; undefined in the oldest files, which have none. */
export type ClassVersion = string | undefined;

/** A Lua table. Its keys, which may be tables or objects too, are in the order of the file. */
export class Table {
  readonly keys: Value[] = [];
  readonly values: Value[] = [];
  #indices: Map<Value, number> | undefined;

  /** A table whose keys are names. */
  static of(fields: Readonly<Record<string, Value>>): Table {
    const table = new Table();
    for (const [key, value] of Object.entries(fields)) table.add(key, value);
    return table;
  }

  /** A table with the keys 1, 2, …. */
  static list(values: Iterable<Value>): Table {
    const table = new Table();
    for (const value of values) table.add(table.size + 1, value);
    return table;
  }

  get size(): number {
    return this.keys.length;
  }

  add(key: Value, value: Value): void {
    this.#indices = undefined;
    this.keys.push(key);
    this.values.push(value);
  }

  /** The value of a key; null if there is none. */
  get(key: Value): Value {
    this.#indices ??= new Map(this.keys.map((each, index) => [each, index]));
    const index = this.#indices.get(key);
    return index === undefined ? null : (this.values[index] ?? null);
  }

  /** The values of the keys 1, 2, … up to the first missing one. */
  list(): Value[] {
    const values: Value[] = [];
    for (let value = this.get(1); value !== null; value = this.get(values.length + 1)) values.push(value);
    return values;
  }
}

/** An object that is neither a tensor nor a storage. */
export class TorchObject {
  readonly className: string;
  readonly version: ClassVersion;
  /** Its fields. */
  payload: Value = null;

  constructor(className: string, payload: Value = null, version: ClassVersion = '1') {
    this.className = className;
    this.version = version;
    this.payload = payload;
  }
}

/** A view of a storage. */
export class Tensor {
  readonly className: string;
  readonly version: ClassVersion;
  readonly sizes: readonly number[];
  /** Distance in the storage between consecutive indices of each axis. */
  readonly strides: readonly number[];
  /** Index of the first element, from 1. */
  readonly offset: number;
  /** Null if the tensor has no elements. */
  storage: Storage | null = null;

  constructor(init: Pick<Tensor, 'className' | 'sizes' | 'strides' | 'offset'> & { version?: ClassVersion }) {
    this.className = init.className;
    this.version = 'version' in init ? init.version : '1';
    this.sizes = init.sizes;
    this.strides = init.strides;
    this.offset = init.offset;
  }
}

/** A flat array of numbers of one type. */
export class Storage {
  readonly className: string;
  readonly version: ClassVersion;
  readonly element: ElementType;
  /** The numbers, little endian. */
  readonly bytes: Uint8Array;

  constructor(className: string, element: ElementType, bytes: Uint8Array, version: ClassVersion = '1') {
    this.className = className;
    this.version = version;
    this.element = element;
    this.bytes = bytes;
  }

  get length(): number {
    return this.bytes.length / this.element.bytes;
  }
}

/** A serialized function. It is only stored, never run. */
export class LuaFunction {
  /** Its type number: Torch has three formats for functions. */
  readonly type: 6 | 7 | 8;
  readonly bytecode: Uint8Array;
  upvalues: Value = null;

  constructor(type: 6 | 7 | 8, bytecode: Uint8Array) {
    this.type = type;
    this.bytecode = bytecode;
  }
}
