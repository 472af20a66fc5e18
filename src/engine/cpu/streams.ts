/** Calls of the kernels that take streams through a whole network (native/kernels/streams.h). */

import { UnsupportedError } from '../../errors.ts';
import { checkDrawControls, checkSlots, checkState, checkTensor } from '../checks.ts';
import type { Draw, DrawControls, Generate, RecentDraws, Step, Tensor } from '../engine.ts';
import { gateCount, type Layout, type Module, recurrentModules } from '../layout.ts';
import { MAX_MODULES, MODULE_FIELDS } from './calls.ts';
import type { CpuContext } from './context.ts';
import { offsetIn, padded } from './packing.ts';
import { CELL_NUMBERS } from './recurrent.ts';

/** Doubles a token that a draw works in: native/kernels/draw.h. */
const DRAW_ROOMS = 4;

const KIND_NUMBERS = { embedding: 0, recurrent: 1, linear: 2 } as const;

/** What both calls have in common. */
interface Streams {
  readonly weights: Step['weights'];
  readonly states: readonly Tensor[];
  readonly slots: Int32Array;
  readonly output: Tensor;
}

export function step(context: CpuContext, call: Step) {
  const count = call.slots.length;
  if (call.tokens.length !== count)
    throw new RangeError(`tokens: got ${call.tokens.length}, expected ${count}`);
  if (count === 0) return;
  const V = checkStreams(call);
  for (const token of call.tokens) {
    if (token < 0 || token >= V) throw new RangeError(`token ${token} is outside the vocabulary of ${V}`);
  }
  submit(context, call, {
    steps: 1,
    tokens: call.tokens,
    logProbabilities: call.outputKind === 'logProbabilities',
  });
}

export function generate(context: CpuContext, call: Generate) {
  const count = call.slots.length;
  const steps = call.uniforms.length / count;
  if (count === 0 || !Number.isInteger(steps)) {
    throw new RangeError(`uniforms: got ${call.uniforms.length} for ${count} streams`);
  }
  const V = checkStreams(call);
  checkDrawControls(call, V);
  const tokens = context.tensor(call.tokens);
  if (tokens.type !== 'int' || tokens.length < call.uniforms.length) {
    throw new RangeError(
      `tokens: got [${call.tokens.shape.join(', ')}] of ${tokens.type}, fewer than are drawn`,
    );
  }
  tokens.range = { low: 0, high: V - 1 };
  submit(context, call, { steps, tokens: new Int32Array(count), logProbabilities: true, draws: call });
}

/** One token a stream. */
export function drawTokens(context: CpuContext, { logProbabilities, uniforms, temperature, tokens }: Draw) {
  checkTensor('logProbabilities', logProbabilities, 'float', [null, null]);
  const [rows, V] = logProbabilities.shape as [number, number];
  const into = context.tensor(tokens);
  if (into.type !== 'int') throw new TypeError(`tokens: got a tensor of ${into.type}, expected int`);
  const N = uniforms.length;
  if (N > into.length || N > rows) throw new RangeError(`uniforms: got ${N}, more than there are rows`);
  if (N === 0) return;
  into.range = { low: 0, high: V - 1 };
  const NOTHING_BARRED = -1;
  context.submit(
    'draw',
    [N, V, temperature, NOTHING_BARRED],
    [
      context.buffer(logProbabilities),
      context.given('uniforms', uniforms),
      context.buffer(tokens),
      context.scratch((V + 16) * DRAW_ROOMS * 8),
    ],
    N * V * 40,
  );
}

/** Checks states, slots and output; the vocabulary's size. */
function checkStreams({ weights, states, slots, output }: Streams): number {
  const { layout } = weights;
  const recurrent = recurrentModules(layout);
  if (states.length !== recurrent.length)
    throw new RangeError(`states: got ${states.length}, expected ${recurrent.length}`);
  if (layout.length > MAX_MODULES)
    throw new UnsupportedError(`a network of more than ${MAX_MODULES} modules`);
  recurrent.forEach((module, index) => {
    const state = states[index] as Tensor;
    checkState('states', state, module, null);
    checkSlots('slots', slots, state.shape[1] as number);
  });
  const last = layout.at(-1);
  if (last?.kind !== 'linear') throw new UnsupportedError('a network that does not end in a linear map');
  checkTensor('output', output, 'float', [null, last.outputSize]);
  if ((output.shape[0] as number) < slots.length)
    throw new RangeError(`output: fewer than ${slots.length} rows`);
  return last.outputSize;
}

