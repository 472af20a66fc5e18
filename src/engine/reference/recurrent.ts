/**
 * A recurrent layer over a whole sequence, forward and backward.
 *
 * Arrays are [T, B, …]: the row of step t and batch row b is t·B + b. This file has what the cells share: the input's part of the gates, the
 * state carried from step to step, and the gradients of the weights. `cells.ts` has the rest.
 */
import { carriesC, gateCount, hasCandidate } from '../cells.ts';
import {
  checkRecurrentBackward,
  checkRecurrentForward,
  type RecurrentSizes,
  recurrentWidth,
} from '../checks.ts';
import type { FloatArray, HeldUnit, Precision, RecurrentBackward, RecurrentForward } from '../engine.ts';
import { floats } from '../precision.ts';
import { type CellSteps, cellSteps, type StepContext } from './cells.ts';
import { applyDropout } from './dropout.ts';
import {
  bytesOf,
  floatsOf,
  floatVectorOf,
  intsOf,
  makeTrace,
  type Trace,
  traceOf,
  vectorOf,
} from './handles.ts';
import { addColumnSums, multiplyAdd, transpose } from './multiply.ts';

const NONE = new Float64Array(0);

/** @param held The layer's units to hold after each step. Those whose c is held come first. */
export function recurrentForward(
  precision: Precision,
  call: RecurrentForward,
  held: readonly HeldUnit[] = [],
) {
  const sizes = checkRecurrentForward(call);
  const { module, steps, rows } = sizes;

  const trace = call.tape
    ? traceOf(call.tape, call.module, steps, rows)
    : makeTrace(precision, module, steps, rows);
  const context = stepContext(precision, call, sizes, trace, false);
  const cell: CellSteps = cellSteps[module.cell];
  const resets = call.resets && bytesOf(call.resets);
  const size = rows * module.hiddenSize;
  const initial = floatsOf(call.initial);
  const hasC = carriesC(module.cell);

  inputProduct(call, sizes, trace);
  for (let step = 0; step < steps; step++) {
    // In a state with c, c comes first.
    const hidden =
      step === 0 ? initial.subarray(hasC ? size : 0) : context.output.subarray((step - 1) * size);
    carry(hidden, trace.previous, step, sizes, resets);
    if (hasC) {
      carry(
        step === 0 ? initial : trace.cells.subarray((step - 1) * size),
        trace.previousCells,
        step,
        sizes,
        resets,
      );
    }
    cell.forward(context, step);
    for (const unit of held) holdUnit(context, step, unit);
  }

  const final = floatsOf(call.final);
  const last = (steps - 1) * size;
  if (hasC) final.set(trace.cells.subarray(last, last + size));
  final.set(context.output.subarray(last, last + size), hasC ? size : 0);
  if (call.cells) floatsOf(call.cells).set(trace.cells.subarray(0, steps * size));
}

/** Sets a unit in all rows of a step. With c held, h = o·tanh(c). */
function holdUnit({ module, rows, trace, output }: StepContext, step: number, held: HeldUnit) {
  const { cell, hiddenSize: H } = module;
  const gates = gateCount(cell);
  for (let row = step * rows; row < (step + 1) * rows; row++) {
    const at = row * H + held.unit;
    if (held.part === 'h') {
      output[at] = held.value;
      continue;
    }
    const computed = trace.cells[at]!;
    trace.cells[at] = held.value;
    // In float32, h was computed from an o that is not rounded, so computing it again could change its last bit.
    if (trace.cells[at] === computed) continue;
    // The gates of an lstm are i f o g.
    output[at] = trace.gates[(row * gates + 2) * H + held.unit]! * Math.tanh(trace.cells[at]!);
  }
}

