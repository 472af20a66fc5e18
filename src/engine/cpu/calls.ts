/** Calls as the kernels read them. native/kernels/generated.h has the constants, in C. */

export const MAX_NUMBERS = 24;
export const MAX_BUFFERS = 80;
/** Doubles in a call: the operation, its numbers, the numbers of its buffers. */
export const MAILBOX_LENGTH = 1 + MAX_NUMBERS + MAX_BUFFERS;
/** Modules that one call of `generate` can go through. */
export const MAX_MODULES = 70;
/** Numbers that describe a module to `generate`. */
export const MODULE_FIELDS = 12;
/** Numbers that describe how a row draws: `RowControls` in native/kernels/streams.h. */
export const CONTROL_FIELDS = 11;

/** Columns of a panel: native/kernels/matrix.h. */
export const LANES = 16;
/** Floats of a vector that are one task, and one sum. */
export const CHUNK_FLOATS = 4096;
/** Doubles a token that a draw works in, three of doubles and two of ints: native/kernels/draw.h. */
export const DRAW_ROOMS = 4;

/** In the order of their numbers. */
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
  'update',
  'average',
  'generate',
  'copySlots',
] as const;

export type Operation = (typeof OPERATIONS)[number];

/** Number of a buffer in an engine; 0 stands for none. */
export type BufferId = number;

/** Writes a call into a mailbox. */
export function fillMailbox(
  mailbox: Float64Array,
  operation: Operation,
  numbers: readonly number[],
  buffers: readonly (BufferId | undefined)[],
): void {
  mailbox.fill(0);
  mailbox[0] = OPERATIONS.indexOf(operation);
  mailbox.set(numbers, 1);
  for (let i = 0; i < buffers.length; i++) mailbox[1 + MAX_NUMBERS + i] = buffers[i] ?? 0;
}
