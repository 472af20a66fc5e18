/** What the forward and the backward pass of a recurrent layer share. */
import type { Compute } from '../engine.ts';
import { type Layout, type ParameterSlice, parameterSlices, type RecurrentModule } from '../layout.ts';
import { type Kernel, kernel } from './kernel.ts';
import { groupsOf } from './products.ts';
import type { Recorder } from './recorder.ts';
import { cellShader } from './shaders/cells.ts';
import type { ProductGates } from './shaders/matmul.ts';
import { type PackedNumbers, packedBytes, packRecurrent } from './shaders/recurrent-weights.ts';

/** A recurrent layer and the sizes of a call. */
export interface Layer {
  readonly module: RecurrentModule;
  /** The vector of all parameters, and the place of each of the layer's in it. */
  readonly weights: GPUBuffer;
  readonly places: LayerPlaces;
  /** What the recurrent weights are rounded to. Default: they are not. */
  readonly compute?: Compute | undefined;
  readonly steps: number;
  readonly rows: number;
}

/** The offsets of a layer's parameters in their vector. */
export type LayerPlaces = Readonly<Record<(typeof PARAMETERS)[number], number>>;

const PARAMETERS = [
  'weight_ih',
  'bias_ih',
  'weight_hh',
  'bias_hh',
] as const satisfies readonly ParameterSlice['name'][];

const placesOfLayout = new WeakMap<Layout, readonly (LayerPlaces | undefined)[]>();

/** The offsets of a recurrent module's parameters. */
export function placesIn(layout: Layout, module: number): LayerPlaces {
  const places = placesOfLayout.get(layout) ?? layout.map((_, index) => findPlaces(layout, index));
  placesOfLayout.set(layout, places);
  const found = places[module];
  if (!found) throw new TypeError(`module ${module} of the layout is not recurrent`);
  return found;
}

function findPlaces(layout: Layout, module: number): LayerPlaces | undefined {
  if (layout[module]?.kind !== 'recurrent') return undefined;
  const slices = parameterSlices(layout).filter((slice) => slice.module === module);
  const entries = PARAMETERS.map((name) => [name, slices.find((slice) => slice.name === name)?.offset]);
  return Object.fromEntries(entries) as LayerPlaces;
}

/** A kind of cell as part of the name of a kernel. */
export function cellName({ cell, reset }: RecurrentModule): string {
  return reset ? `${cell} ${reset}` : cell;
}

/** The gates of a layer in a product. @param kind Whether the product is with the input or with the state. */
export function productGates(
  module: RecurrentModule,
  dimension: ProductGates['dimension'],
  kind: 'input' | 'recurrent' = 'input',
): ProductGates {
  const cell = cellShader(module);
  const components = kind === 'input' ? cell.inputComponents : cell.recurrentComponents;
  return { dimension, components, width: cell.width };
}

/** What the recurrent weights of a call are packed in. */
export function packedNumbers(compute: Compute | undefined): PackedNumbers {
  return compute === 'float16' ? 'float16' : 'float32';
}

/** What packed weights were made of. */
interface PackedFrom {
  readonly kernel: Kernel;
  readonly weights: GPUBuffer;
  readonly version: number;
}

const packedFrom = new WeakMap<GPUBuffer, PackedFrom>();

/** The recurrent weights of a layer as the steps read them. They are kept until the weights change. */
export function packedWeights(
  recorder: Recorder,
  { module, weights, places, compute }: Layer,
  direction: 'forward' | 'backward',
): GPUBuffer {
  const H = module.hiddenSize;
  const vectors = direction === 'forward' ? (H + 1) * H : H * H;
  const name = `recurrent weights ${direction} ${places.weight_hh} ${H}`;
  const numbers = packedNumbers(compute);
  const packed = recorder.scratch(name, packedBytes(module, numbers, vectors));
  const pack = kernel(`pack ${direction} ${cellName(module)} ${numbers}`, () =>
    packRecurrent(module, direction, numbers),
  );
  const version = recorder.versionOf(weights);
  const known = packedFrom.get(packed);
  if (known?.kernel === pack && known.weights === weights && known.version === version) return packed;
  recorder.run(pack, [weights, packed], [H, places.weight_hh, places.bias_hh], groupsOf(vectors, 64));
  packedFrom.set(packed, { kernel: pack, weights, version });
  return packed;
}
