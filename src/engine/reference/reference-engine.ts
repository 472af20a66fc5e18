/**
 * The reference engine, in plain TypeScript. It defines the correct results.
 *
 * Operations run immediately, on row-major arrays, with sums in double precision. float64 is for gradient checks and exact comparisons;
 * float32 rounds each value when it is stored.
 */
import { type EngineLostError, UnsupportedError } from '../../errors.ts';
import {
  checkCompute,
  checkCopy,
  checkCopySlots,
  checkDraws,
  checkDropout,
  checkEmbedding,
  checkGenerate,
  checkInference,
  checkLinear,
  checkQuantizedWrite,
  checkRange,
  checkReadTokens,
  checkSameLayout,
  checkSequences,
  checkShapeIn,
  checkStepTokens,
  checkTensor,
  moduleOf,
} from '../checks.ts';
import {
  ALL_DRAW_CONTROLS,
  type CrossEntropy,
  type DropoutCall,
  type ElementType,
  type EmbeddingBackward,
  type EmbeddingForward,
  type Engine,
  type EngineDescription,
  type FloatArray,
  type Generate,
  type LinearBackward,
  type LinearForward,
  NO_TOKEN,
  type NumberArray,
  type Precision,
  type Quantization,
  type ReadRange,
  type ReadTokens,
  type RecurrentBackward,
  type RecurrentForward,
  type Step,
  type Tape,
  type Tensor,
  UPDATE_REPORT,
  UPDATE_REPORT_LENGTH,
  type Update,
  type Vector,
  type WeightDropout,
} from '../engine.ts';
import { heldIn, heldUnits } from '../held-units.ts';
import { HostDraws } from '../host-draws.ts';
import type { Layout } from '../layout.ts';
import { floats } from '../precision.ts';
import { crossEntropy, logSumExp } from './cross-entropy.ts';
import { applyDropout, dropWeights } from './dropout.ts';
import {
  arrayOf,
  floatsOf,
  floatVectorOf,
  intsOf,
  ReferenceTape,
  ReferenceTensor,
  ReferenceVector,
  tensorOf,
  vectorOf,
} from './handles.ts';
import { addColumnSums, multiplyAdd, transpose } from './multiply.ts';
import { update } from './optimizer.ts';
import { checkedToken, recurrentBackward, recurrentForward } from './recurrent.ts';

export class ReferenceEngine implements Engine {
  readonly description: EngineDescription;
  readonly lost: Promise<EngineLostError> = new Promise(() => {});
  readonly #precision: Precision;
  /** All handles that are not released. */
  readonly #handles = new Set<{ readonly bytes: number }>();

  constructor(precision: Precision) {
    this.#precision = precision;
    this.description = {
      name: 'reference',
      precision,
      text: `CPU, reference engine in plain TypeScript, ${precision}, 1 thread`,
      depth: 1,
      canBeLost: false,
      capabilities: {
        drawControls: ALL_DRAW_CONTROLS,
        exactBits: false,
        bfloat16: false,
        float16: false,
        int8: precision === 'float32',
      },
    };
  }

