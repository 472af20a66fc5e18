/**
 * The contract between the model and an engine that computes it.
 *
 * Dimension letters: B batch rows, T time steps, D layer input, H hidden units, G gates of a cell, V vocabulary, L layers, S parts of a
 * cell's state (lstm: c and h; else h), N sequences.
 *
 * - Tensors are opaque: an engine may store them in any order. `write` and `read` use row-major order.
 * - Operations are enqueued, and the calls return immediately. `read` waits for all earlier operations, and returns the values before any
 *   later operation.
 * - `tensor`, `vector` and `tape` allocate all memory. Operations keep no memory, except scratch memory that later operations use again.
 * - An engine may throw `UnsupportedError`, with the name of what it lacks. It never computes something different instead.
 * - Rows are independent, on every engine: the results of a row have the same bits for any batch size, any other rows, and any cut of a
 *   sequence into calls.
 * - Equal bits on different engines are a capability, `exactBits`.
 * - A vector can be quantized (`int8.ts`). Then only passes of inference take it: a call that needs its floats throws `TypeError`.
 * - Engines check shapes and types: a call that does not fit throws `TypeError` or `RangeError`.
 *
 * The contract is this file, `tensors.ts` and `inference-calls.ts`. Import it from here.
 */
import type { EngineLostError, MemoryError } from '../errors.ts';
import type { DrawControls, Generate, ReadTokens, Step } from './inference-calls.ts';
import type { Layout } from './layout.ts';
import type { ElementType, FloatArray, NumberArray, Quantization, Tape, Tensor, Vector } from './tensors.ts';
import type { UpdateRule } from './update-rules.ts';

export * from './inference-calls.ts';
export type * from './tensors.ts';

export type Precision = 'float32' | 'float64';

/**
 * What the factors of a layer's matrix products are rounded to, in training. Sums, states, gates, gradients and weights keep the engine's
 * precision.
 *
 * - `bfloat16`, with 8 significant bits and the range of float32: both factors of all products. Summed in the order of AVX512_BF16.
 * - `bfloat16-amx`: the same factors, summed in the order of AMX. docs/decisions/bfloat16.md defines both orders.
 * - `float16`, with 11 significant bits and at most 65,504: only the recurrent weights, which every time step reads. With the gru's reset
 *   after the product, also the recurrent bias of n. Which of the two nearest numbers is taken depends on the device.
 */
export type Compute = 'float32' | 'bfloat16' | 'bfloat16-amx' | 'float16';

/** The capability that a way to compute needs; undefined for float32, which every engine has. */
export function capabilityFor(compute: Compute | undefined): 'bfloat16' | 'float16' | undefined {
  if (compute === undefined || compute === 'float32') return undefined;
  return compute === 'float16' ? 'float16' : 'bfloat16';
}

/**
 * Inverted dropout, Srivastava et al. 2014: an element is set to zero with `probability`, else divided by 1 − probability.
 *
 * The mask is a hash of seed, batch, site, row, step and unit (`engine/dropout-mask.ts`): it is the same on every engine and needs no
 * memory.
 */
export interface Dropout {
  readonly probability: number;
  readonly seed: number;
  /** Counts the batches of the run: each has its own masks. */
  readonly batch: number;
  /** The number of the place in the network where dropout is applied: each has its own masks. */
  readonly site: number;
  /** Use one mask for all steps of a row (variational dropout, Gal & Ghahramani 2016). Default: one mask per step. */
  readonly perSequence?: boolean;
  /** Number of the call's first step in its sequence, if a sequence is cut into several calls. Default: 0. */
  readonly firstStep?: number;
}

/** A call with matrix products. */
interface ProductCall {
  /** Default: not rounded. `bfloat16`, `bfloat16-amx` and `float16` need a capability of the engine. */
  readonly compute?: Compute | undefined;
}

interface RecurrentCall extends ProductCall {
  readonly weights: Vector;
  /** Index of the recurrent module in the layout of `weights`. */
  readonly module: number;
  /** Token ids, int [T, B], or float [T, B, D], depending on the module. */
  readonly input: Tensor;
  /** byte [T, B]: 1 resets the state before the step to zero and stops the gradient there. */
  readonly resets?: Tensor | undefined;
  /** Applied to a dense input. */
  readonly dropout?: Dropout | undefined;
}