export function recurrentBackward(precision: Precision, call: RecurrentBackward) {
  const sizes = checkRecurrentBackward(call);
  const { module, steps, rows } = sizes;

  floatVectorOf(call.weights);
  const trace = traceOf(call.tape, call.module, steps, rows);
  const context = stepContext(precision, call, sizes, trace, true);
  const cell: CellSteps = cellSteps[module.cell];
  const resets = call.resets && bytesOf(call.resets);
  const size = rows * module.hiddenSize;
  const hasC = carriesC(module.cell);
  const outputGradient = floatsOf(call.outputGradient);

  const { hiddenGradient, cellGradient } = context;
  if (call.finalGradient) {
    const final = floatsOf(call.finalGradient);
    hiddenGradient.set(final.subarray(hasC ? size : 0, hasC ? 2 * size : size));
    if (hasC) cellGradient.set(final.subarray(0, size));
  }
  for (let step = steps - 1; step >= 0; step--) {
    for (let i = 0; i < size; i++) hiddenGradient[i] = hiddenGradient[i]! + outputGradient[step * size + i]!;
    cell.backward(context, step);
    if (resets) stopAtResets(context, step, resets, sizes);
  }
  if (call.initialGradient) {
    const initial = floatsOf(call.initialGradient);
    if (hasC) initial.set(cellGradient);
    initial.set(hiddenGradient, hasC ? size : 0);
  }
  weightGradients(precision, call, sizes, trace);
  if (call.inputGradient) inputGradient(precision, call, sizes, trace);
}

/** What the steps of a call share. For the backward pass, this includes the gradients carried from step to step. */
function stepContext(
  precision: Precision,
  call: RecurrentForward | RecurrentBackward,
  { module, rows }: RecurrentSizes,
  trace: Trace,
  backward: boolean,
): StepContext {
  const H = module.hiddenSize;
  const width = recurrentWidth(module);
  const weights = vectorOf(call.weights);
  const recurrent = weights.matrix(call.module, 'weight_hh');
  const recurrentTransposed = backward ? floats(precision, width * H) : NONE;
  if (backward) transpose({ data: recurrent.data }, recurrentTransposed, width, H);
  const biasAt = weights.offsetOf(call.module, 'bias_hh');
  return {
    module,
    rows,
    trace,
    recurrent,
    recurrentTransposed,
    recurrentBias: weights.data.subarray(biasAt, biasAt + width),
    output: floatsOf(call.output),
    hiddenGradient: backward ? floats(precision, rows * H) : NONE,
    cellGradient: backward && carriesC(module.cell) ? floats(precision, rows * H) : NONE,
    scratch: hasCandidate(module.cell) ? floats(precision, rows * H) : NONE,
  };
}

/** gates = W x + both biases, for all steps. With the reset after the product, the last gate leaves out bias_hh. */
function inputProduct(call: RecurrentForward, { module, steps, rows }: RecurrentSizes, trace: Trace) {
  const width = recurrentWidth(module);
  const H = module.hiddenSize;
  const D = module.inputSize;
  const weights = vectorOf(call.weights);
  const W = weights.data;
  const inputWeights = weights.offsetOf(call.module, 'weight_ih');
  const inputBias = weights.offsetOf(call.module, 'bias_ih');
  const recurrentBias = weights.offsetOf(call.module, 'bias_hh');
  const ownBias = module.reset === 'after' ? width - H : width;
  const { gates } = trace;
  const positions = steps * rows;

  for (let position = 0; position < positions; position++) {
    for (let j = 0, gate = position * width; j < width; j++, gate++) {
      gates[gate] = W[inputBias + j]! + (j < ownBias ? W[recurrentBias + j]! : 0);
    }
  }
  if (module.input === 'tokens') {
    const tokens = intsOf(call.input);
    for (let position = 0; position < positions; position++) {
      const token = checkedToken(tokens[position]!, D);
      for (let j = 0, gate = position * width, at = inputWeights + token; j < width; j++, gate++, at += D) {
        gates[gate] = gates[gate]! + W[at]!;
      }
    }
    return;
  }
  const dense = droppedInput(call, { module, steps, rows }, trace);
  weights.matrix(call.module, 'weight_ih').multiplyAdd({ data: dense }, { data: gates }, positions, width);
}

/** The dense input, after dropout if the call has one. The trace keeps it for the backward pass. */
function droppedInput(
  call: RecurrentForward,
  { module, steps, rows }: RecurrentSizes,
  trace: Trace,
): FloatArray {
  const input = floatsOf(call.input);
  if (call.dropout) applyDropout(call.dropout, input, trace.input, steps, rows, module.inputSize);
  else trace.input.set(input);
  return trace.input;
}

/** Copies the state before a step into the trace, with zeros for rows that are reset. */
function carry(
  from: FloatArray,
  into: FloatArray,
  step: number,
  { module, rows }: RecurrentSizes,
  resets: Uint8Array | undefined,
) {
  const H = module.hiddenSize;
  const at = step * rows * H;
  into.set(from.subarray(0, rows * H), at);
  if (!resets) return;
  for (let row = 0; row < rows; row++) {
    if (resets[step * rows + row]) into.fill(0, at + row * H, at + (row + 1) * H);
  }
}