function submit(
  context: CpuContext,
  { weights, states, slots, output }: Streams,
  {
    steps,
    tokens,
    logProbabilities,
    draws,
  }: { steps: number; tokens: Int32Array; logProbabilities: boolean; draws?: Generate },
) {
  const { layout } = weights;
  const N = slots.length;
  const V = output.shape[1] as number;
  let layer = 0;
  const stateOf = layout.map((module) => (module.kind === 'recurrent' ? states[layer++] : undefined));
  context.submit(
    'generate',
    [
      N,
      steps,
      V,
      layout.length,
      draws ? 1 : 0,
      draws?.controls?.temperature ?? draws?.temperature ?? 0,
      draws?.never ?? -1,
      logProbabilities ? 1 : 0,
      ...controlNumbers(draws),
    ],
    [
      context.buffer(weights),
      program(context, layout, stateOf),
      context.given('slots', slots),
      context.given('tokens', tokens),
      draws && context.given('uniforms', draws.uniforms),
      draws && context.buffer(draws.tokens),
      context.buffer(output),
      context.scratch(scratchBytes(layout, N, V, context.backend.threads)),
      draws?.controls && context.given('controls', controlValues(draws.controls, draws.recent, V)),
      ...context.buffers(...stateOf),
    ],
    // One stream can't be split: its steps are best made at once unless they take longer than a moment.
    N === 1 ? (steps * weights.size) / 16 : steps * N * weights.size,
  );
}

function controlNumbers(draws: Generate | undefined): number[] {
  const { controls, recent } = draws ?? {};
  if (!controls) return [];
  const { topK, topP, minP, repetitionPenalty, presencePenalty, frequencyPenalty } = controls;
  const penalties = [repetitionPenalty, presencePenalty, frequencyPenalty];
  return [1, topK, topP, minP, ...penalties, recent ? 1 : 0, recent?.window ?? 0];
}

/** Shift [V], counts [N, V], leaving tokens. */
function controlValues({ shift }: DrawControls, recent: RecentDraws | undefined, V: number): Float64Array {
  const values = new Float64Array(V + (recent ? recent.counts.length + recent.leaving.length : 0));
  if (shift) values.set(shift);
  if (recent) {
    values.set(recent.counts, V);
    values.set(recent.leaving, V + recent.counts.length);
  }
  return values;
}

/** What the kernels must know of the modules, written anew only when it changes. */
function program(context: CpuContext, layout: Layout, states: readonly (Tensor | undefined)[]): number {
  const numbers = new Float64Array(layout.length * MODULE_FIELDS);
  layout.forEach((module, index) => {
    numbers.set(
      [...moduleNumbers(layout, module, index), states[index]?.shape[1] ?? 0],
      index * MODULE_FIELDS,
    );
  });
  return context.constant('program', numbers);
}

function moduleNumbers(layout: Layout, module: Module, index: number): number[] {
  const kind = KIND_NUMBERS[module.kind];
  if (module.kind === 'embedding') {
    return [
      kind,
      0,
      0,
      1,
      module.vocabularySize,
      module.outputSize,
      offsetIn(layout, index, 'weight'),
      0,
      0,
      0,
    ];
  }
  if (module.kind === 'linear') {
    const places = [offsetIn(layout, index, 'weight'), offsetIn(layout, index, 'bias'), 0, 0];
    return [kind, 0, 0, 0, module.inputSize, module.outputSize, ...places];
  }
  return [
    ...[kind, CELL_NUMBERS[module.cell], module.reset === 'after' ? 1 : 0, module.input === 'tokens' ? 1 : 0],
    ...[module.inputSize, module.hiddenSize],
    ...(['weight_ih', 'bias_ih', 'weight_hh', 'bias_hh'] as const).map((name) =>
      offsetIn(layout, index, name),
    ),
  ];
}

function scratchBytes(layout: Layout, N: number, V: number, threads: number): number {
  let unit = 0;
  let gates = 0;
  let biases = 0;
  for (const module of layout) {
    const width = padded(module.kind === 'recurrent' ? module.hiddenSize : module.outputSize);
    const G = module.kind === 'recurrent' ? gateCount(module.cell) : 1;
    unit = Math.max(unit, width);
    gates = Math.max(gates, G * width);
    if (module.kind === 'recurrent') biases += G * width;
  }
  return 4 * ((5 * unit + gates) * N + biases) + 64 + 8 * threads * DRAW_ROOMS * (V + 24);
}
