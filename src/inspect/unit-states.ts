/** The values of a model's units while it reads a text. */
import { CELLS, type Cell } from '../engine/cells.ts';

/** A part of the state (`h`, `c`), or a gate after its non-linearity. */
export type UnitPart = 'h' | 'c' | 'i' | 'f' | 'o' | 'g' | 'z' | 'r' | 'n';

/** The parts that a cell has: those of its state, then its gates. The gate of an rnn is its h. */
export function partsOf(cell: Cell): UnitPart[] {
  const { state, gates } = CELLS[cell];
  return [...new Set<UnitPart>([...[...state].reverse(), ...gates])];
}

/** How often a gate is nearly closed and nearly open, for each unit: the fractions of values below 0.1 and above 0.9. */
export interface Saturation {
  readonly closed: Float32Array;
  readonly open: Float32Array;
}

const CLOSED = 0.1;
const OPEN = 0.9;

/** Layers and units are numbered from 1, positions from 0. The values at a position are those after its symbol was read. */
export class UnitStates {
  readonly symbols: readonly string[];
  /** Units of a layer. */
  readonly units: number;
  readonly parts: readonly UnitPart[];
  /** The layers that were recorded, in ascending order. */
  readonly layers: readonly number[];
  /** For each layer and part, [T, units]. */
  readonly #values: ReadonlyMap<string, Float32Array>;

  constructor(
    symbols: readonly string[],
    units: number,
    layers: readonly number[],
    parts: readonly UnitPart[],
    values: ReadonlyMap<string, Float32Array>,
  ) {
    this.symbols = symbols;
    this.units = units;
    this.layers = layers;
    this.parts = parts;
    this.#values = values;
  }

  /** Number of positions. */
  get length(): number {
    return this.symbols.length;
  }

  /** All values of a part of a layer, [T, units]. @throws {RangeError} if they were not recorded */
  matrix(layer: number, part: UnitPart = 'h'): Float32Array {
    const values = this.#values.get(statesKey(layer, part));
    if (!values) throw new RangeError(`there are no values of ${part} in layer ${layer}`);
    return values;
  }

  /** The values of one unit at all positions, [T]. @throws {RangeError} if there is no such unit */
  column(layer: number, unit: number, part: UnitPart = 'h'): Float32Array {
    if (!Number.isInteger(unit) || unit < 1 || unit > this.units)
      throw new RangeError(`got unit ${unit}, expected one from 1 to ${this.units}`);
    const all = this.matrix(layer, part);
    return Float32Array.from({ length: this.length }, (_, t) => all[t * this.units + unit - 1] as number);
  }

  /** The values of all units of a layer after the symbol at a position, [units]. */
  at(position: number, layer: number, part: UnitPart = 'h'): Float32Array {
    return this.matrix(layer, part).slice(position * this.units, (position + 1) * this.units);
  }

  /** For a gate that is a sigmoid. */
  saturation(layer: number, part: UnitPart): Saturation {
    const all = this.matrix(layer, part);
    const closed = new Float32Array(this.units);
    const open = new Float32Array(this.units);
    for (let at = 0; at < all.length; at += this.units)
      for (let u = 0; u < this.units; u++) {
        const value = all[at + u] as number;
        if (value < CLOSED) closed[u] = (closed[u] as number) + 1 / this.length;
        else if (value > OPEN) open[u] = (open[u] as number) + 1 / this.length;
      }
    return { closed, open };
  }
}

export function statesKey(layer: number, part: UnitPart): string {
  return `${layer} ${part}`;
}
