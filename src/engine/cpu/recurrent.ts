/** Calls of the recurrent kernels (native/kernels/recurrent.h). */
import { CELL_NAMES, gateCount } from '../cells.ts';
import {
  checkRecurrentInput,
  checkSameLayout,
  checkState,
  checkTensor,
  type RecurrentSizes,
} from '../checks.ts';
import { dropoutKey, dropThreshold } from '../dropout-mask.ts';
import type { RecurrentBackward, RecurrentForward, Tape } from '../engine.ts';
import type { CpuContext } from './context.ts';
import type { CpuTape } from './handles.ts';
import { offsetIn, recurrentScratchBytes, tapeBytes } from './packing.ts';

/** Steps kept if no backward pass follows: one that is read and one that is written. */
const STEPS_WITHOUT_TAPE = 2;

export function recurrentForward(context: CpuContext, call: RecurrentForward) {
  const sizes = checkRecurrentInput(call);
  const { module, rows } = sizes;
  checkState('initial', call.initial, module, rows);
  checkState('final', call.final, module, rows);
  if (call.cells) checkTensor('cells', call.cells, 'float', call.output.shape);
  const tapeSteps = call.tape
    ? checkedTape(context, call.tape, call.module, sizes).steps
    : STEPS_WITHOUT_TAPE;
  const tape = call.tape
    ? context.buffer(call.tape)
    : context.workingBuffer('tape', tapeBytes(module, STEPS_WITHOUT_TAPE, rows));
  context.submit(
    'recurrentForward',
    numbersOf(call, sizes, tapeSteps),
    [
      ...inputs(context, call, sizes),
      ...context.buffers(call.initial, call.final, call.output, call.cells),
      tape,
      context.scratch(recurrentScratchBytes(module, rows)),
    ],
    workOf(sizes),
  );
}

export function recurrentBackward(context: CpuContext, call: RecurrentBackward) {
  const sizes = checkRecurrentInput(call);
  const { module, steps, rows } = sizes;
  checkSameLayout(call.weights, call.gradient);
  checkTensor('outputGradient', call.outputGradient, 'float', call.output.shape);
  if (call.finalGradient) checkState('finalGradient', call.finalGradient, module, rows);
  if (call.initialGradient) checkState('initialGradient', call.initialGradient, module, rows);
  if (call.inputGradient)
    checkTensor('inputGradient', call.inputGradient, 'float', [steps, rows, module.inputSize]);
  const tape = checkedTape(context, call.tape, call.module, sizes);
  const NONE = undefined;
  context.submit(
    'recurrentBackward',
    numbersOf(call, sizes, tape.steps),
    [
      ...inputs(context, call, sizes),
      ...[NONE, NONE, NONE, NONE],
      context.buffer(call.tape),
      context.scratch(recurrentScratchBytes(module, rows)),
      ...context.buffers(
        call.outputGradient,
        call.finalGradient,
        call.gradient,
        call.inputGradient,
        call.initialGradient,
      ),
    ],
    3 * workOf(sizes),
  );
}

function inputs(context: CpuContext, call: RecurrentForward | RecurrentBackward, { module }: RecurrentSizes) {
  const input =
    module.input === 'tokens'
      ? context.tokens(call.input, module.inputSize).buffer
      : context.buffer(call.input);
  return [context.buffer(call.weights), input, ...context.buffers(call.resets)];
}

function numbersOf(
  call: RecurrentForward | RecurrentBackward,
  { module, steps, rows }: RecurrentSizes,
  tapeSteps: number,
): number[] {
  const { dropout } = call;
  const { layout } = call.weights;
  const at = (name: 'weight_ih' | 'bias_ih' | 'weight_hh' | 'bias_hh') => offsetIn(layout, call.module, name);
  return [
    ...[CELL_NAMES.indexOf(module.cell), module.reset === 'after' ? 1 : 0, module.input === 'tokens' ? 1 : 0],
    ...[steps, rows, module.inputSize, module.hiddenSize],
    ...[at('weight_ih'), at('bias_ih'), at('weight_hh'), at('bias_hh')],
    ...(dropout
      ? [
          ...[dropThreshold(dropout.probability), dropoutKey(dropout), 1 / (1 - dropout.probability)],
          ...[dropout.perSequence ? 1 : 0, dropout.firstStep ?? 0],
        ]
      : [0, 0, 0, 0, 0]),
    tapeSteps,
  ];
}

/** Approximate multiply-adds of a forward pass. */
function workOf({ module, steps, rows }: RecurrentSizes): number {
  const D = module.input === 'tokens' ? 1 : module.inputSize;
  return steps * rows * gateCount(module.cell) * module.hiddenSize * (module.hiddenSize + D + 10);
}

function checkedTape(
  context: CpuContext,
  tape: Tape,
  module: number,
  { steps, rows }: RecurrentSizes,
): CpuTape {
  context.buffer(tape);
  if (tape.module !== module || tape.rows !== rows || tape.steps < steps) {
    throw new RangeError(
      `tape: made for module ${tape.module}, ${tape.steps} steps of ${tape.rows} rows; ` +
        `got module ${module}, ${steps} steps of ${rows} rows`,
    );
  }
  return tape as CpuTape;
}