/** Stops the gradient at resets. */
function stopAtResets(
  context: StepContext,
  step: number,
  resets: Uint8Array,
  { module, rows }: RecurrentSizes,
) {
  const H = module.hiddenSize;
  for (let row = 0; row < rows; row++) {
    if (!resets[step * rows + row]) continue;
    context.hiddenGradient.fill(0, row * H, (row + 1) * H);
    context.cellGradient.fill(0, row * H, (row + 1) * H);
  }
}

/** dW = Σ over T·B of dGates ⊗ input, db = Σ dGates. Products run over T·B, so both sides are transposed first. */
function weightGradients(precision: Precision, call: RecurrentBackward, sizes: RecurrentSizes, trace: Trace) {
  const { module, steps, rows } = sizes;
  const H = module.hiddenSize;
  const D = module.inputSize;
  const width = recurrentWidth(module);
  const positions = steps * rows;
  const gradient = floatVectorOf(call.gradient);
  const G = gradient.data;
  const [inputAt, inputBiasAt, recurrentAt, recurrentBiasAt] = (
    ['weight_ih', 'bias_ih', 'weight_hh', 'bias_hh'] as const
  ).map((name) => gradient.offsetOf(call.module, name)) as [number, number, number, number];
  G.fill(0, inputAt, recurrentBiasAt + width);

  const gates = floats(precision, width * positions);
  transpose({ data: trace.gates }, gates, positions, width);
  const hidden = floats(precision, H * positions);
  const recurrentGradient = (offset: number, from: number, left: FloatArray, leftFrom: number, n: number) => {
    const out = { data: G, offset: offset + from * H };
    multiplyAdd({ data: left, offset: leftFrom * positions }, { data: hidden }, out, n, H, positions);
  };

  transpose({ data: trace.previous }, hidden, positions, H);
  if (!hasCandidate(module.cell)) recurrentGradient(recurrentAt, 0, gates, 0, width);
  else {
    const last = width - H;
    recurrentGradient(recurrentAt, 0, gates, 0, last);
    const candidate = floats(precision, H * positions);
    transpose({ data: trace.candidate }, candidate, positions, H);
    if (module.reset === 'after') recurrentGradient(recurrentAt, last, candidate, 0, H);
    else {
      hidden.set(candidate);
      recurrentGradient(recurrentAt, last, gates, last, H);
    }
  }

  addColumnSums({ data: trace.gates }, G, inputBiasAt, positions, width);
  G.copyWithin(recurrentBiasAt, inputBiasAt, inputBiasAt + width);
  if (module.reset === 'after') {
    const last = recurrentBiasAt + width - H;
    G.fill(0, last, last + H);
    addColumnSums({ data: trace.candidate }, G, last, positions, H);
  }

  if (module.input === 'tokens') {
    const tokens = intsOf(call.input);
    for (let position = 0; position < positions; position++) {
      for (
        let j = 0, gate = position * width, at = inputAt + tokens[position]!;
        j < width;
        j++, gate++, at += D
      ) {
        G[at] = G[at]! + trace.gates[gate]!;
      }
    }
  } else {
    const input = floats(precision, D * positions);
    transpose({ data: trace.input }, input, positions, D);
    multiplyAdd({ data: gates }, { data: input }, { data: G, offset: inputAt }, width, D, positions);
  }
}

/** dX = dGates · W, then the input's dropout. */
function inputGradient(precision: Precision, call: RecurrentBackward, sizes: RecurrentSizes, trace: Trace) {
  const { module, steps, rows } = sizes;
  const D = module.inputSize;
  const width = recurrentWidth(module);
  const weights = floatVectorOf(call.weights);
  const transposed = floats(precision, D * width);
  transpose({ data: weights.data, offset: weights.offsetOf(call.module, 'weight_ih') }, transposed, width, D);
  const into = floatsOf(call.inputGradient as NonNullable<typeof call.inputGradient>);
  into.fill(0);
  multiplyAdd({ data: trace.gates }, { data: transposed }, { data: into }, steps * rows, D, width);
  if (call.dropout) applyDropout(call.dropout, into, into, steps, rows, D);
}

/** Returns a token. Throws unless it is in the vocabulary. */
export function checkedToken(token: number, vocabularySize: number): number {
  if (token >= 0 && token < vocabularySize) return token;
  throw new RangeError(`token ${token} is outside the vocabulary of ${vocabularySize}`);
}
