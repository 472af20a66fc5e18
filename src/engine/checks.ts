/**
 * Checks that every engine makes before it computes anything.
 *
 * They find bugs in the calling program, not wrong input of a user: `TypeError` for a wrong kind, `RangeError` for a wrong size.
 */
import { UnsupportedError } from '../errors.ts';
import { gateCount, stateParts } from './cells.ts';
import {
  ALL_DRAW_CONTROLS,
  type Compute,
  type CrossEntropy,
  capabilityFor,
  type DropoutCall,
  type ElementType,
  type Engine,
  type Generate,
  type LinearForward,
  NEUTRAL_CONTROLS,
  NO_TOKEN,
  type NumberArray,
  type PenaltyWindow,
  type ReadRange,
  type ReadTokens,
  type RecurrentBackward,
  type RecurrentForward,
  type Snapshots,
  type Step,
  type Tape,
  type Tensor,
  UPDATE_REPORT_LENGTH,
  type Update,
  type Vector,
  type WeightDropout,
} from './engine.ts';
import {
  type EmbeddingModule,
  type Layout,
  type LinearModule,
  type Module,
  type ParameterSlice,
  parameterSlice,
  type RecurrentModule,
  recurrentModules,
} from './layout.ts';
import { UPDATE_RULES } from './update-rules.ts';

/** Throws unless the tensor has this type and shape. `null` stands for any length. */
export function checkTensor(
  name: string,
  tensor: Tensor,
  type: ElementType,
  shape: readonly (number | null)[],
) {
  if (tensor.type !== type) throw new TypeError(`${name}: got a tensor of ${tensor.type}, expected ${type}`);
  const fits =
    tensor.shape.length === shape.length &&
    shape.every((length, axis) => length === null || tensor.shape[axis] === length);
  if (!fits) {
    const expected = shape.map((length) => length ?? '?').join(', ');
    throw new RangeError(`${name}: got shape [${tensor.shape.join(', ')}], expected [${expected}]`);
  }
}

/** Checks the shape of a tensor in the memory of another. */
export function checkShapeIn(memory: Tensor, shape: readonly number[]) {
  const fits =
    shape.length === memory.shape.length &&
    shape.every((length, axis) => length <= (memory.shape[axis] as number));
  if (!fits)
    throw new RangeError(`got shape [${shape.join(', ')}], expected one within [${memory.shape.join(', ')}]`);
}

/** Throws unless all vectors have the same layout. */
export function checkSameLayout(...vectors: readonly Vector[]) {
  if (vectors.some((vector) => vector.layout !== vectors[0]?.layout)) {
    throw new TypeError('the vectors of a call must have the same layout');
  }
}

/** Checks a copy of a whole tensor or vector. */
export function checkCopy(from: Tensor | Vector, to: Tensor | Vector) {
  if (from.kind === 'vector' && to.kind === 'vector') checkSameLayout(from, to);
  else if (from.kind === 'tensor' && to.kind === 'tensor') checkTensor('to', to, from.type, from.shape);
  else throw new TypeError(`got a ${from.kind} to copy to a ${to.kind}, expected two tensors or two vectors`);
}

/** The module at an index of a vector's layout. Throws unless it is of this kind. */
export function moduleOf<K extends Module['kind']>(
  vector: Vector,
  index: number,
  kind: K,
): Extract<Module, { kind: K }> {
  const module = vector.layout[index];
  if (module?.kind !== kind) {
    throw new TypeError(`module ${index} of the layout is ${module?.kind ?? 'missing'}, expected ${kind}`);
  }
  return module as Extract<Module, { kind: K }>;
}

/** The sizes of a recurrent call. */
export interface RecurrentSizes {
  readonly module: RecurrentModule;
  /** T. */
  readonly steps: number;
  /** B. */
  readonly rows: number;
}

/** Checks the tensors that are common to the forward and the backward pass of a recurrent layer. */
function checkRecurrentInput(
  call: Pick<RecurrentForward, 'weights' | 'module' | 'input' | 'resets' | 'dropout' | 'output'>,
): RecurrentSizes {
  const module = moduleOf(call.weights, call.module, 'recurrent');
  checkTensor('output', call.output, 'float', [null, null, module.hiddenSize]);
  const [steps, rows] = call.output.shape as [number, number];
  if (module.input === 'tokens') checkTensor('input', call.input, 'int', [steps, rows]);
  else checkTensor('input', call.input, 'float', [steps, rows, module.inputSize]);
  if (call.dropout && module.input === 'tokens')
    throw new TypeError('dropout: got an input of token ids, expected a dense input');
  if (call.resets) checkTensor('resets', call.resets, 'byte', [steps, rows]);
  return { module, steps, rows };
}

