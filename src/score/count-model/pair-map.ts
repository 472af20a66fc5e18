/**
 * A map from pairs of integers to integers, in typed arrays: hash tables with open addressing and linear probing.
 *
 * There are several small tables, which grow one at a time, so that no call takes long. An item takes 12 bytes, in tables that are a third to
 * two thirds full.
 */
import { mix32 } from '../../util/mix32.ts';

const TABLE_BITS = 6;
const FIRST_SLOTS = 16;
const MAX_LOAD = 2 / 3;

interface Table {
  /** a·stride + b + 1; 0 in an empty slot. */
  keys: Float64Array;
  values: Int32Array;
  size: number;
}

export class PairMap {
  readonly #stride: number;
  readonly #tables: readonly Table[];

  /** @param stride More than the largest second integer of a pair. The first times this must stay below 2⁵³. */
  constructor(stride: number) {
    this.#stride = stride;
    this.#tables = Array.from({ length: 1 << TABLE_BITS }, () => ({
      keys: new Float64Array(FIRST_SLOTS),
      values: new Int32Array(FIRST_SLOTS),
      size: 0,
    }));
  }

  /** The number of pairs. */
  get size(): number {
    return this.#tables.reduce((sum, { size }) => sum + size, 0);
  }

  /** The value of a pair; 0 if the map does not have it. */
  get(a: number, b: number): number {
    const hash = hashOf(a, b);
    const { keys, values } = this.#tableOf(hash);
    return values[slotOf(keys, a * this.#stride + b + 1, hash)] as number;
  }

  /** Adds to the value of a pair, which is 0 at first. Returns the new value. */
  add(a: number, b: number, amount: number): number {
    const hash = hashOf(a, b);
    const table = this.#tableOf(hash);
    const key = a * this.#stride + b + 1;
    const { keys, values } = table;
    const slot = slotOf(keys, key, hash);
    const value = (values[slot] as number) + amount;
    values[slot] = value;
    if (keys[slot] === 0) {
      keys[slot] = key;
      if (++table.size > keys.length * MAX_LOAD) this.#grow(table);
    }
    return value;
  }

  /** Calls a function with the first integer and the value of each pair. Yields after every few thousand of them. */
  *forEach(visit: (a: number, value: number) => void): Generator<void, void, void> {
    for (const { keys, values } of this.#tables) {
      for (let slot = 0; slot < keys.length; slot++) {
        const key = keys[slot] as number;
        if (key > 0) visit(Math.floor((key - 1) / this.#stride), values[slot] as number);
        if (slot % 8192 === 8191) yield;
      }
      yield;
    }
  }

  #tableOf(hash: number): Table {
    return this.#tables[hash >>> (32 - TABLE_BITS)] as Table;
  }

  #grow(table: Table): void {
    const { keys, values } = table;
    const length = 2 * keys.length;
    table.keys = new Float64Array(length);
    table.values = new Int32Array(length);
    for (let slot = 0; slot < keys.length; slot++) {
      const key = keys[slot] as number;
      if (key === 0) continue;
      const a = Math.floor((key - 1) / this.#stride);
      const to = slotOf(table.keys, key, hashOf(a, key - 1 - a * this.#stride));
      table.keys[to] = key;
      table.values[to] = values[slot] as number;
    }
  }
}

function hashOf(a: number, b: number): number {
  return mix32(Math.imul(a, 0x9e3779b1) + Math.imul(b, 0x85ebca6b));
}

/** The slot of a key, or the empty slot where it belongs. The number of slots is a power of two. */
function slotOf(keys: Float64Array, key: number, hash: number): number {
  const mask = keys.length - 1;
  let slot = hash & mask;
  while (keys[slot] !== key && keys[slot] !== 0) slot = (slot + 1) & mask;
  return slot;
}
