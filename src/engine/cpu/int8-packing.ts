/**
 * Vectors of int8 weights in the memory layout of the kernels (native/kernels/int8.h).
 *
 * A matrix is stored in panels of 16 outputs: levels [⌈K⌉/4][16][4], then the scales of the outputs, then 64 · Σ levels of each as ints. A
 * look-up table has panels of levels [V][16], then the scales of the outputs; an embedding panels of levels [V][16], and after all of them the
 * scales of its tokens. Biases are floats.
 */
import type { NumberArray } from '../engine.ts';
import { checkQuantizable, isQuantized, type QuantizedMatrix, quantizeRows } from '../int8.ts';
import type { Layout, Module } from '../layout.ts';
import { sizeOf } from '../sizes.ts';
import { LANES } from './calls.ts';
import { type PackedSlice, type PackedVector, packedVector, padded } from './packing.ts';

/** Added to the level of an activation, so that it is positive. */
const LEVEL_OFFSET = 64;
const LEVELS_PER_WORD = 4;

type Form = 'bias' | 'matrix' | 'table' | 'embedding';

const plans = new WeakMap<Layout, PackedVector>();

/** The packed form of a layout's parameters in int8. */
export function int8Vector(layout: Layout): PackedVector {
  const known = plans.get(layout);
  if (known) return known;
  let offset = 0;
  const slices = packedVector(layout).slices.map((packed) => {
    const own = { ...packed, offset };
    offset += floatsOf(layout, packed);
    return own;
  });
  const plan = { slices, size: offset };
  plans.set(layout, plan);
  return plan;
}

function formOf(layout: Layout, { slice }: PackedSlice): Form {
  if (!isQuantized(slice)) return 'bias';
  const module = layout[slice.module] as Module;
  if (module.kind === 'embedding') return 'embedding';
  return module.kind === 'recurrent' && module.input === 'tokens' && slice.name === 'weight_ih'
    ? 'table'
    : 'matrix';
}

function floatsOf(layout: Layout, packed: PackedSlice): number {
  const { gates: G, units, inputs, rows } = packed;
  const H = padded(units);
  switch (formOf(layout, packed)) {
    case 'bias':
      return G * H;
    case 'matrix':
      return sizeOf('int8Matrix', { G, H, K: rows });
    case 'table':
      return sizeOf('int8Table', { G, H, V: inputs });
    case 'embedding':
      return sizeOf('int8Embedding', { D: H, V: inputs, R: padded(inputs) });
  }
}

/** A part of a packed vector, as numbers of each type. */
interface Words {
  readonly floats: Float32Array;
  readonly ints: Int32Array;
  readonly bytes: Int8Array;
}

function wordsAt(buffer: ArrayBuffer, offset: number, count: number): Words {
  return {
    floats: new Float32Array(buffer, offset * 4, count),
    ints: new Int32Array(buffer, offset * 4, count),
    bytes: new Int8Array(buffer, offset * 4, count * 4),
  };
}

/**
 * Quantizes and packs all parameters of a layout.
 *
 * @param values In canonical order.
 * @throws {UnsupportedError} if a parameter can't be quantized
 */
export function packInt8(layout: Layout, values: NumberArray): Uint8Array<ArrayBuffer> {
  checkQuantizable(values);
  const { slices, size } = int8Vector(layout);
  const buffer = new ArrayBuffer(size * 4);
  const given = values instanceof Float32Array ? values : Float32Array.from(values);
  for (const packed of slices) {
    const { offset, size: count, shape } = packed.slice;
    const own = given.subarray(offset, offset + count);
    const into = wordsAt(buffer, packed.offset, floatsOf(layout, packed));
    const form = formOf(layout, packed);
    if (form === 'bias') {
      own.forEach((value, row) => {
        into.floats[paddedRow(row, packed)] = value;
      });
      continue;
    }
    const [rows = 0, columns = 0] = shape;
    const matrix = quantizeRows(own, rows, columns);
    const { ofRow, ofColumn } = levelPlaces(packed, form);
    // Every row has the same places, and a large model has millions of levels.
    const places = Int32Array.from({ length: columns }, (_, column) => ofColumn(column));
    for (let row = 0; row < rows; row++) {
      const first = ofRow(row);
      const levels = matrix.levels.subarray(row * columns, (row + 1) * columns);
      for (let column = 0; column < columns; column++)
        into.bytes[first + (places[column] as number)] = levels[column] as number;
    }
    writeScales(into, packed, form, matrix);
  }
  return new Uint8Array(buffer);
}

