/** Whether a model computes with int8 weights. */
import type { Engine, Precision, Quantization } from '../engine/engine.ts';
import { checkQuantizable } from '../engine/int8.ts';
import { OptionError } from '../errors.ts';
import { layoutOf } from '../model/config.ts';
import type { Checkpoint, TrainingState } from './checkpoint.ts';
import { keepLevels } from './tensors/tensors.ts';

/** The values of the option `quantize`. */
export type QuantizeOption = Quantization | 'none';

type Described = Pick<Engine, 'description'>;

export interface NumberOptions {
  readonly precision?: Precision | undefined;
  readonly quantize?: QuantizeOption | undefined;
}

/** The number types in which a model is computed. */
export interface ModelNumbers {
  readonly precision: Precision;
  /** Undefined: its weights are floats. */
  readonly quantization: Quantization | undefined;
  /** What the engine must support. It includes int8 only on request: an engine without int8 computes an int8 file in floats. */
  readonly choice: { readonly precision: Precision; readonly quantize?: Quantization };
}

/** @throws {OptionError} for int8 in a precision other than float32 */
export function modelNumbers(
  checkpoint: Pick<Checkpoint, 'weightTypes' | 'precision'>,
  { precision: asked, quantize }: NumberOptions,
): ModelNumbers {
  const quantization = quantizationOf(checkpoint, quantize, asked);
  const precision = asked ?? (quantization ? 'float32' : checkpoint.precision);
  const isAsked = quantize !== undefined && quantization !== undefined;
  return { precision, quantization, choice: { precision, ...(isAsked && { quantize: quantization }) } };
}

/**
 * A checkpoint to compute with in int8. It keeps the levels of the weights, which take a quarter of the memory of floats; `parameters` are
 * computed from them on each access. It has no statistics for dynamic evaluation, which changes the weights and so needs floats, and of its
 * run only the facts, not the vectors from which training would continue.
 *
 * @throws {UnsupportedError} for a weight that int8 can't hold
 */
export function inLevels(checkpoint: Checkpoint): Checkpoint {
  if (checkpoint.weightTypes?.includes('int8')) return checkpoint;
  checkQuantizable(checkpoint.parameters);
  const parameters = keepLevels(layoutOf(checkpoint.config), checkpoint.parameters);
  const training = checkpoint.training && withoutState(checkpoint.training);
  const inFloat32 = { ...checkpoint, precision: 'float32', meanSquare: undefined, training } as const;
  return Object.defineProperty(inFloat32, 'parameters', { get: parameters });
}

/** The facts of a run. The number of its moments stays, because it must suit the options. */
function withoutState(training: TrainingState): TrainingState {
  const moments = training.moments.map(() => new Float32Array());
  return { ...training, moments, carriedState: [], average: undefined, stability: undefined };
}

/** The quantization that an engine computes with: none if it can't. */
export function quantizationOn(
  { description }: Engine,
  wanted: Quantization | undefined,
): Quantization | undefined {
  return description.capabilities.int8 ? wanted : undefined;
}

/** Describes an engine, and how it stores the weights. */
export function engineText(
  { description: { text } }: Described,
  quantization: Quantization | undefined,
): string {
  return quantization ? `${text}, ${weightsText(quantization)}` : text;
}

/** How an engine stores the weights: `weights in int8`. */
export function weightsText(quantization: Quantization): string {
  return `weights in ${quantization}`;
}

/** How to store the weights on an engine: as requested, by default as in the checkpoint's file. Undefined: as floats. */
function quantizationOf(
  { weightTypes = [] }: Pick<Checkpoint, 'weightTypes'>,
  asked: QuantizeOption | undefined,
  precision: Precision | undefined,
): Quantization | undefined {
  if (asked === 'int8' && precision === 'float64')
    throw new OptionError('quantize', 'got int8, which is computed in float32, but `precision` is float64');
  const isStored = weightTypes.includes('int8') && precision !== 'float64';
  return asked === 'int8' || (asked === undefined && isStored) ? 'int8' : undefined;
}
