/** `step`, `readTokens` and `generate`: calls of the kernel that runs sequences through a whole network (native/kernels/sequences.h). */

import { UnsupportedError } from '../../errors.ts';
import { CELL_NAMES, gateCount, stateParts } from '../cells.ts';
import {
  checkCopySlots,
  checkGenerate,
  checkReadTokens,
  checkSequences,
  checkStepTokens,
  type Sequences,
} from '../checks.ts';
import {
  type DrawControls,
  type Generate,
  type HeldUnit,
  NO_TOKEN,
  type ReadTokens,
  type Snapshots,
  type Step,
  type Tensor,
} from '../engine.ts';
import { heldUnits } from '../held-units.ts';
import { hasRowScales } from '../int8.ts';
import type { Layout, Module } from '../layout.ts';
import { sizeOf } from '../sizes.ts';
import {
  type BufferId,
  CONTROL_FIELDS,
  DRAW_WORKSPACE,
  LEAST_WORK,
  MAX_MODULES,
  MODULE_FIELDS,
  ROW_CONTROLS,
  ROWS_OF_CREW,
  type RowControls,
} from './calls.ts';
import type { CpuContext } from './context.ts';
import type { CpuVector } from './handles.ts';
import { offsetIn, type PackedVector, padded } from './packing.ts';

/** Instead of an index into the buffer of controls: there is no such array. */
const NO_ARRAY = -1;

const KIND_NUMBERS = { embedding: 0, recurrent: 1, linear: 2 } as const;

export function step(context: CpuContext, call: Step) {
  checkStepTokens(call);
  readTokens(context, call);
}

export function readTokens(context: CpuContext, call: ReadTokens) {
  if (call.slots.length === 0) return;
  const { steps } = checkReadTokens(call, checkSequences(call));
  const { tokens, slots, snapshots } = call;
  if (!snapshots) {
    submit(context, call, steps, context.upload('tokens', tokens));
    return;
  }
  for (const { from, to, first, end } of snapshotParts(snapshots, steps)) {
    const part = begunBy(to, from, call);
    submit(context, { ...call, slots: part.slots }, to - from, context.upload('tokens', part.tokens));
    const copied = Int32Array.from(snapshots.sequences.subarray(first, end), (n) => slots[n] as number);
    const places = snapshots.slots.slice(first, end);
    call.states.forEach((state, layer) => {
      copySlots(context, state, copied, snapshots.states[layer] as Tensor, places);
    });
  }
}

/**
 * Cuts a call at its snapshots: each part ends after step `to`, where the snapshots `first` to before `end` are taken.
 *
 * @param steps T.
 * @returns at least one part; the last one ends at T
 */
function* snapshotParts({ steps: at }: Snapshots, steps: number) {
  let from = 0;
  for (let first = 0; from < steps; ) {
    const to = at[first] ?? steps;
    let end = first;
    while (at[end] === to) end++;
    yield { from, to, first, end };
    from = to;
    first = end;
  }
}

/**
 * Selects the sequences that have begun by step `end`, because the kernels accept no others: their slots, and their tokens from step `from`
 * to `end`.
 */
function begunBy(end: number, from: number, { tokens, slots }: ReadTokens) {
  const N = slots.length;
  const begun = [...slots.keys()].filter((n) => tokens[(end - 1) * N + n] !== NO_TOKEN);
  return {
    slots: Int32Array.from(begun, (n) => slots[n] as number),
    tokens: tokens
      .subarray(from * N, end * N)
      .filter((_, at) => tokens[(end - 1) * N + (at % N)] !== NO_TOKEN),
  };
}

/** All slots are read before any is written. */
export function copySlots(
  context: CpuContext,
  from: Tensor,
  fromSlots: Int32Array,
  to: Tensor,
  toSlots: Int32Array,
) {
  const { parts, H, fromCount, toCount } = checkCopySlots(from, fromSlots, to, toSlots);
  const count = fromSlots.length;
  if (count === 0) return;
  const scratch = context.scratch(sizeOf('slotScratch', { S: parts, N: count, H: padded(H) }) * 4);
  const places = [context.upload('fromSlots', fromSlots), context.upload('toSlots', toSlots)];
  context.submit(
    'copySlots',
    [parts, H, fromCount, toCount, count],
    [...context.buffers(from, to), ...places, scratch],
    parts * count * H,
  );
}

