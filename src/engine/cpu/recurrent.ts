/** Calls of the recurrent kernels (native/kernels/recurrent.h). */
import { CELL_NAMES, gateCount } from '../cells.ts';
import { checkRecurrentBackward, checkRecurrentForward, checkTape, type RecurrentSizes } from '../checks.ts';
import { dropoutKey, dropThreshold } from '../dropout-mask.ts';
import type { RecurrentBackward, RecurrentForward, Tape } from '../engine.ts';
import { hasRowScales } from '../int8.ts';
import type { CpuContext } from './context.ts';
import type { CpuTape } from './handles.ts';
import { offsetIn, recurrentScratchBytes, tapeBytes } from './packing.ts';

/** Steps kept if no backward pass follows: one that is read and one that is written. */
const STEPS_WITHOUT_TAPE = 2;

export function recurrentForward(context: CpuContext, call: RecurrentForward) {
  const sizes = checkRecurrentForward(call);
  const { module, rows } = sizes;
  const tapeSteps = call.tape
    ? checkedTape(context, call.tape, call.module, sizes).steps
    : STEPS_WITHOUT_TAPE;
  const tape = call.tape
    ? context.buffer(call.tape)
    : context.workingBuffer('tape', tapeBytes(module, STEPS_WITHOUT_TAPE, rows));
  context.submit(
    'recurrentForward',
    numbersOf(context, call, sizes, tapeSteps),
    [
      context.weights(call.weights).buffer,
      ...inputs(context, call, sizes),
      ...context.buffers(call.initial, call.final, call.output, call.cells),
      tape,
      context.scratch(recurrentScratchBytes(module, sizes.steps, rows, context.packsFactors(call))),
    ],
    workOf(sizes),
  );
}

export function recurrentBackward(context: CpuContext, call: RecurrentBackward) {
  const sizes = checkRecurrentBackward(call);
  const { module, rows } = sizes;
  const tape = checkedTape(context, call.tape, call.module, sizes);
  const NONE = undefined;
  context.submit(
    'recurrentBackward',
    numbersOf(context, call, sizes, tape.steps),
    [
      context.buffer(call.weights),
      ...inputs(context, call, sizes),
      ...[NONE, NONE, NONE, NONE],
      context.buffer(call.tape),
      context.scratch(recurrentScratchBytes(module, sizes.steps, rows, context.packsFactors(call))),
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
  return [input, ...context.buffers(call.resets)];
}

function numbersOf(
  context: CpuContext,
  call: RecurrentForward | RecurrentBackward,
  { module, steps, rows }: RecurrentSizes,
  tapeSteps: number,
): number[] {
  const { dropout } = call;
  const { layout, packed } = context.weights(call.weights);
  const at = (name: 'weight_ih' | 'bias_ih' | 'weight_hh' | 'bias_hh') => offsetIn(packed, call.module, name);
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
    context.elementOf(call),
    hasRowScales(layout, call.module) ? 1 : 0,
  ];
}

/** Approximate multiply-adds of a forward pass. */
function workOf({ module, steps, rows }: RecurrentSizes): number {
  const D = module.input === 'tokens' ? 1 : module.inputSize;
  return steps * rows * gateCount(module.cell) * module.hiddenSize * (module.hiddenSize + D + 10);
}

function checkedTape(context: CpuContext, tape: Tape, module: number, sizes: RecurrentSizes): CpuTape {
  context.buffer(tape);
  checkTape(tape, module, sizes);
  return tape as CpuTape;
}
