/**
 * The modules of a network and the canonical order of their parameters.
 *
 * All parameters of a network are parts of one flat vector. An engine may store that vector in any order, but writes and reads always use
 * the canonical order defined here.
 */
import { type Cell, gateCount, type Reset } from './cells.ts';

/** An embedding look-up: `weight` [V, D]. */
export interface EmbeddingModule {
  readonly kind: 'embedding';
  readonly name: string;
  readonly vocabularySize: number;
  readonly outputSize: number;
}

/**
 * One recurrent layer: `weight_ih` [G·H, D], `bias_ih` [G·H], `weight_hh` [G·H, H], `bias_hh` [G·H].
 *
 * The gates follow each other along the first dimension, in the order of `CELLS`.
 */
export interface RecurrentModule {
  readonly kind: 'recurrent';
  readonly name: string;
  readonly cell: Cell;
  /** For a cell that has a reset gate. */
  readonly reset?: Reset | undefined;
  /** `tokens`: the input is token ids and `weight_ih` a look-up table. */
  readonly input: 'tokens' | 'dense';
  readonly inputSize: number;
  readonly hiddenSize: number;
}

/** A linear map: `weight` [V, H], `bias` [V]. */
export interface LinearModule {
  readonly kind: 'linear';
  readonly name: string;
  readonly inputSize: number;
  readonly outputSize: number;
}

export type Module = EmbeddingModule | RecurrentModule | LinearModule;

/** A network: its modules from the input to the output. */
export type Layout = readonly Module[];

/** The place of a parameter tensor in the canonical flat vector. */
export interface ParameterSlice {
  /** Index of the module in its layout. */
  readonly module: number;
  readonly name: 'weight' | 'bias' | 'weight_ih' | 'bias_ih' | 'weight_hh' | 'bias_hh';
  readonly shape: readonly number[];
  /** Index of its first element in the vector. */
  readonly offset: number;
  readonly size: number;
}

function moduleTensors(module: Module): [ParameterSlice['name'], number[]][] {
  switch (module.kind) {
    case 'embedding':
      return [['weight', [module.vocabularySize, module.outputSize]]];
    case 'linear':
      return [
        ['weight', [module.outputSize, module.inputSize]],
        ['bias', [module.outputSize]],
      ];
    case 'recurrent': {
      const gates = gateCount(module.cell) * module.hiddenSize;
      return [
        ['weight_ih', [gates, module.inputSize]],
        ['bias_ih', [gates]],
        ['weight_hh', [gates, module.hiddenSize]],
        ['bias_hh', [gates]],
      ];
    }
  }
}

/** All parameter tensors of a layout in canonical order: by module, then in the order listed above. */
export function parameterSlices(layout: Layout): readonly ParameterSlice[] {
  const known = slicesOf.get(layout);
  if (known) return known;
  const made = makeSlices(layout);
  slicesOf.set(layout, made);
  return made;
}

/** The slices of each layout, because engines look them up in every call. */
const slicesOf = new WeakMap<Layout, readonly ParameterSlice[]>();

/** The slice of one parameter tensor; undefined if the module has none of this name. */
export function parameterSlice(
  layout: Layout,
  module: number,
  name: ParameterSlice['name'],
): ParameterSlice | undefined {
  return parameterSlices(layout).find((slice) => slice.module === module && slice.name === name);
}

function makeSlices(layout: Layout): ParameterSlice[] {
  const slices: ParameterSlice[] = [];
  let offset = 0;
  layout.forEach((module, index) => {
    for (const [name, shape] of moduleTensors(module)) {
      const size = shape.reduce((product, length) => product * length, 1);
      slices.push({ module: index, name, shape, offset, size });
      offset += size;
    }
  });
  return slices;
}

/** Number of parameters of a layout. */
export function parameterCount(layout: Layout): number {
  return parameterSlices(layout).reduce((sum, slice) => sum + slice.size, 0);
}

/** The recurrent modules of a layout, from the input to the output. */
export function recurrentModules(layout: Layout): RecurrentModule[] {
  return layout.filter((module) => module.kind === 'recurrent');
}

/** The number of a recurrent module among the recurrent layers, from 0. An embedding may come before them. */
export function layerOf(layout: Layout, module: number): number {
  return layout[0]?.kind === 'embedding' ? module - 1 : module;
}
