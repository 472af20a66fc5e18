/**
 * The contract between the model and whatever computes it.
 *
 * Dimension letters: B batch rows, T time steps, D layer input, H hidden units, G gates of a cell,
 * V vocabulary, L layers, S parts of a cell's state (lstm: c and h; else h), N sequences.
 *
 * - Tensors are opaque: an engine lays them out as it likes; `write` and `read` speak row-major order.
 * - Operations are enqueued and return at once; `read` waits for what stands before it, and gives what stood there then, whatever is
 *   enqueued after it.
 * - Everything is allocated by `tensor`, `vector` and `tape`; operations allocate nothing that lasts.
 * - An engine may throw `UnsupportedError`, naming what it lacks; it never computes something else.
 * - Row independence, of every engine: a row's results are the same bits for any batch size, whatever the other rows are, and
 *   however T is cut.
 * - Equal bits between engines are a capability, `exactBits`.
 * - Shapes and types are checked at the boundary: a call that does not fit throws `TypeError` or `RangeError`.
 */
import type { EngineLostError } from '../errors.ts';
import type { Layout } from './layout.ts';
import type { UpdateRule } from './update-rules.ts';

export type Precision = 'float32' | 'float64';

/** Numbers as they come out of an engine: of the engine's precision. */
export type FloatArray = Float32Array | Float64Array;

/** Anything with numbers that an engine accepts. */
export type NumberArray = FloatArray | Int32Array | Uint8Array | readonly number[];

/** `float`: of the engine's precision; `int`: 32-bit signed, token ids; `byte`: 8-bit, flags. */
export type ElementType = 'float' | 'int' | 'byte';

/** An array that lives in an engine. Only the engine that made it can use it. */
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
}

/** What a recurrent layer keeps from forward to backward, for up to T steps of B rows. */
export interface Tape {
  readonly kind: 'tape';
  readonly module: number;
  readonly steps: number;
  readonly rows: number;
}

/**
 * Inverted dropout, Srivastava et al. 2014: an element is zeroed with `probability`, else divided by 1 − probability.
 *
 * The mask comes from a counter-based generator (`engine/dropout-mask.ts`) keyed by seed, iteration, stream, row, step
 * and unit: it is the same on every engine and needs no memory.
 */
export interface Dropout {
  readonly probability: number;
  readonly seed: number;
  readonly iteration: number;
  /** Tells apart the places in the network where dropout is applied. */
  readonly stream: number;
  /** One mask for all steps of a row (variational dropout, Gal & Ghahramani 2016) instead of one a step. */
  readonly perSequence?: boolean;
  /** Step number of the call's first step, where a sequence comes in pieces. Default 0. */
  readonly firstStep?: number;
}

interface RecurrentCall {
  readonly weights: Vector;
  /** Index of the recurrent module in the layout of `weights`. */
  readonly module: number;
  /** Token ids, int [T, B], or float [T, B, D], as the module says. */
  readonly input: Tensor;
  /** byte [T, B]: where 1, the state before the step is zero, and no gradient passes back across. */
  readonly resets?: Tensor | undefined;
  /** float [G·H, H]: multiplied onto `weight_hh` (DropConnect on the recurrent weights, Merity et al. 2017). */
  readonly recurrentMask?: Tensor | undefined;
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
  /** float [T, B, H]: receives c of every step (lstm alone). */
  readonly cells?: Tensor | undefined;
  /** Present when a backward pass follows. It keeps its own copy of the initial state. */
  readonly tape?: Tape | undefined;
}

export interface RecurrentBackward extends RecurrentCall {
  /** Written by the forward pass over the same input. */
  readonly tape: Tape;
  /** float [T, B, H]: as the forward pass gave it. */
  readonly output: Tensor;
  /** float [T, B, H]: gradient of the loss in `output`. */
  readonly outputGradient: Tensor;
  /** float [S, B, H]: gradient in the final state; zero where absent. */
  readonly finalGradient?: Tensor | undefined;
  /** The module's part of it is set (not added to). */
  readonly gradient: Vector;
  /** float [T, B, D]: receives the gradient in a dense input. */
  readonly inputGradient?: Tensor | undefined;
  /** float [S, B, H]: receives the gradient in the initial state. */
  readonly initialGradient?: Tensor | undefined;
}

