/** The backward pass of a recurrent layer: the steps, then the gradients of the weights and of the input for all steps at once. */
import { carriesC } from '../cells.ts';
import type { Dropout } from '../engine.ts';
import { dropInput } from './dropout.ts';
import { kernel } from './kernel.ts';
import { columnSums, groupsOf, multiply, multiplyPositions, sumByToken } from './products.ts';
import type { Recorder } from './recorder.ts';
import { cellName, type Layer, packedNumbers, packedWeights, productGates } from './recurrent-layer.ts';
import { cellShader } from './shaders/cells.ts';
import { beginGradient, endGradient, ZERO_GRADIENT } from './shaders/recurrent-states.ts';
import { backwardBindings, backwardSteps, stepNumbers } from './shaders/recurrent-steps.ts';
import { biasGradients, lookUpGradient } from './shaders/recurrent-weights.ts';
import type { Trace } from './trace.ts';
import { type RecurrentTuning, stepsOfDispatch } from './tuning.ts';

export interface LayerBackward extends Layer {
  readonly input: GPUBuffer;
  readonly dropout?: Dropout | undefined;
  readonly resets?: GPUBuffer | undefined;
  readonly trace: Trace<GPUBuffer>;
  readonly outputGradient: GPUBuffer;
  readonly finalGradient?: GPUBuffer | undefined;
  readonly gradient: GPUBuffer;
  readonly inputGradient?: GPUBuffer | undefined;
  readonly initialGradient?: GPUBuffer | undefined;
}

export function layerBackward(recorder: Recorder, call: LayerBackward, tuning: RecurrentTuning): void {
  runSteps(recorder, call, tuning);
  recurrentGradient(recorder, call);
  biasGradient(recorder, call);
  if (call.module.input === 'tokens') tokensGradient(recorder, call);
  else inputWeightsGradient(recorder, call);
  if (call.inputGradient) inputGradient(recorder, call, call.inputGradient);
}

/** Replaces the gates by their gradients. */
function runSteps(recorder: Recorder, call: LayerBackward, tuning: RecurrentTuning): void {
  const { module, rows, steps, trace, finalGradient, initialGradient } = call;
  const { hiddenSize: H } = module;
  const hasC = carriesC(module.cell);
  const packed = packedWeights(recorder, call, 'backward');
  const carried = recorder.scratch('carried gradients', rows * H * 8);
  const perState = groupsOf(rows * H, 64);
  if (finalGradient) {
    const begin = kernel(`begin gradient ${hasC}`, () => beginGradient(module));
    recorder.run(begin, [finalGradient, carried], [rows, H], perState);
  } else {
    const zero = kernel('zero gradient', () => ZERO_GRADIENT);
    recorder.run(zero, [carried], [rows, H], perState);
  }

  const { before, backward } = cellShader(module);
  const packing = packedNumbers(call.compute);
  const tiles = { units: tuning.units, slices: tuning.slices, rows: tuning.rows };
  const step = kernel(`backward ${cellName(module)} ${packing} ${Object.values(tiles)}`, () =>
    backwardSteps(module, tiles, packing),
  );
  const phases = backward.length;
  const all = {
    ...{ packed, carried, gates: trace.gates, outputGradient: call.outputGradient },
    // A shader without resets does not read the buffer that is bound instead.
    resets: call.resets ?? packed,
    before: before && trace[before],
    exchange: phases > 1 ? recorder.scratch('exchanged gradients', rows * H * 4) : undefined,
  };
  const buffers = backwardBindings(module, packing).map(
    ([tensor]) => all[tensor as keyof typeof all] as GPUBuffer,
  );
  const numbers = { steps, rows, units: H, hasResets: call.resets !== undefined, resets: 0, output: 0 };
  // One more than the steps: the last takes the gradients through the weights to the initial state.
  const count = initialGradient ? steps + 1 : steps;
  const dispatches = stepsOfDispatch(tuning, module, { steps: count, rows, phases });
  recorder.runAll(
    step,
    buffers,
    dispatches.map(({ first, groups, ...own }) => ({
      numbers: stepNumbers({ ...own, first: steps - first }, numbers),
      groups,
    })),
  );

  if (initialGradient) {
    const end = kernel(`end gradient ${hasC}`, () => endGradient(module));
    recorder.run(end, [carried, initialGradient], [rows, H], perState);
  }
}