  get bytesInUse(): number {
    let sum = 0;
    for (const handle of this.#handles) sum += handle.bytes;
    return sum;
  }

  tensor(type: ElementType, shape: readonly number[]): Tensor {
    return this.#register(new ReferenceTensor(this.#precision, type, shape));
  }

  vector(layout: Layout, quantization?: Quantization): Vector {
    if (quantization && this.#precision !== 'float32')
      throw new UnsupportedError(`the reference engine computes ${quantization} in float32 alone.`);
    return this.#register(new ReferenceVector(this.#precision, layout, quantization));
  }

  tensorIn(memory: Tensor, shape: readonly number[]): Tensor {
    checkShapeIn(memory, shape);
    return new ReferenceTensor(this.#precision, memory.type, shape, tensorOf(memory));
  }

  tape(layout: Layout, module: number, steps: number, rows: number): Tape {
    return this.#register(new ReferenceTape(this.#precision, layout, module, steps, rows));
  }

  #register<T extends { readonly bytes: number }>(handle: T): T {
    this.#handles.add(handle);
    return handle;
  }

  release(handle: Tensor | Vector | Tape) {
    if (handle instanceof ReferenceTape) handle.trace = undefined;
    else if (handle instanceof ReferenceTensor) handle.release();
    else if (handle instanceof ReferenceVector) handle.data = undefined;
    else throw new TypeError('this handle was made by another engine');
    this.#handles.delete(handle);
  }

  write(target: Tensor | Vector, values: NumberArray, offset = 0) {
    if (target.kind === 'vector' && target.quantization) {
      checkQuantizedWrite(target, values);
      vectorOf(target).quantize(values);
      return;
    }
    arrayOf(target).set(values, offset);
  }

  read(source: Vector, range?: ReadRange): Promise<FloatArray>;
  read(source: Tensor, range?: ReadRange): Promise<FloatArray | Int32Array | Uint8Array>;
  async read(source: Tensor | Vector, range?: ReadRange): Promise<FloatArray | Int32Array | Uint8Array> {
    const array = arrayOf(source);
    const { offset, count } = checkRange(range, array.length);
    return array.slice(offset, offset + count);
  }

  fill(target: Tensor | Vector, value: number) {
    if (target.kind === 'vector' && target.quantization) {
      this.write(target, new Float32Array(target.size).fill(value));
      return;
    }
    arrayOf(target).fill(value);
  }

  copy(from: Tensor | Vector, to: Tensor | Vector) {
    checkCopy(from, to);
    for (const handle of [from, to]) if (handle.kind === 'vector') floatVectorOf(handle);
    arrayOf(to).set(arrayOf(from));
  }

  copyUnlessApplied(report: Tensor, from: Tensor, to: Tensor) {
    checkTensor('report', report, 'float', [UPDATE_REPORT_LENGTH]);
    if (floatsOf(report)[UPDATE_REPORT.applied] === 0) this.copy(from, to);
  }

  recurrentForward(call: RecurrentForward) {
    checkCompute(this, call);
    checkInference(call);
    recurrentForward(this.#precision, call);
  }

  recurrentBackward(call: RecurrentBackward) {
    checkCompute(this, call);
    recurrentBackward(this.#precision, call);
  }

  embeddingForward({ weights, module, tokens, output }: EmbeddingForward) {
    const shape = moduleOf(weights, module, 'embedding');
    const { vocabularySize: V, outputSize: D } = shape;
    checkEmbedding(tokens, 'output', output, shape);
    const vector = vectorOf(weights);
    const table = vector.data.subarray(vector.offsetOf(module, 'weight'));
    const out = floatsOf(output);
    intsOf(tokens).forEach((token, position) => {
      const at = checkedToken(token, V) * D;
      out.set(table.subarray(at, at + D), position * D);
    });
  }

  embeddingBackward({ gradient, module, tokens, outputGradient }: EmbeddingBackward) {
    const shape = moduleOf(gradient, module, 'embedding');
    const { vocabularySize: V, outputSize: D } = shape;
    checkEmbedding(tokens, 'outputGradient', outputGradient, shape);
    const vector = floatVectorOf(gradient);
    const table = vector.data.subarray(vector.offsetOf(module, 'weight')).subarray(0, V * D);
    const from = floatsOf(outputGradient);
    table.fill(0);
    intsOf(tokens).forEach((token, position) => {
      const at = checkedToken(token, V) * D;
      for (let d = 0; d < D; d++) table[at + d] = table[at + d]! + from[position * D + d]!;
    });
  }

  /** output = input · Wᵀ + b. */
  linearForward(call: LinearForward) {
    checkCompute(this, call);
    checkInference(call);
    const module = moduleOf(call.weights, call.module, 'linear');
    const positions = checkLinear(call, module);
    const { outputSize: V } = module;
    const weights = vectorOf(call.weights);
    const biasAt = weights.offsetOf(call.module, 'bias');
    const bias = weights.data.subarray(biasAt, biasAt + V);
    const out = floatsOf(call.output);
    for (let position = 0; position < positions; position++) out.set(bias, position * V);
    const matrix = weights.matrix(call.module, 'weight');
    matrix.multiplyAdd({ data: floatsOf(call.input) }, { data: out }, positions, V);
  }

  /** dW = dYᵀ · X, db = Σ dY, dX = dY · W. */
  linearBackward(call: LinearBackward) {
    checkCompute(this, call);
    const module = moduleOf(call.weights, call.module, 'linear');
    const positions = checkLinear({ input: call.input, output: call.outputGradient }, module);
    if (call.inputGradient) checkTensor('inputGradient', call.inputGradient, 'float', call.input.shape);
    checkSameLayout(call.weights, call.gradient);
    const { inputSize: H, outputSize: V } = module;
    const weights = floatVectorOf(call.weights);
    const gradient = floatVectorOf(call.gradient);
    const weightAt = weights.offsetOf(call.module, 'weight');
    const biasAt = weights.offsetOf(call.module, 'bias');
    const dY = floatsOf(call.outputGradient);

    gradient.data.fill(0, weightAt, weightAt + V * H);
    gradient.data.fill(0, biasAt, biasAt + V);
    const left = floats(this.#precision, V * positions);
    const right = floats(this.#precision, H * positions);
    transpose({ data: dY }, left, positions, V);
    transpose({ data: floatsOf(call.input) }, right, positions, H);
    multiplyAdd({ data: left }, { data: right }, { data: gradient.data, offset: weightAt }, V, H, positions);
    addColumnSums({ data: dY }, gradient.data, biasAt, positions, V);

    if (call.inputGradient) {
      const transposed = floats(this.#precision, H * V);
      transpose({ data: weights.data, offset: weightAt }, transposed, V, H);
      const into = floatsOf(call.inputGradient);
      into.fill(0);
      multiplyAdd({ data: dY }, { data: transposed }, { data: into }, positions, H, V);
    }
  }

  crossEntropy(call: CrossEntropy) {
    crossEntropy(call);
  }

  dropout(call: DropoutCall) {
    checkDropout(call);
    const [steps, rows, units] = call.input.shape as [number, number, number];
    applyDropout(call, floatsOf(call.input), floatsOf(call.output), steps, rows, units);
  }

  dropWeights(call: WeightDropout) {
    dropWeights(call);
  }

  update(call: Update) {
    update(call);
  }

  average(from: Vector, into: Vector, weight: number) {
    checkSameLayout(from, into);
    const source = floatVectorOf(from).data;
    const target = floatVectorOf(into).data;
    for (let i = 0; i < target.length; i++) target[i] = target[i]! + (source[i]! - target[i]!) * weight;
  }

  /** One step of N sequences: the operations on whole sequences with T = 1, on the gathered states. */
  step(call: Step) {
    const { weights, states, slots, tokens, output } = call;
    const count = slots.length;
    checkStepTokens(call);
    if (count === 0) return;
    const V = checkSequences(call);
    const held = heldUnits(call.hold, weights.layout);
    // Not with `tensor`, which registers a tensor until it is released.
    const make = (type: ElementType, shape: readonly number[]): Tensor =>
      new ReferenceTensor(this.#precision, type, shape);
    let input = make('int', [1, count]);
    this.write(input, tokens);
    let layer = 0;
    weights.layout.forEach((module, index) => {
      if (module.kind === 'embedding') {
        const embedded = make('float', [1, count, module.outputSize]);
        this.embeddingForward({ weights, module: index, tokens: input, output: embedded });
        input = embedded;
      } else if (module.kind === 'recurrent') {
        const state = states[layer] as Tensor;
        const own = make('float', [state.shape[0] as number, count, module.hiddenSize]);
        const hidden = make('float', [1, count, module.hiddenSize]);
        const places = Int32Array.from(slots.keys());
        this.copySlots(state, slots, own, places);
        recurrentForward(
          this.#precision,
          { weights, module: index, input, initial: own, final: own, output: hidden },
          heldIn(held, layer),
        );
        layer++;
        this.copySlots(own, places, state, slots);
        input = hidden;
      } else {
        const logits = make('float', [1, count, module.outputSize]);
        this.linearForward({ weights, module: index, input, output: logits });
        input = logits;
      }
    });
    const values = floatsOf(input);
    for (let row = 0; row < count; row++) {
      const normalizer = logSumExp(values, row * V, V);
      for (let v = row * V; v < (row + 1) * V; v++) values[v] = values[v]! - normalizer;
    }
    floatsOf(output).set(values);
  }

  /** Step by step, each for the sequences that have begun. */
  readTokens(call: ReadTokens) {
    const { tokens, slots, output, snapshots, ...rest } = call;
    const N = slots.length;
    if (N === 0) return;
    heldUnits(call.hold, call.weights.layout);
    const { steps } = checkReadTokens(call, checkSequences(call));
    for (let step = 0; step < steps; step++) {
      const row = tokens.subarray(step * N, (step + 1) * N);
      const begun = [...row.keys()].filter((n) => row[n] !== NO_TOKEN);
      this.step({
        ...rest,
        slots: Int32Array.from(begun, (n) => slots[n]!),
        tokens: Int32Array.from(begun, (n) => row[n]!),
        output,
      });
      snapshots?.steps.forEach((at, i) => {
        if (at !== step + 1) return;
        const from = Int32Array.of(slots[snapshots.sequences[i]!]!);
        const to = Int32Array.of(snapshots.slots[i]!);
        for (const [layer, state] of rest.states.entries())
          this.copySlots(state, from, snapshots.states[layer]!, to);
      });
    }
  }

  async generate(call: Generate): Promise<Int32Array> {
    const { output, slots, weights, states, hold } = call;
    checkDraws(this, call);
    const V = checkSequences(call);
    heldUnits(hold, weights.layout);
    const { steps } = checkGenerate(call, V);
    const draws = new HostDraws(call, V);
    for (let step = 0; step < steps; step++) {
      const tokens = draws.draw(step, floatsOf(output));
      this.step({ weights, states, slots, tokens, output, hold });
    }
    return draws.drawn;
  }

  copySlots(from: Tensor, fromSlots: Int32Array, to: Tensor, toSlots: Int32Array) {
    const { parts, H, fromCount, toCount } = checkCopySlots(from, fromSlots, to, toSlots);
    const source = from === to ? floatsOf(from).slice() : floatsOf(from);
    const target = floatsOf(to);
    for (let part = 0; part < parts; part++) {
      fromSlots.forEach((slot, i) => {
        const at = (part * fromCount + slot) * H;
        target.set(source.subarray(at, at + H), (part * toCount + (toSlots[i] as number)) * H);
      });
    }
  }

  async close() {}
}