/** The parameters that a packed vector holds, in canonical order. */
export function unpackInt8(layout: Layout, packedBytes: Uint8Array<ArrayBuffer>): Float32Array {
  const { slices } = int8Vector(layout);
  const last = slices.at(-1)?.slice;
  const values = new Float32Array(last ? last.offset + last.size : 0);
  for (const packed of slices) {
    const { offset, size: count, shape } = packed.slice;
    const from = wordsAt(packedBytes.buffer, packed.offset, floatsOf(layout, packed));
    const form = formOf(layout, packed);
    if (form === 'bias') {
      for (let row = 0; row < count; row++)
        values[offset + row] = from.floats[paddedRow(row, packed)] as number;
      continue;
    }
    const [rows = 0, columns = 0] = shape;
    const { ofRow, ofColumn } = levelPlaces(packed, form);
    for (let row = 0; row < rows; row++) {
      const first = ofRow(row);
      const scale = from.floats[scalePlace(row, packed, form)] as number;
      for (let column = 0; column < columns; column++)
        values[offset + row * columns + column] = (from.bytes[first + ofColumn(column)] as number) * scale;
    }
  }
  return values;
}

/** The row of a tensor among rows that are padded gate by gate. */
function paddedRow(row: number, { units }: PackedSlice): number {
  return Math.floor(row / units) * padded(units) + (row % units);
}

/** Floats of a panel of 16 outputs. */
function panelFloats({ rows, inputs }: PackedSlice, form: Form): number {
  if (form === 'matrix') return (rows / LEVELS_PER_WORD) * LANES + 2 * LANES;
  const levels = inputs * (LANES / LEVELS_PER_WORD);
  return form === 'table' ? levels + LANES : levels;
}

/** The index of a row's scale. */
function scalePlace(row: number, packed: PackedSlice, form: Form): number {
  const { rows, inputs, units } = packed;
  const panel = panelFloats(packed, form);
  if (form === 'embedding') return (padded(units) / LANES) * panel + row;
  const output = paddedRow(row, packed);
  const levels = (form === 'matrix' ? rows : inputs) * (LANES / LEVELS_PER_WORD);
  return Math.floor(output / LANES) * panel + levels + (output % LANES);
}

/** The place of a level in bytes: that of its row's first level, plus that of its column in a row. */
interface LevelPlaces {
  readonly ofRow: (row: number) => number;
  readonly ofColumn: (column: number) => number;
}

function levelPlaces(packed: PackedSlice, form: Form): LevelPlaces {
  const panel = panelFloats(packed, form) * LEVELS_PER_WORD;
  if (form === 'embedding')
    return {
      ofRow: (row) => row * LANES,
      ofColumn: (column) => Math.floor(column / LANES) * panel + (column % LANES),
    };
  const adjacent = form === 'matrix' ? LEVELS_PER_WORD : 1;
  return {
    ofRow: (row) => {
      const output = paddedRow(row, packed);
      return Math.floor(output / LANES) * panel + (output % LANES) * adjacent;
    },
    ofColumn: (column) => Math.floor(column / adjacent) * adjacent * LANES + (column % adjacent),
  };
}

function writeScales(
  { floats, ints }: Words,
  packed: PackedSlice,
  form: Form,
  { levels, scales }: QuantizedMatrix,
): void {
  const columns = levels.length / scales.length;
  scales.forEach((scale, row) => {
    const at = scalePlace(row, packed, form);
    floats[at] = scale;
    if (form !== 'matrix') return;
    let sum = 0;
    for (const level of levels.subarray(row * columns, (row + 1) * columns)) sum += level;
    ints[at + LANES] = LEVEL_OFFSET * sum;
  });
}
