/** What a forward pass of a recurrent layer keeps: on a tape for the backward pass, or in scratch memory for a piece of time. */
import { carriesC } from '../cells.ts';
import type { RecurrentModule } from '../layout.ts';
import { cellShader } from './shaders/cells.ts';

/** The tensors of a trace. T steps of B rows, H units, D inputs, G components of the gates. */
export interface Trace<T> {
  /** [T, B, H, G]: W x and the biases; then the gates; after a backward pass, their gradients. */
  readonly gates: T;
  /** [T + 1, B, H]: h before each step, zero where the step resets it; last, the final h. */
  readonly hidden: T;
  /** [T + 1, B, H]: c in the same way; lstm only. */
  readonly cells?: T | undefined;
  /** [T, B, H]: r·h', the input of the candidate; gru with its reset before the product only. */
  readonly candidate?: T | undefined;
  /** [T, B, D]: a dense input after dropout. */
  readonly input?: T | undefined;
}

/** Bytes of each tensor of a trace. @param hasInput Whether the trace keeps the input after dropout. */
export function traceBytes(
  module: RecurrentModule,
  steps: number,
  rows: number,
  hasInput: boolean,
): Trace<number> {
  const cell = cellShader(module);
  const positions = steps * rows * 4;
  const states = (steps + 1) * rows * module.hiddenSize * 4;
  return {
    gates: positions * module.hiddenSize * cell.width,
    hidden: states,
    cells: carriesC(module.cell) ? states : undefined,
    candidate: cell.forward.length > 1 ? positions * module.hiddenSize : undefined,
    input: hasInput ? positions * module.inputSize : undefined,
  };
}

/** Makes the tensors of a trace from their bytes. */
export function mapTrace<T, U>(trace: Trace<T>, make: (value: T, name: keyof Trace<T>) => U): Trace<U> {
  const { gates, hidden, cells, candidate, input } = trace;
  return {
    gates: make(gates, 'gates'),
    hidden: make(hidden, 'hidden'),
    cells: cells === undefined ? undefined : make(cells, 'cells'),
    candidate: candidate === undefined ? undefined : make(candidate, 'candidate'),
    input: input === undefined ? undefined : make(input, 'input'),
  };
}