export async function generate(context: CpuContext, call: Generate): Promise<Int32Array> {
  const V = checkSequences(call);
  const { steps } = checkGenerate(call, V);
  const { uniforms, slots } = call;
  const drawn = context.workingBuffer('drawn', uniforms.length * 4);
  submit(context, call, steps, context.upload('tokens', new Int32Array(slots.length)), [
    context.upload('uniforms', uniforms),
    drawn,
    context.upload('controls', controlValues(call, steps, V)),
  ]);
  return context.read(drawn, 0, new Int32Array(uniforms.length));
}

/** @param draws Buffers for the uniform numbers, the drawn tokens and the controls. Default: none, because the tokens are given. */
function submit(
  context: CpuContext,
  { weights, states, slots, output, hold }: Sequences,
  steps: number,
  tokens: BufferId,
  draws: readonly [BufferId, BufferId, BufferId] | [] = [],
) {
  const own = context.weights(weights);
  const { layout } = own;
  if (layout.length > MAX_MODULES)
    throw new UnsupportedError(`a network of more than ${MAX_MODULES} modules`);
  const N = slots.length;
  const V = output.shape[1] as number;
  let layer = 0;
  const stateOf = layout.map((module) => (module.kind === 'recurrent' ? states[layer++] : undefined));
  const [uniforms, drawn, controls] = draws;
  const held = heldUnits(hold, layout);
  const { threads } = context.backend;
  const crew = crewSize(own, N, threads);
  const counts = [N, steps, V, layout.length, draws.length > 0 ? 1 : 0, held.length];
  context.submit(
    'generate',
    [...counts, context.elementOf({ weights }), crew],
    [
      own.buffer,
      program(context, own, stateOf),
      context.upload('slots', slots),
      tokens,
      uniforms,
      drawn,
      context.buffer(output),
      context.scratch(scratchBytes(layout, N, V, threads)),
      controls,
      held.length > 0 ? context.upload('held units', heldValues(held, layout)) : undefined,
      ...context.buffers(...stateOf),
    ],
    // What one thread would do elsewhere is done by the caller's thread, unless it takes long.
    N * crew === 1 ? (steps * weights.size) / 16 : steps * N * weights.size,
  );
}

/** An int8 product takes about a quarter of the time of one in float32. */
const INT8_SPEED = 4;

/**
 * The number of threads that divide the units of each layer, for the same sequences.
 *
 * Threads with sequences of their own never wait for each other, but each of them reads all weights. The threads of a crew read a part each,
 * and wait after each layer.
 */
function crewSize({ layout, quantization }: CpuVector, N: number, threads: number): number {
  const crews = Math.max(1, Math.floor(N / ROWS_OF_CREW));
  const layers = layout.filter((module) => module.kind === 'recurrent');
  const work = layers.map(({ cell, input, inputSize, hiddenSize: H }) => {
    const width = H + (input === 'dense' ? inputSize : 0);
    return N * gateCount(cell) * H * width;
  });
  const least = LEAST_WORK * (quantization ? INT8_SPEED : 1) * threads * layers.length;
  if (work.reduce((sum, own) => sum + own, 0) < least) return 1;
  return Math.max(1, Math.floor(threads / crews));
}

/** The units to hold as numbers, `HELD_UNIT`. */
function heldValues(held: readonly HeldUnit[], layout: Layout): Float64Array {
  const modules = [...layout.keys()].filter((index) => layout[index]?.kind === 'recurrent');
  return Float64Array.from(
    held.flatMap(({ layer, part, unit, value }) => [
      modules[layer] as number,
      part === 'c' ? 1 : 0,
      unit,
      value,
    ]),
  );
}