/** Checks the forward pass of a recurrent layer, except its tape. */
export function checkRecurrentForward(call: RecurrentForward): RecurrentSizes {
  const sizes = checkRecurrentInput(call);
  checkState('initial', call.initial, sizes.module, sizes.rows);
  checkState('final', call.final, sizes.module, sizes.rows);
  if (call.cells) checkTensor('cells', call.cells, 'float', call.output.shape);
  return sizes;
}

/** Checks the backward pass of a recurrent layer, except its tape. */
export function checkRecurrentBackward(call: RecurrentBackward): RecurrentSizes {
  const sizes = checkRecurrentInput(call);
  const { module, steps, rows } = sizes;
  checkSameLayout(call.weights, call.gradient);
  checkTensor('outputGradient', call.outputGradient, 'float', call.output.shape);
  if (call.finalGradient) checkState('finalGradient', call.finalGradient, module, rows);
  if (call.initialGradient) checkState('initialGradient', call.initialGradient, module, rows);
  if (call.inputGradient)
    checkTensor('inputGradient', call.inputGradient, 'float', [steps, rows, module.inputSize]);
  return sizes;
}

/** Throws unless a tape fits a call of a module. */
export function checkTape(tape: Tape, module: number, { steps, rows }: Omit<RecurrentSizes, 'module'>): void {
  if (tape.module === module && tape.rows === rows && tape.steps >= steps) return;
  throw new RangeError(
    `tape: made for module ${tape.module}, ${tape.steps} steps of ${tape.rows} rows; ` +
      `got module ${module}, ${steps} steps of ${rows} rows`,
  );
}

/** G·H: the number of sums that a recurrent layer computes per row and step. */
export function recurrentWidth(module: RecurrentModule): number {
  return gateCount(module.cell) * module.hiddenSize;
}

/** Checks a state tensor [S, rows, H] of a recurrent module. */
export function checkState(name: string, state: Tensor, module: RecurrentModule, rows: number | null) {
  checkTensor(name, state, 'float', [stateParts(module.cell), rows, module.hiddenSize]);
}

/** Checks the input and output of a linear map. Returns the number of positions. */
export function checkLinear(call: Pick<LinearForward, 'input' | 'output'>, module: LinearModule): number {
  checkTensor('input', call.input, 'float', [null, null, module.inputSize]);
  const [steps, rows] = call.input.shape as [number, number];
  checkTensor('output', call.output, 'float', [steps, rows, module.outputSize]);
  return steps * rows;
}

/** Checks a call of softmax and cross entropy. */
export function checkCrossEntropy(call: CrossEntropy): { positions: number; vocabularySize: number } {
  checkTensor('logits', call.logits, 'float', [null, null, null]);
  const [steps, rows, vocabularySize] = call.logits.shape as [number, number, number];
  checkTensor('targets', call.targets, 'int', [steps, rows]);
  checkTensor('loss', call.loss, 'float', call.loss.shape[0] === 1 ? [1] : [1 + steps * rows]);
  if (call.positionWeights) checkTensor('positionWeights', call.positionWeights, 'float', [steps, rows]);
  for (const name of ['logProbabilities', 'gradient'] as const) {
    const tensor = call[name];
    if (tensor) checkTensor(name, tensor, 'float', [steps, rows, vocabularySize]);
  }
  return { positions: steps * rows, vocabularySize };
}

/** Checks a dropout call. */
export function checkDropout(call: DropoutCall) {
  checkTensor('input', call.input, 'float', [null, null, null]);
  checkTensor('output', call.output, 'float', call.input.shape);
}

/** The matrix whose weights a call drops. Throws unless the module has a matrix of that name. */
export function checkWeightDropout({ vector, module, parameter }: WeightDropout): ParameterSlice {
  const slice = parameterSlice(vector.layout, module, parameter);
  if (slice) return slice;
  const kind = vector.layout[module]?.kind ?? 'missing';
  throw new TypeError(`module ${module} of the layout is ${kind}: it has no ${parameter}`);
}

