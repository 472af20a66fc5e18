/**
 * The modules of a network and the canonical order of their parameters.
 *
 * All parameters of a network are parts of one flat vector. How an engine packs that vector is its own
 * affair; what is written to it and read from it is always in the canonical order given here.
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
 * Gates lie one after the other along the first dimension, in the order of `CELLS`.
 */
export interface RecurrentModule {
  readonly kind: 'recurrent';
  readonly name: string;
  readonly cell: Cell;
  /** Of a cell that has a reset gate. */
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

/** Where a parameter tensor stands in the canonical flat vector. */
export interface ParameterSlice {
  /** Index of the module in its layout. */
  readonly module: number;
  readonly name: 'weight' | 'bias' | 'weight_ih' | 'bias_ih' | 'weight_hh' | 'bias_hh';
  readonly shape: readonly number[];
  /** First element, counted in elements from the start of the vector. */
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

/** Every parameter tensor of a layout in canonical order: module by module, tensors as each module lists them. */
export function parameterSlices(layout: Layout): ParameterSlice[] {
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

/** Which of the recurrent layers a module is, from 0: an embedding may stand before them. */
export function layerOf(layout: Layout, module: number): number {
  return layout[0]?.kind === 'embedding' ? module - 1 : module;
}
