/** The binary form of a call, as the kernels read it. native/kernels/generated.h has the constants in C. */

export const MAX_NUMBERS = 24;
export const MAX_BUFFERS = 80;
/** Doubles in a command: the operation, its numbers, the ids of its buffers. */
export const COMMAND_LENGTH = 1 + MAX_NUMBERS + MAX_BUFFERS;
/** Maximum number of modules of a network in `generate`. */
export const MAX_MODULES = 70;
/** Numbers that describe a module to `generate`. */
export const MODULE_FIELDS = 12;
/**
 * The numbers that describe a unit to hold, in the order of `HeldUnit` in native/kernels/generated.h: index of its module, 1 if its c is held
 * and 0 if its h is, index of the unit, value.
 */
export const HELD_UNIT = ['module', 'isC', 'unit', 'value'] as const;
export const HELD_FIELDS = HELD_UNIT.length;
/**
 * The numbers that describe how a sequence draws, in the order of `RowControls` in native/kernels/generated.h. `…At` is the index of an array
 * in the buffer of controls; −1: there is none.
 *
 * - `logitBiasAt`, [V]: the logit bias.
 * - `countsAt`, [V]: how often each token occurs in the penalty window; updated.
 * - `expiringAt`, [min(steps, window)]: the token that leaves the window with each step; −1: none.
 * - `window`: the length of the penalty window; 0: the whole text.
 */
export const ROW_CONTROLS = [
  ...(['temperature', 'topK', 'topP', 'minP'] as const),
  ...(['repetitionPenalty', 'presencePenalty', 'frequencyPenalty'] as const),
  ...(['logitBiasAt', 'countsAt', 'expiringAt', 'window'] as const),
] as const;
export type RowControls = Readonly<Record<(typeof ROW_CONTROLS)[number], number>>;
export const CONTROL_FIELDS = ROW_CONTROLS.length;

/** Columns of a panel: native/kernels/matrix.h. */
export const LANES = 16;
/** Operations on vectors are divided into chunks of this many floats. Each chunk is one task, and has its own partial sum. */
export const CHUNK_FLOATS = 4096;
/** Threads divide the units of a layer if they have fewer rows than this: each row reads all weights (native/kernels/recurrent.h). */
export const ROWS_OF_CREW = 8;
/** Multiply-adds of a thread in a layer, in float32, that are worth a wait for the other threads. */
export const LEAST_WORK = 2 ** 15;
/** Workspace of a draw, in doubles per token: three arrays of doubles and two of ints (native/kernels/draw.h). */
export const DRAW_WORKSPACE = 4;

/** The operations, in the order of their numbers. */
export const OPERATIONS = [
  'fill',
  'copy',
  'packRows',
  'unpackRows',
  'packWeights',
  'unpackWeights',
  'recurrentForward',
  'recurrentBackward',
  'embeddingForward',
  'embeddingBackward',
  'linearForward',
  'linearBackward',
  'crossEntropy',
  'dropout',
  'dropWeights',
  'update',
  'average',
  'generate',
  'copySlots',
] as const;

export type Operation = (typeof OPERATIONS)[number];

/**
 * What the factors of a call's matrix products are, in the order of their numbers. `bfloat16Blocks` sums in the order of AMX. `int8Plain` gives
 * the bits of `int8`, without the processor's instruction for it.
 */
export const ELEMENTS = ['float32', 'bfloat16', 'bfloat16Blocks', 'int8', 'int8Plain'] as const;

export type ProductElement = (typeof ELEMENTS)[number];

/** The id of a buffer in an engine; 0 means none. */
export type BufferId = number;

/** Encodes a call as a command. */
export function encodeCommand(
  command: Float64Array,
  operation: Operation,
  numbers: readonly number[],
  buffers: readonly (BufferId | undefined)[],
): void {
  command.fill(0);
  command[0] = OPERATIONS.indexOf(operation);
  command.set(numbers, 1);
  for (let i = 0; i < buffers.length; i++) command[1 + MAX_NUMBERS + i] = buffers[i] ?? 0;
}