export interface EmbeddingForward {
  readonly weights: Vector;
  readonly module: number;
  /** int [T, B]. */
  readonly tokens: Tensor;
  /** float [T, B, D]. */
  readonly output: Tensor;
}

export interface EmbeddingBackward {
  readonly gradient: Vector;
  readonly module: number;
  readonly tokens: Tensor;
  readonly outputGradient: Tensor;
}

export interface LinearForward {
  readonly weights: Vector;
  readonly module: number;
  /** float [T, B, H]. */
  readonly input: Tensor;
  /** float [T, B, V]. */
  readonly output: Tensor;
}

export interface LinearBackward {
  readonly weights: Vector;
  readonly gradient: Vector;
  readonly module: number;
  readonly input: Tensor;
  readonly outputGradient: Tensor;
  /** float [T, B, H]. */
  readonly inputGradient?: Tensor | undefined;
}

/** Softmax and cross entropy over V, fused, natural log. */
export interface CrossEntropy {
  /** float [T, B, V]. */
  readonly logits: Tensor;
  /** int [T, B]: the token that came next. */
  readonly targets: Tensor;
  /** float [T, B]: how much each position counts; 1 where absent. */
  readonly positionWeights?: Tensor | undefined;
  /**
   * float [1] or [1 + T·B]: receives the weighted sum of the losses, in nats; then, where there is room, the unweighted loss of
   * every position, in row-major order.
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
  /** float [T, B, D]; may be `input` itself. Applied to a gradient, the same call is the backward pass. */
  readonly output: Tensor;
}

/** Index of each figure in the tensor that `update` reports to. */
export const UPDATE_REPORT = {
  /** ‖gradient‖₂ as it came. */
  rawGradientNorm: 0,
  /** ‖gradient‖₂ after clipping. */
  gradientNorm: 1,
  /** ‖weights‖₂ after the update. */
  weightNorm: 2,
  /** 1 when the update was made, 0 when the gradient or the loss was not finite and nothing changed. */
  applied: 3,
  /** The first element of the call's `loss`; 0 where it has none. */
  loss: 4,
} as const;

/** Elements of the tensor that `update` reports to. */
export const UPDATE_REPORT_LENGTH = Object.keys(UPDATE_REPORT).length;

export interface Update {
  readonly weights: Vector;
  /** Clipped in place: first by `clipNorm`, then by `clipElement`. */
  readonly gradient: Vector;
  /** As many as the rule keeps. */
  readonly moments: readonly Vector[];
  readonly rule: UpdateRule;
  readonly learningRate: number;
  /** Every element is clamped to ± this. */
  readonly clipElement?: number | undefined;
  /** The gradient is scaled down to this norm where it is longer. */
  readonly clipNorm?: number | undefined;
  /** int [1]: the number of updates made; counted up by an update that is made. */
  readonly steps: Tensor;
  /** float [at least 1]: when given and its first element is not finite, the update is not made. */
  readonly loss?: Tensor | undefined;
  /** float [UPDATE_REPORT_LENGTH]: see `UPDATE_REPORT`. */
  readonly report: Tensor;
}

/** One step of N independent sequences through a whole network. */
export interface Step {
  readonly weights: Vector;
  /** For each recurrent layer float [S, slots, H]. Updated in place. */
  readonly states: readonly Tensor[];
  /** Length N: the slot of each sequence, all different. */
  readonly slots: Int32Array;
  /** Length N: the token that each sequence reads. */
  readonly tokens: Int32Array;
  /** float [at least N, V]: receives the log-probabilities of each sequence's next token. */
  readonly output: Tensor;
}