export interface RecurrentForward extends RecurrentCall {
  /** float [S, B, H]: the state before the first step. */
  readonly initial: Tensor;
  /** float [S, B, H]: receives the state after the last step; may be `initial` itself. */
  readonly final: Tensor;
  /** float [T, B, H]: receives h of every step. */
  readonly output: Tensor;
  /** float [T, B, H]: receives c of every step (lstm only). */
  readonly cells?: Tensor | undefined;
  /** Needed if a backward pass follows. It keeps a copy of the initial state. */
  readonly tape?: Tape | undefined;
}

export interface RecurrentBackward extends RecurrentCall {
  /** Written by the forward pass over the same input. */
  readonly tape: Tape;
  /** float [T, B, H]: the output of the forward pass. */
  readonly output: Tensor;
  /** float [T, B, H]: gradient of the loss with respect to `output`. */
  readonly outputGradient: Tensor;
  /** float [S, B, H]: gradient with respect to the final state. Default: zero. */
  readonly finalGradient?: Tensor | undefined;
  /** Receives the gradient of the module's parameters; earlier values are overwritten. */
  readonly gradient: Vector;
  /** float [T, B, D]: receives the gradient with respect to a dense input. */
  readonly inputGradient?: Tensor | undefined;
  /** float [S, B, H]: receives the gradient with respect to the initial state. */
  readonly initialGradient?: Tensor | undefined;
}

export interface EmbeddingForward {
  readonly weights: Vector;
  /** Index of the embedding in the layout of `weights`. */
  readonly module: number;
  /** int [T, B]. */
  readonly tokens: Tensor;
  /** float [T, B, D]: receives the vectors of the tokens. */
  readonly output: Tensor;
}

export interface EmbeddingBackward {
  /** Receives the gradient of the module's parameters; earlier values are overwritten. */
  readonly gradient: Vector;
  readonly module: number;
  /** int [T, B]. */
  readonly tokens: Tensor;
  /** float [T, B, D]: gradient of the loss with respect to the output of the forward pass. */
  readonly outputGradient: Tensor;
}

export interface LinearForward extends ProductCall {
  readonly weights: Vector;
  /** Index of the linear map in the layout of `weights`. */
  readonly module: number;
  /** float [T, B, H]. */
  readonly input: Tensor;
  /** float [T, B, V]: receives input · Wᵀ + b. */
  readonly output: Tensor;
}

export interface LinearBackward extends ProductCall {
  readonly weights: Vector;
  /** Receives the gradient of the module's parameters; earlier values are overwritten. */
  readonly gradient: Vector;
  readonly module: number;
  /** float [T, B, H]: the input of the forward pass. */
  readonly input: Tensor;
  /** float [T, B, V]: gradient of the loss with respect to the output of the forward pass. */
  readonly outputGradient: Tensor;
  /** float [T, B, H]: receives the gradient with respect to the input. */
  readonly inputGradient?: Tensor | undefined;
}

/** Softmax and cross entropy over V, fused; natural logarithm. */
export interface CrossEntropy {
  /** float [T, B, V]. */
  readonly logits: Tensor;
  /** int [T, B]: the next token of each position. */
  readonly targets: Tensor;
  /** float [T, B]: the weight of each position. Default: 1. */
  readonly positionWeights?: Tensor | undefined;
  /**
   * float [1] or [1 + T·B]: receives the weighted sum of the losses, in nats; with [1 + T·B] also the unweighted loss of every position, in
   * row-major order.
   */
  readonly loss: Tensor;
  /** float [T, B, V]: receives log p. */
  readonly logProbabilities?: Tensor | undefined;
  /** float [T, B, V]: receives weight · scale · (softmax − one-hot); may be `logits` itself. */
  readonly gradient?: Tensor | undefined;
  readonly gradientScale?: number | undefined;
}

export interface DropoutCall extends Dropout {
  /** float [T, B, D]. */
  readonly input: Tensor;
  /** float [T, B, D]; may be `input` itself. The backward pass is the same call, applied to the gradient. */
  readonly output: Tensor;
}

