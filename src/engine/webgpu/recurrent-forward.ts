/** The forward pass of a recurrent layer: the products with the input for all steps at once, then the steps. */
import { carriesC } from '../cells.ts';
import type { Dropout, HeldUnit } from '../engine.ts';
import { forEach } from './dispatch.ts';
import { dropInput } from './dropout.ts';
import { floatBits, kernel } from './kernel.ts';
import { groupsOf, multiply } from './products.ts';
import type { Recorder } from './recorder.ts';
import { cellName, type Layer, packedNumbers, packedWeights, productGates } from './recurrent-layer.ts';
import { cellShader } from './shaders/cells.ts';
import { beginState, CELLS_OUTPUT, endState, holdUnit } from './shaders/recurrent-states.ts';
import { forwardBindings, forwardSteps, stepNumbers } from './shaders/recurrent-steps.ts';
import { lookUp } from './shaders/recurrent-weights.ts';
import { mapTrace, type Trace, traceBytes } from './trace.ts';
import { type RecurrentTuning, stepsOfDispatch } from './tuning.ts';

export interface LayerForward extends Layer {
  /** Tokens [T, B] or numbers [T, B, D]. */
  readonly input: GPUBuffer;
  readonly dropout?: Dropout | undefined;
  readonly resets?: GPUBuffer | undefined;
  readonly initial: GPUBuffer;
  readonly final: GPUBuffer;
  readonly output: GPUBuffer;
  readonly cells?: GPUBuffer | undefined;
  /** Without it, the sequence is computed in pieces of time, in scratch memory. */
  readonly trace?: Trace<GPUBuffer> | undefined;
  /** Units to hold after the step, those whose c is held first. Only in a call of a single step. Default: none. */
  readonly held?: readonly HeldUnit[] | undefined;
}

/** Consecutive steps of a call, whose trace is complete in memory. */
interface Piece {
  readonly from: number;
  readonly steps: number;
  readonly initial: GPUBuffer;
  readonly trace: Trace<GPUBuffer>;
}

export function layerForward(recorder: Recorder, call: LayerForward, tuning: RecurrentTuning): void {
  const packed = packedWeights(recorder, call, 'forward');
  for (const piece of piecesOf(recorder, call, tuning)) {
    inputProduct(recorder, call, piece, tuning);
    runSteps(recorder, call, piece, packed, tuning);
  }
}

function* piecesOf(
  recorder: Recorder,
  { module, rows, steps, ...call }: LayerForward,
  { scratchBytes }: RecurrentTuning,
): Generator<Piece> {
  if (call.trace) {
    yield { from: 0, steps, initial: call.initial, trace: call.trace };
    return;
  }
  const bytes = (count: number) => traceBytes(module, count, rows, call.dropout !== undefined);
  const perStep = Object.values(bytes(1)).reduce((sum, size = 0) => sum + size, 0);
  const most = Math.min(steps, Math.max(1, Math.floor(scratchBytes / perStep)));
  const trace = mapTrace<number, GPUBuffer>(bytes(most), (size, name) =>
    recorder.scratch(`trace ${name}`, size),
  );
  for (let from = 0; from < steps; from += most) {
    const initial = from === 0 ? call.initial : call.final;
    yield { from, steps: Math.min(most, steps - from), initial, trace };
  }
}

/** gates = W x + both biases. With the reset after the product, bias_hh of n is left to the steps. */
function inputProduct(
  recorder: Recorder,
  call: LayerForward,
  { from, steps, trace }: Piece,
  { operations }: RecurrentTuning,
): void {
  const { module, weights, places, rows } = call;
  const { hiddenSize: H, inputSize: D } = module;
  const { inputComponents, width } = cellShader(module);
  const outputs = inputComponents.length * H;
  const secondBiases = module.reset === 'after' ? outputs - H : outputs;
  const positions = steps * rows;
  if (module.input === 'tokens') {
    const { weight_ih, bias_ih, bias_hh } = places;
    recorder.run(
      kernel(`look-up ${cellName(module)}`, () => lookUp(module)),
      [weights, call.input, trace.gates],
      [positions, H, D, weight_ih, bias_ih, bias_hh, secondBiases, from * rows],
      groupsOf(positions * H, 64),
    );
    return;
  }
  const dropped = call.dropout && trace.input;
  if (dropped) dropInput(recorder, call.dropout, call.input, dropped, { steps, rows, units: D, from });
  multiply(
    recorder,
    { transposeB: true, biases: 2, gates: productGates(module, 'n') },
    { a: dropped ?? call.input, b: weights, c: trace.gates, biases: weights },
    {
      ...{ m: positions, n: outputs, k: D, units: H },
      ...{ rowA: D, rowB: D, rowC: H * width },
      ...{ offsetA: dropped ? 0 : from * rows * D, offsetB: places.weight_ih },
      ...{ bias: places.bias_ih, bias2: places.bias_hh, secondBiases },
    },
    operations,
  );
}

function runSteps(
  recorder: Recorder,
  call: LayerForward,
  { from, steps, initial, trace }: Piece,
  packed: GPUBuffer,
  tuning: RecurrentTuning,
): void {
  const { module, rows } = call;
  const { hiddenSize: H } = module;
  const name = cellName(module);
  const hasC = carriesC(module.cell);
  const { gates, hidden, cells } = trace;
  // A shader without resets does not read the buffer that is bound instead.
  const resets = call.resets ?? packed;
  const hasResets = call.resets !== undefined;
  const firstResets = from * rows;
  const perState = groupsOf(rows * H, 64);

  recorder.run(
    kernel(`begin state ${hasC}`, () => beginState(module)),
    [initial, resets, hidden, ...(cells ? [cells] : [])],
    [rows, H, hasResets ? 1 : 0, firstResets],
    perState,
  );

  const packing = packedNumbers(call.compute);
  const tiles = { units: tuning.units, slices: tuning.slices, rows: tuning.rows };
  const step = kernel(`forward ${name} ${packing} ${Object.values(tiles)}`, () =>
    forwardSteps(module, tiles, packing),
  );
  const all = { packed, resets, ...trace, output: call.output };
  const buffers = forwardBindings(module, packing).map(
    ([tensor]) => all[tensor as keyof typeof all] as GPUBuffer,
  );
  const phases = cellShader(module).forward.length;
  const numbers = { steps, rows, units: H, hasResets, resets: firstResets, output: from * rows * H };
  const dispatches = stepsOfDispatch(tuning, module, { steps, rows, phases });
  recorder.runAll(
    step,
    buffers,
    dispatches.map(({ groups, ...own }) => ({ numbers: stepNumbers(own, numbers), groups })),
  );

  for (const { part, unit, value } of call.held ?? []) {
    const before = part === 'c' ? [gates, cells as GPUBuffer] : [];
    const numbers = [H, unit, floatBits(value)];
    forEach(recorder, `hold ${part}`, () => holdUnit(part), [...before, hidden, call.output], rows, numbers);
  }
  recorder.run(
    kernel(`end state ${hasC}`, () => endState(module)),
    [hidden, ...(cells ? [cells] : []), call.final],
    [rows, H, steps],
    perState,
  );
  if (call.cells && cells) {
    recorder.run(
      kernel('cells output', () => CELLS_OUTPUT),
      [gates, cells, call.cells],
      [steps * rows, H, from * rows * H],
      groupsOf(steps * rows * H, 64),
    );
  }
}