/** In `ReadTokens.tokens`: a sequence that has not begun. */
export const NO_TOKEN = -1;

/** Whole prompts: N independent sequences read up to T tokens each, and end together. */
export interface ReadTokens extends Omit<Step, 'tokens'> {
  /**
   * [T, N]: what each sequence reads at each step; `NO_TOKEN` before a sequence begins, never after. Every sequence reads at
   * least one token.
   */
  readonly tokens: Int32Array;
  /** States to keep on the way. */
  readonly snapshots?: Snapshots | undefined;
}

/** Copies of sequences' states at some steps of `ReadTokens`; i counts the copies. */
export interface Snapshots {
  /** For each recurrent layer float [S, slots, H]: where the copies go; other tensors than those of the sequences. */
  readonly states: readonly Tensor[];
  /** How many steps, of the T, come before copy i; ascending, from 1 to T. */
  readonly steps: Int32Array;
  /** Index of the sequence that is copied. It has begun by then. */
  readonly sequences: Int32Array;
  /** The slot that receives it, all different. */
  readonly slots: Int32Array;
}

/** Which tokens may be drawn, and how likely they are. `candidates.ts` defines each step and their order. */
export interface DrawControls {
  /** Log-probabilities are divided by this; 0 takes the most likely token. */
  readonly temperature: number;
  /** Keep this many of the most likely tokens; 0: all. */
  readonly topK: number;
  /** Keep the smallest set with at least this total probability; 1: all. */
  readonly topP: number;
  /** Drop tokens below this fraction of the highest probability; 0: none. */
  readonly minP: number;
  /** The log-probability of a token in the penalty window is multiplied by this. */
  readonly repetitionPenalty: number;
  /** Subtracted from the log-probability of a token in the penalty window, once. */
  readonly presencePenalty: number;
  /** Subtracted from the log-probability of a token in the penalty window, for each time it occurs there. */
  readonly frequencyPenalty: number;
  /** [V], added to the log-probabilities; −∞ for a token that is never drawn. At least one is not. */
  readonly shift?: Float64Array | undefined;
}

/** The penalty window of one sequence. */
export interface PenaltyWindow {
  /** [V]: how often each token occurs in it. Not changed. */
  readonly counts: Int32Array;
  /** Its length in tokens; 0: it holds the whole text. */
  readonly length: number;
  /** [min(steps, length)]: the token that leaves the window after each step's draw; −1: none. */
  readonly leaving: Int32Array;
}

/** How one sequence draws its tokens. */
export interface RowDraw {
  readonly controls: DrawControls;
  /** Absent without penalties. */
  readonly window?: PenaltyWindow | undefined;
}

/**
 * N independent sequences that continue by themselves: `uniforms.length / N` times, a token of each is drawn from its row of
 * `output`, then read.
 */
export interface Generate {
  readonly weights: Vector;
  /** For each recurrent layer float [S, slots, H]. Updated in place. */
  readonly states: readonly Tensor[];
  /** Length N: the slot of each sequence, all different. */
  readonly slots: Int32Array;
  /** float [at least N, V]: log-probabilities of each sequence's next token, before and after. */
  readonly output: Tensor;
  /** Length steps·N, in [0, 1): that of step k and sequence n at k·N + n. */
  readonly uniforms: Float64Array;
  /** Length N. */
  readonly rows: readonly RowDraw[];
}

/** What is computed, and on what. */
export interface EngineDescription {
  /** `reference`, `native`, … */
  readonly name: string;
  readonly precision: Precision;
  /** One line for people, such as `reference engine in plain TypeScript, float32, 1 thread`. */
  readonly text: string;
  /** Training iterations that a caller should keep in flight, so that the engine never waits for it: 1 on the CPU. */
  readonly depth: number;
  readonly capabilities: EngineCapabilities;
}