/** Checks an optimizer's update. */
export function checkUpdate(call: Update) {
  checkSameLayout(call.weights, call.gradient, ...call.moments);
  const { title, moments } = UPDATE_RULES[call.rule.kind];
  if (call.moments.length !== moments) {
    throw new RangeError(`moments: got ${call.moments.length}, expected ${moments} for ${title}`);
  }
  checkTensor('steps', call.steps, 'int', [1]);
  checkTensor('report', call.report, 'float', [UPDATE_REPORT_LENGTH]);
  if (call.loss) checkTensor('loss', call.loss, 'float', [null]);
}

/** Checks that slots are different and within 0 … count − 1. */
export function checkSlots(name: string, slots: Int32Array, count: number) {
  const seen = new Set<number>();
  for (const slot of slots) {
    if (slot < 0 || slot >= count || seen.has(slot)) {
      throw new RangeError(`${name}: slot ${slot} of ${count} is out of range or named twice`);
    }
    seen.add(slot);
  }
}

/** Checks a look-up: token ids [T, B], vectors [T, B, D]. */
export function checkEmbedding(tokens: Tensor, name: string, output: Tensor, module: EmbeddingModule) {
  checkTensor('tokens', tokens, 'int', [null, null]);
  checkTensor(name, output, 'float', [...tokens.shape, module.outputSize]);
}

/** Checks a copy of slots between two states [S, slots, H]. */
export function checkCopySlots(from: Tensor, fromSlots: Int32Array, to: Tensor, toSlots: Int32Array) {
  checkTensor('from', from, 'float', [null, null, null]);
  const [parts, fromCount, H] = from.shape as [number, number, number];
  checkTensor('to', to, 'float', [parts, null, H]);
  const toCount = to.shape[1] as number;
  if (fromSlots.length !== toSlots.length)
    throw new RangeError(`toSlots: got ${toSlots.length}, expected ${fromSlots.length}, as in fromSlots`);
  checkSlots('toSlots', toSlots, toCount);
  if (fromSlots.some((slot) => slot < 0 || slot >= fromCount))
    throw new RangeError('fromSlots: out of range');
  return { parts, H, fromCount, toCount };
}

/** The fields that `step`, `readTokens` and `generate` have in common. */
export type Sequences = Pick<Step, 'weights' | 'states' | 'slots' | 'output' | 'hold'>;

/** Checks these fields. Returns the size of the vocabulary. */
export function checkSequences({ weights, states, slots, output }: Sequences): number {
  const { layout } = weights;
  checkStates('', states, slots, layout);
  const last = layout.at(-1);
  if (last?.kind !== 'linear') throw new UnsupportedError('a network that does not end in a linear map');
  checkTensor('output', output, 'float', [null, last.outputSize]);
  if ((output.shape[0] as number) < slots.length)
    throw new RangeError(`output: got ${output.shape[0]} rows, expected at least ${slots.length}`);
  return last.outputSize;
}

/** Checks the states of all recurrent layers, and slots in them. @param owner A prefix for their names in messages. */
function checkStates(owner: string, states: readonly Tensor[], slots: Int32Array, layout: Layout): void {
  const recurrent = recurrentModules(layout);
  if (states.length !== recurrent.length)
    throw new RangeError(`${owner}states: got ${states.length}, expected ${recurrent.length}`);
  recurrent.forEach((module, index) => {
    const state = states[index] as Tensor;
    checkState(`${owner}states`, state, module, null);
    checkSlots(`${owner}slots`, slots, state.shape[1] as number);
  });
}

/** Checks that a step has one token for each sequence. */
export function checkStepTokens({ tokens, slots }: Step): void {
  if (tokens.length !== slots.length)
    throw new RangeError(`tokens: got ${tokens.length}, expected ${slots.length}`);
}

/** Checks a call that reads whole prompts, for a vocabulary of V tokens. */
export function checkReadTokens(call: ReadTokens, V: number): { steps: number } {
  const { weights, tokens, slots, snapshots } = call;
  const N = slots.length;
  const steps = tokens.length / N;
  if (!Number.isInteger(steps)) throw new RangeError(`tokens: got ${tokens.length} for ${N} sequences`);
  tokens.forEach((token, at) => {
    const begins = at >= N && tokens[at - N] !== NO_TOKEN;
    const mayMiss = !begins && at < tokens.length - N;
    if (token >= V || token < (mayMiss ? NO_TOKEN : 0)) {
      throw new RangeError(`token ${token} is outside the vocabulary of ${V}, or a sequence has a gap`);
    }
  });
  if (snapshots) checkSnapshots(snapshots, tokens, N, weights.layout);
  return { steps };
}

