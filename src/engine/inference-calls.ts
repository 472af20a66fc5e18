/**
 * The calls of inference: one step of a whole network, whole prompts, and the drawing of tokens.
 *
 * The letters of dimensions are those of `engine.ts`.
 */
import type { Tensor, Vector } from './tensors.ts';

/**
 * A unit of a recurrent layer that is held at a value, in all sequences of a call and at every step.
 *
 * The engine sets the value after the cell has computed the step, and before anything reads it: the layer above, the decoder, and the next
 * step. If `c` of an lstm is held, h = o·tanh(value), with the output gate o of the step. If `h` is held, c of an lstm stays as computed. If
 * both are held, both have their values. Holding a unit at the value that it already has changes no bit.
 */
export interface HeldUnit {
  /** Index of the recurrent layer, as in `states`. */
  readonly layer: number;
  /** `c`: lstm only. */
  readonly part: 'h' | 'c';
  /** Index of the unit, below H. */
  readonly unit: number;
  /** Finite. It is rounded to the engine's precision. */
  readonly value: number;
}

/** One step of N independent sequences through a whole network. */
export interface Step {
  readonly weights: Vector;
  /** For each recurrent layer, float [S, slots, H]. Updated in place. */
  readonly states: readonly Tensor[];
  /** [N]: the slot of each sequence, all different. */
  readonly slots: Int32Array;
  /** [N]: the token that each sequence reads. */
  readonly tokens: Int32Array;
  /** float [≥ N, V]: receives the log-probabilities of each sequence's next token. */
  readonly output: Tensor;
  /** Units to hold, each part of a unit at most once. Default: none. */
  readonly hold?: readonly HeldUnit[] | undefined;
}

/** In `ReadTokens.tokens`: the sequence has not begun at this step. */
export const NO_TOKEN = -1;

/** Reads whole prompts: N independent sequences read up to T tokens each, aligned at their ends. */
export interface ReadTokens extends Omit<Step, 'tokens'> {
  /**
   * [T, N]: the token that each sequence reads at each step; `NO_TOKEN` before a sequence begins, never after. Every sequence reads at
   * least one token.
   */
  readonly tokens: Int32Array;
  /** States to copy at some steps. */
  readonly snapshots?: Snapshots | undefined;
}

/** Copies of sequences' states at some steps of `ReadTokens`; i counts the copies. */
export interface Snapshots {
  /** For each recurrent layer, float [S, slots, H]: receives the copies. Must not be the tensors of the sequences. */
  readonly states: readonly Tensor[];
  /** The number of steps before copy i, from 1 to T, ascending. */
  readonly steps: Int32Array;
  /** The sequence that copy i is made of. It must have begun by then. */
  readonly sequences: Int32Array;
  /** The slot that receives copy i, all different. */
  readonly slots: Int32Array;
}

/** How tokens are drawn. `candidates.ts` defines each control and their order. */
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
  /** [V]: added to the log-probabilities; −∞ for a token that must not be drawn. At least one must be finite. */
  readonly logitBias?: Float64Array | undefined;
}

/** The draw controls with values that change nothing. The type demands every control. */
export const NEUTRAL_CONTROLS: DrawControls & Readonly<Record<keyof DrawControls, unknown>> = {
  ...{ temperature: 1, topK: 0, topP: 1, minP: 0, logitBias: undefined },
  ...{ repetitionPenalty: 1, presencePenalty: 0, frequencyPenalty: 0 },
};

/** All draw controls. */
export const ALL_DRAW_CONTROLS: ReadonlySet<keyof DrawControls> = new Set(
  Object.keys(NEUTRAL_CONTROLS) as (keyof DrawControls)[],
);

/** Where `generate` draws: on the host, in double precision, or on the engine's device. */
export type DrawPlace = 'host' | 'device';

/** The penalty window of one sequence. */
export interface PenaltyWindow {
  /** [V]: how often each token occurs in it. Not changed. */
  readonly counts: Int32Array;
  /** Its length in tokens; 0: the whole text. */
  readonly length: number;
  /** [min(steps, length)]: the token that leaves the window when the token of each step is drawn; −1: none. */
  readonly expiring: Int32Array;
}

/** How one sequence draws its tokens. */
export interface RowDraw {
  readonly controls: DrawControls;
  /** Undefined without penalties. */
  readonly window?: PenaltyWindow | undefined;
}

/**
 * Generates tokens for N independent sequences. In each of `uniforms.length / N` steps, a token of each sequence is drawn from its row of
 * `output` and then read.
 */
export interface Generate {
  readonly weights: Vector;
  /** For each recurrent layer, float [S, slots, H]. Updated in place. */
  readonly states: readonly Tensor[];
  /** [N]: the slot of each sequence, all different. */
  readonly slots: Int32Array;
  /** float [≥ N, V]: the log-probabilities of each sequence's next token, before the call and after it. */
  readonly output: Tensor;
  /** [steps, N]: uniform random numbers in [0, 1). */
  readonly uniforms: Float64Array;
  /** [N]. */
  readonly rows: readonly RowDraw[];
  /**
   * Default: `host`. `device` needs the capability `deviceDrawControls`. It draws in float32, so a uniform number near the boundary between
   * two tokens may give the other one.
   */
  readonly draws?: DrawPlace | undefined;
  /** Units to hold while the drawn tokens are read, each part of a unit at most once. Default: none. */
  readonly hold?: readonly HeldUnit[] | undefined;
}