/**
 * Dropout on a weight matrix, in place, with one mask for all rows and steps. A pass with dropped weights takes three steps: copy the
 * weights and drop in the copy; run forward and backward with the copy; drop in the gradient with the same call.
 *
 * The mask is the hash of `engine/dropout-mask.ts`. Its unit is the number of the input. Its row is the number of the output (gate · H +
 * hidden unit), or 0 if whole inputs are dropped.
 */
export interface WeightDropout extends Omit<Dropout, 'perSequence' | 'firstStep'> {
  readonly vector: Vector;
  readonly module: number;
  readonly parameter: 'weight' | 'weight_ih' | 'weight_hh';
  /**
   * `weight`: single weights (DropConnect, Wan et al. 2013; on `weight_hh`, Merity et al. 2018). `input`: all weights of an input at once;
   * in a matrix that reads tokens, these are the weights of a token (Gal & Ghahramani 2016).
   */
  readonly drops: 'weight' | 'input';
}

/** Index of each figure in the tensor that `update` reports to. */
export const UPDATE_REPORT = {
  /** ‖gradient‖₂ before clipping. */
  rawGradientNorm: 0,
  /** ‖gradient‖₂ after clipping. */
  gradientNorm: 1,
  /** ‖weights‖₂ after the update. */
  weightNorm: 2,
  /** 1 if the update was made; 0 if the gradient or the loss was not finite, so that nothing changed. */
  applied: 3,
  /** The first element of the call's `loss`; 0 without one. */
  loss: 4,
} as const;

/** Number of elements of the tensor that `update` reports to. */
export const UPDATE_REPORT_LENGTH = Object.keys(UPDATE_REPORT).length;

export interface Update {
  readonly weights: Vector;
  /** Clipped in place: first by `clipNorm`, then by `clipElement`. */
  readonly gradient: Vector;
  /** As many as the rule keeps: `UPDATE_RULES`. */
  readonly moments: readonly Vector[];
  readonly rule: UpdateRule;
  readonly learningRate: number;
  /**
   * Before the rule, the weights of matrices, not biases, are multiplied by 1 − learningRate · weightDecay (decoupled weight decay,
   * Loshchilov & Hutter 2019). Default: 0.
   */
  readonly weightDecay?: number | undefined;
  /** Clamps every element of the gradient to ± this. Default: no limit. */
  readonly clipElement?: number | undefined;
  /** Scales the gradient down to this norm if its norm is larger. Default: no limit. */
  readonly clipNorm?: number | undefined;
  /** int [1]: the number of updates made. An update that is made increments it. */
  readonly steps: Tensor;
  /** float [≥ 1]: if it is given and its first element is not finite, the update is not made. */
  readonly loss?: Tensor | undefined;
  /** float [UPDATE_REPORT_LENGTH]: see `UPDATE_REPORT`. */
  readonly report: Tensor;
}

/** A description of an engine, for people and for callers. */
export interface EngineDescription {
  /** `reference`, `native`, … */
  readonly name: string;
  readonly precision: Precision;
  /** One line for people, such as `reference engine in plain TypeScript, float32, 1 thread`. */
  readonly text: string;
  /** How many training iterations a caller should keep in flight, so that the engine never waits for it: 1 on the CPU. */
  readonly depth: number;
  /**
   * Whether it can be lost, because it depends on a device or on other threads, which may fail. If so, a training run keeps a copy of its
   * state in ordinary memory, and continues from it after an EngineLostError or a MemoryError.
   */
  readonly canBeLost: boolean;
  readonly limits?: EngineLimits | undefined;
  readonly capabilities: EngineCapabilities;
}

/** The limits of an engine's memory, if it knows them. Callers compare their needs with these before they allocate anything. */
export interface EngineLimits {
  /** Bytes of all tensors, vectors and tapes together. Default: unknown. */
  readonly bytes?: number | undefined;
  /** Bytes of one tensor, vector or tape. Default: unknown. */
  readonly largest?: number | undefined;
  /** Whether all these are in the memory of a device, and take none of the machine's. Default: no. */
  readonly isOnDevice?: boolean | undefined;
}