function checkSnapshots(
  { steps, sequences, slots, states }: Snapshots,
  tokens: Int32Array,
  N: number,
  layout: Layout,
): void {
  if (sequences.length !== steps.length || slots.length !== steps.length)
    throw new RangeError(
      `snapshots: got ${steps.length} steps, ${sequences.length} sequences and ${slots.length} slots, expected as many of each`,
    );
  checkStates('snapshots.', states, slots, layout);
  steps.forEach((step, i) => {
    const sequence = sequences[i] as number;
    const isAscending = step >= Math.max(1, steps[i - 1] ?? 1) && step * N <= tokens.length;
    const hasBegun = sequence >= 0 && sequence < N && tokens[(step - 1) * N + sequence] !== NO_TOKEN;
    if (!isAscending || !hasBegun)
      throw new RangeError(`snapshots: there is no state of sequence ${sequence} after step ${step}`);
  });
}

/** Checks a call of `generate`, for a vocabulary of V tokens. */
export function checkGenerate({ rows, slots, uniforms }: Generate, V: number): { steps: number } {
  const N = slots.length;
  const steps = uniforms.length / N;
  if (N === 0 || !Number.isInteger(steps))
    throw new RangeError(`uniforms: got ${uniforms.length} for ${N} sequences`);
  if (rows.length !== N) throw new RangeError(`rows: got ${rows.length} for ${N} sequences`);
  for (const { controls, window } of rows) {
    if (controls.logitBias && controls.logitBias.length !== V)
      throw new RangeError(`logitBias: got ${controls.logitBias.length} numbers, expected ${V}`);
    if (window) checkWindow(window, steps, V);
  }
  return { steps };
}

/** @throws {UnsupportedError} if a call of `generate` draws on the device, and the engine can't, or not with these controls */
export function checkDraws(
  { description: { name, capabilities } }: Pick<Engine, 'description'>,
  { draws, rows }: Generate,
): void {
  if (draws !== 'device') return;
  const { deviceDrawControls } = capabilities;
  if (!deviceDrawControls) throw new UnsupportedError(`the ${name} engine does not draw on a device.`);
  const refused = [...ALL_DRAW_CONTROLS].filter((control) => !deviceDrawControls.has(control));
  for (const { controls } of rows) {
    const active = refused.find((control) => controls[control] !== NEUTRAL_CONTROLS[control]);
    if (active) throw new UnsupportedError(`the ${name} engine does not apply ${active} on its device.`);
  }
}

function checkWindow({ counts, length, expiring }: PenaltyWindow, steps: number, V: number): void {
  if (counts.length !== V) throw new RangeError(`counts: got ${counts.length} numbers, expected ${V}`);
  const left = Math.min(steps, length);
  if (expiring.length !== left)
    throw new RangeError(`expiring: got ${expiring.length} tokens, expected ${left}`);
  for (const token of expiring) {
    if (token < -1 || token >= V) throw new RangeError(`expiring: token ${token} is outside the vocabulary`);
  }
}

/** Checks that values replace all elements of a quantized vector: the scale of a row depends on all its elements. */
export function checkQuantizedWrite({ size }: Vector, values: NumberArray) {
  if (values.length !== size)
    throw new RangeError(`got ${values.length} elements of a quantized vector, expected all ${size}`);
}

/** The range of a read, by default all `length` elements. Throws if it does not fit. */
export function checkRange(range: ReadRange | undefined, length: number): ReadRange {
  if (!range) return { offset: 0, count: length };
  const { offset, count } = range;
  const fits = Number.isInteger(offset) && Number.isInteger(count) && offset >= 0 && count >= 0;
  if (!fits || offset + count > length)
    throw new RangeError(`range: got ${count} elements from ${offset} on, expected them within ${length}`);
  return range;
}

/** Throws unless a forward pass with quantized weights is an inference. */
export function checkInference({ weights, compute, ...call }: LinearForward | RecurrentForward) {
  const trains =
    (compute !== undefined && compute !== 'float32') ||
    ('tape' in call && call.tape) ||
    ('dropout' in call && call.dropout);
  if (weights.quantization && trains)
    throw new TypeError(`got weights in ${weights.quantization} for training, expected floats`);
}

/** @throws {UnsupportedError} if a call is in bfloat16 or float16, and the engine does not compute in that */
export function checkCompute(
  { description: { name, capabilities } }: Pick<Engine, 'description'>,
  { compute }: { readonly compute?: Compute | undefined },
) {
  const needed = capabilityFor(compute);
  if (needed && !capabilities[needed])
    throw new UnsupportedError(`the ${name} engine does not compute in ${compute}.`);
}
