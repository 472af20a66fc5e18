/** The arrays of an engine, and the numbers that go in and come out. */
import type { Layout } from './layout.ts';

/** How the matrices of a vector are stored, for inference: in int8 (`int8.ts`). */
export type Quantization = 'int8';

/** Numbers that come from an engine, in the engine's precision. */
export type FloatArray = Float32Array | Float64Array;

/** Numbers that an engine accepts. */
export type NumberArray = FloatArray | Int32Array | Uint8Array | readonly number[];

/** `float`: in the engine's precision; `int`: 32-bit signed, for token ids; `byte`: 8-bit, for flags. */
export type ElementType = 'float' | 'int' | 'byte';

/** An array on an engine. Only the engine that made it can use it. */
export interface Tensor {
  readonly kind: 'tensor';
  readonly shape: readonly number[];
  readonly type: ElementType;
}

/** One number for each parameter of a layout: the weights, their gradient, an optimizer's moment, an average. */
export interface Vector {
  readonly kind: 'vector';
  readonly layout: Layout;
  /** Number of elements. */
  readonly size: number;
  /** How its matrices are stored. Undefined: as floats. */
  readonly quantization?: Quantization | undefined;
}

/** What a recurrent layer keeps from the forward pass for the backward pass, for up to T steps of B rows. */
export interface Tape {
  readonly kind: 'tape';
  readonly module: number;
  readonly steps: number;
  readonly rows: number;
}