/** dW_hh = Σ dGates ⊗ h'; for the n of a gru with its reset before the product, ⊗ r·h'. */
function recurrentGradient(recorder: Recorder, call: LayerBackward): void {
  const { module, rows, steps, places, trace, gradient } = call;
  const { hiddenSize: H } = module;
  const { recurrentComponents, width } = cellShader(module);
  const sizes = { n: H, k: steps * rows, units: H, rowA: H * width, rowB: H };
  const m = recurrentComponents.length * H;
  multiplyPositions(
    recorder,
    productGates(module, 'm', 'recurrent'),
    { a: trace.gates, b: trace.hidden, c: gradient },
    { ...sizes, m, offsetC: places.weight_hh },
  );
  if (!trace.candidate) return;
  multiplyPositions(
    recorder,
    { dimension: 'm', components: [recurrentComponents.length], width },
    { a: trace.gates, b: trace.candidate, c: gradient },
    { ...sizes, m: H, offsetC: places.weight_hh + m * H },
  );
}

/** db = Σ dGates. */
function biasGradient(
  recorder: Recorder,
  { module, rows, steps, places, trace, gradient }: LayerBackward,
): void {
  const { hiddenSize: H } = module;
  const { width, inputComponents } = cellShader(module);
  const sums = columnSums(recorder, trace.gates, steps * rows, H * width);
  recorder.run(
    kernel(`bias gradients ${cellName(module)}`, () => biasGradients(module)),
    [sums, gradient],
    [H, places.bias_ih, places.bias_hh],
    groupsOf(inputComponents.length * H, 64),
  );
}

/** dW_ih of tokens: each position adds its gates to the column of its token. */
function tokensGradient(recorder: Recorder, call: LayerBackward): void {
  const { module, rows, steps, places, trace, gradient, input } = call;
  const { hiddenSize, inputSize: vocabularySize } = module;
  sumByToken(
    recorder,
    kernel(`look-up gradient ${cellName(module)}`, () => lookUpGradient(module)),
    [trace.gates, input, gradient],
    { positions: steps * rows, units: hiddenSize, vocabularySize, table: places.weight_ih },
  );
}

/** dW_ih = Σ dGates ⊗ x. */
function inputWeightsGradient(recorder: Recorder, call: LayerBackward): void {
  const { module, rows, steps, places, trace, gradient } = call;
  const { hiddenSize: H, inputSize: D } = module;
  const { width, inputComponents } = cellShader(module);
  const dropped = call.dropout && trace.input;
  multiplyPositions(
    recorder,
    productGates(module, 'm'),
    { a: trace.gates, b: dropped ?? call.input, c: gradient },
    {
      ...{ m: inputComponents.length * H, n: D, k: steps * rows, units: H },
      ...{ rowA: H * width, rowB: D, offsetC: places.weight_ih },
    },
  );
}

/** dX = dGates · W, then the input's dropout. */
function inputGradient(recorder: Recorder, call: LayerBackward, into: GPUBuffer): void {
  const { module, rows, steps, places, trace, weights, dropout } = call;
  const { hiddenSize: H, inputSize: D } = module;
  const { width, inputComponents } = cellShader(module);
  multiply(
    recorder,
    { gates: productGates(module, 'k') },
    { a: trace.gates, b: weights, c: into },
    {
      ...{ m: steps * rows, n: D, k: inputComponents.length * H, units: H },
      ...{ rowA: H * width, rowB: D, rowC: D, offsetB: places.weight_ih },
    },
  );
  if (dropout) dropInput(recorder, dropout, into, into, { steps, rows, units: D, from: 0 });
}