/** The controls that are numbers. Does not compile if `ROW_CONTROLS` lacks one. */
type NumberControls = Pick<RowControls, Exclude<keyof DrawControls, 'logitBias'>>;

/** The controls of the rows, then the arrays that they point to: biases, counts, tokens that leave the window. */
function controlValues({ rows }: Generate, steps: number, V: number): Float64Array {
  const biases = new Map<Float64Array, number>();
  let length = rows.length * CONTROL_FIELDS;
  const place = (size: number) => {
    length += size;
    return length - size;
  };
  const places = rows.map(({ controls: { logitBias }, window }) => {
    if (logitBias && !biases.has(logitBias)) biases.set(logitBias, place(V));
    return {
      logitBiasAt: logitBias ? (biases.get(logitBias) as number) : NO_ARRAY,
      countsAt: window ? place(V) : NO_ARRAY,
      expiringAt: window ? place(Math.min(steps, window.length)) : NO_ARRAY,
    };
  });
  const values = new Float64Array(length);
  rows.forEach(({ controls, window }, row) => {
    const arrays = places[row] as (typeof places)[number];
    const numbers: NumberControls = controls;
    const own: RowControls = { ...numbers, ...arrays, window: window?.length ?? 0 };
    values.set(
      ROW_CONTROLS.map((name) => own[name]),
      row * CONTROL_FIELDS,
    );
    if (!window) return;
    values.set(window.counts, arrays.countsAt);
    values.set(window.expiring, arrays.expiringAt);
  });
  for (const [logitBias, at] of biases) values.set(logitBias, at);
  return values;
}

/** The modules as numbers (`ModuleNumbers` in native/kernels/sequences.h). Uploaded only if they have changed. */
function program(
  context: CpuContext,
  { layout, packed }: CpuVector,
  states: readonly (Tensor | undefined)[],
): number {
  const numbers = new Float64Array(layout.length * MODULE_FIELDS);
  layout.forEach((module, index) => {
    numbers.set(
      [
        ...moduleNumbers(packed, module, index),
        ...[states[index]?.shape[1] ?? 0, hasRowScales(layout, index) ? 1 : 0],
      ],
      index * MODULE_FIELDS,
    );
  });
  return context.uploadCached('program', numbers);
}

function moduleNumbers(packed: PackedVector, module: Module, index: number): number[] {
  const kind = KIND_NUMBERS[module.kind];
  if (module.kind === 'embedding') {
    return [
      kind,
      0,
      0,
      1,
      module.vocabularySize,
      module.outputSize,
      offsetIn(packed, index, 'weight'),
      0,
      0,
      0,
    ];
  }
  if (module.kind === 'linear') {
    const places = [offsetIn(packed, index, 'weight'), offsetIn(packed, index, 'bias'), 0, 0];
    return [kind, 0, 0, 0, module.inputSize, module.outputSize, ...places];
  }
  return [
    ...[
      kind,
      CELL_NAMES.indexOf(module.cell),
      module.reset === 'after' ? 1 : 0,
      module.input === 'tokens' ? 1 : 0,
    ],
    ...[module.inputSize, module.hiddenSize],
    ...(['weight_ih', 'bias_ih', 'weight_hh', 'bias_hh'] as const).map((name) =>
      offsetIn(packed, index, name),
    ),
  ];
}

function scratchBytes(layout: Layout, N: number, V: number, threads: number): number {
  let W = 0;
  let X = 0;
  let Y = 0;
  let Z = 0;
  for (const module of layout) {
    const width = padded(module.kind === 'recurrent' ? module.hiddenSize : module.outputSize);
    const G = module.kind === 'recurrent' ? gateCount(module.cell) : 1;
    W = Math.max(W, width);
    X = Math.max(X, G * width);
    if (module.kind !== 'recurrent') continue;
    Y += G * width;
    Z += (1 + stateParts(module.cell)) * width;
  }
  return 4 * sizeOf('sequenceScratch', { W, X, Y, Z, N }) + 64 + 8 * threads * DRAW_WORKSPACE * (V + 24);
}