/** Capabilities that not every engine has. Callers must check them. */
export interface EngineCapabilities {
  /** The draw controls that `generate` supports. A caller that needs others must choose the tokens itself, between calls of `step`. */
  readonly drawControls: ReadonlySet<keyof DrawControls>;
  /** Those that it supports with `draws: 'device'`. Undefined: it draws only on the host. */
  readonly deviceDrawControls?: ReadonlySet<keyof DrawControls> | undefined;
  /** Whether results have the same bits as those of every other engine with this capability: native and WebAssembly. */
  readonly exactBits: boolean;
  /** Whether its calls can compute in `bfloat16` and `bfloat16-amx`. */
  readonly bfloat16: boolean;
  /** Whether its vectors can be quantized to int8. */
  readonly int8: boolean;
  /** Whether its calls can compute in `float16`. */
  readonly float16: boolean;
}

/** The elements that `read` returns, in row-major order; for a vector, in canonical order. */
export interface ReadRange {
  readonly offset: number;
  readonly count: number;
}

export interface Engine {
  readonly description: EngineDescription;
  /**
   * Resolves when the engine can't continue: it has lost its device or threads, or its device had too little memory for an earlier call.
   * All pending and later reads reject with the same error, and other calls may throw it.
   */
  readonly lost: Promise<EngineLostError | MemoryError>;
  /** Bytes of memory in use: tensors, vectors, tapes, and scratch memory of the operations. */
  readonly bytesInUse: number;

  /** A tensor of zeros. */
  tensor(type: ElementType, shape: readonly number[]): Tensor;
  /**
   * A vector of zeros.
   *
   * @param quantization `int8` needs that capability. Such a vector is written as a whole, by one call; `read` returns level · scale.
   *   Default: floats.
   */
  vector(layout: Layout, quantization?: Quantization): Vector;
  /**
   * A tensor in the memory of another, of its type and at most its length in each dimension. What is written to one of them makes all
   * elements of the other undefined, until they are all written by one call. It is released with `memory`, never by itself.
   */
  tensorIn(memory: Tensor, shape: readonly number[]): Tensor;
  tape(layout: Layout, module: number, steps: number, rows: number): Tape;
  /** Releases the memory. Using the handle afterwards throws. */
  release(handle: Tensor | Vector | Tape): void;

  /** Sets elements from `offset` on, in row-major order; for a vector, in canonical order. */
  write(target: Tensor | Vector, values: NumberArray, offset?: number): void;
  /** Copies a range of elements, after all operations enqueued before. Default: all elements. */
  read(source: Vector, range?: ReadRange): Promise<FloatArray>;
  read(source: Tensor, range?: ReadRange): Promise<FloatArray | Int32Array | Uint8Array>;
  fill(target: Tensor | Vector, value: number): void;
  /** Copies all elements between tensors or vectors of the same shape. */
  copy(from: Tensor, to: Tensor): void;
  copy(from: Vector, to: Vector): void;
  /** Copies only if the report says that the update was not applied. This lets a skipped iteration restore the carried states. */
  copyUnlessApplied(report: Tensor, from: Tensor, to: Tensor): void;

  recurrentForward(call: RecurrentForward): void;
  recurrentBackward(call: RecurrentBackward): void;
  embeddingForward(call: EmbeddingForward): void;
  embeddingBackward(call: EmbeddingBackward): void;
  linearForward(call: LinearForward): void;
  linearBackward(call: LinearBackward): void;
  crossEntropy(call: CrossEntropy): void;
  dropout(call: DropoutCall): void;
  dropWeights(call: WeightDropout): void;

  update(call: Update): void;
  /** into += (from − into)·weight: a running average or, with weight 1/n for the n-th vector, the mean. */
  average(from: Vector, into: Vector, weight: number): void;

  step(call: Step): void;
  readTokens(call: ReadTokens): void;
  /** @returns the tokens, in the order of `uniforms` */
  generate(call: Generate): Promise<Int32Array>;
  /**
   * Copies slots of a state, float [S, slots, H], to slots of the same or another state: gather, scatter, fork. All are read before any is
   * written, so that slots of one state can be swapped. The target slots must be different.
   */
  copySlots(from: Tensor, fromSlots: Int32Array, to: Tensor, toSlots: Int32Array): void;

  /** Releases all memory, threads and devices. */
  close(): Promise<void>;
}