/** What a caller has to ask before it relies on it. */
export interface EngineCapabilities {
  /** The draw controls that `generate` obeys. A caller with others chooses tokens itself, between two calls of `step`. */
  readonly drawControls: ReadonlySet<keyof DrawControls>;
  /** Whether results have the bits of every other engine that declares this: native and WebAssembly. */
  readonly exactBits: boolean;
}

/** Of an engine whose `generate` obeys all of them. */
export const ALL_DRAW_CONTROLS: ReadonlySet<keyof DrawControls> = new Set([
  ...(['temperature', 'topK', 'topP', 'minP', 'shift'] as const),
  ...(['repetitionPenalty', 'presencePenalty', 'frequencyPenalty'] as const),
]);

/** Which elements `read` takes, in row-major (a vector: canonical) order. */
export interface ReadRange {
  readonly offset: number;
  readonly count: number;
}

/** What an engine is about to compute, so that it can compile for it. */
export interface EngineUse {
  readonly purpose: 'training' | 'evaluation' | 'generation';
  /** Rows of a batch, or sequences side by side. */
  readonly rows: number;
  /** Time steps of a call. */
  readonly steps: number;
}

export interface Engine {
  readonly description: EngineDescription;
  /** Resolves when the engine has lost its device or threads. All pending and later reads reject with the same error. */
  readonly lost: Promise<EngineLostError>;
  /** Memory that tensors, vectors, tapes and what the operations need beside them take now. */
  readonly bytesInUse: number;

  /** Resolves when the engine is ready for a use; calls made before it are correct, but may be slower. */
  prepare(layout: Layout, use: EngineUse): Promise<void>;

  /** A tensor of zeros. */
  tensor(type: ElementType, shape: readonly number[]): Tensor;
  /** A vector of zeros. */
  vector(layout: Layout): Vector;
  tape(layout: Layout, module: number, steps: number, rows: number): Tape;
  /** Gives the memory back; using the handle afterwards throws. */
  release(handle: Tensor | Vector | Tape): void;

  /** Sets elements from `offset` on, in row-major (a vector: canonical) order. */
  write(target: Tensor | Vector, values: NumberArray, offset?: number): void;
  /** A copy of the elements of a range, by default of all, after everything enqueued before. */
  read(source: Vector, range?: ReadRange): Promise<FloatArray>;
  read(source: Tensor, range?: ReadRange): Promise<FloatArray | Int32Array | Uint8Array>;
  fill(target: Tensor | Vector, value: number): void;
  /** Copies all elements between tensors or vectors of one shape: snapshot and restore. */
  copy(from: Tensor, to: Tensor): void;
  copy(from: Vector, to: Vector): void;
  /** Copies only if `update` has reported that nothing was applied: undoes an iteration's change to the carried states. */
  copyUnlessApplied(report: Tensor, from: Tensor, to: Tensor): void;

  recurrentForward(call: RecurrentForward): void;
  recurrentBackward(call: RecurrentBackward): void;
  embeddingForward(call: EmbeddingForward): void;
  embeddingBackward(call: EmbeddingBackward): void;
  linearForward(call: LinearForward): void;
  linearBackward(call: LinearBackward): void;
  crossEntropy(call: CrossEntropy): void;
  dropout(call: DropoutCall): void;

  update(call: Update): void;
  /** into += (from − into)·weight: a running or an equal average. */
  average(from: Vector, into: Vector, weight: number): void;

  step(call: Step): void;
  readTokens(call: ReadTokens): void;
  /** @returns The tokens, in the order of `uniforms`. */
  generate(call: Generate): Promise<Int32Array>;
  /**
   * Copies slots of a state, float [S, slots, H], to slots of the same or another one: gather, scatter, fork. All are read before
   * any is written, so that slots of one state can change places. Those copied to are all different.
   */
  copySlots(from: Tensor, fromSlots: Int32Array, to: Tensor, toSlots: Int32Array): void;

  /** Gives all memory, threads and devices back. */
  close(): Promise<void>;
}
