/**
 * The CPU engine: compiled kernels, native or WebAssembly, in float32.
 *
 * This file checks each call, replaces its tensors by buffers and offsets, and submits it to a backend. native/kernels does all the
 * computing.
 */

import type { EngineLostError } from '../../errors.ts';
import { counted } from '../../util/format.ts';
import {
  checkCompute,
  checkCrossEntropy,
  checkDraws,
  checkDropout,
  checkEmbedding,
  checkInference,
  checkLinear,
  checkSameLayout,
  checkTensor,
  checkUpdate,
  checkWeightDropout,
  moduleOf,
} from '../checks.ts';
import { dropoutKey, dropThreshold } from '../dropout-mask.ts';
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
  type NumberArray,
  type Quantization,
  type ReadRange,
  type ReadTokens,
  type RecurrentBackward,
  type RecurrentForward,
  type Step,
  type Tape,
  type Tensor,
  UPDATE_REPORT_LENGTH,
  type Update,
  type Vector,
  type WeightDropout,
} from '../engine.ts';
import type { Layout } from '../layout.ts';
import { ruleNumbers, UPDATE_RULE_KINDS } from '../update-rules.ts';
import type { Backend } from './backend.ts';
import { CpuContext } from './context.ts';
import { CpuTape, type CpuVector } from './handles.ts';
import {
  biasRanges,
  chunkBytes,
  linearScratchBytes,
  offsetIn,
  recurrentScratchBytes,
  sliceIn,
  tapeBytes,
} from './packing.ts';
import { recurrentBackward, recurrentForward } from './recurrent.ts';
import { copySlots, generate, readTokens, step } from './sequences.ts';
import { copyHandle, fillHandle, readHandle, writeHandle } from './transfer.ts';

export class CpuEngine implements Engine {
  readonly description: EngineDescription;
  readonly lost: Promise<EngineLostError>;
  readonly #context: CpuContext;

  constructor(backend: Backend) {
    this.#context = new CpuContext(backend);
    this.lost = backend.lost ?? new Promise(() => {});
    const threads = counted(backend.threads, 'thread');
    this.description = {
      name: backend.name,
      precision: 'float32',
      text: `CPU, ${backend.name} engine, ${backend.instructions}, float32, ${threads}`,
      depth: 1,
      canBeLost: backend.lost !== undefined,
      capabilities: {
        drawControls: ALL_DRAW_CONTROLS,
        exactBits: backend.exactBits,
        bfloat16: backend.bfloat16,
        int8: true,
        float16: false,
      },
    };
  }

  get bytesInUse(): number {
    return this.#context.bytesInUse;
  }

  tensor(type: ElementType, shape: readonly number[]): Tensor {
    return this.#context.makeTensor(type, shape);
  }

  vector(layout: Layout, quantization?: Quantization): Vector {
    const vector = this.#context.makeVector(layout, quantization);
    if (!quantization) this.#context.scratch(chunkBytes(vector.packed.size, 3));
    return vector;
  }

  tensorIn(memory: Tensor, shape: readonly number[]): Tensor {
    return this.#context.makeTensorIn(memory, shape);
  }

  tape(layout: Layout, module: number, steps: number, rows: number): Tape {
    const shape = layout[module];
    if (shape?.kind !== 'recurrent') throw new TypeError(`module ${module} of the layout is not recurrent`);
    this.#context.scratch(recurrentScratchBytes(shape, steps, rows, false));
    const buffer = this.#context.allocate(tapeBytes(shape, steps, rows));
    return new CpuTape(this.#context, module, steps, rows, buffer);
  }

  release(handle: Tensor | Vector | Tape) {
    this.#context.release(handle);
  }

  write(target: Tensor | Vector, values: NumberArray, offset = 0) {
    writeHandle(this.#context, target, values, offset);
  }

  read(source: Vector, range?: ReadRange): Promise<FloatArray>;
  read(source: Tensor, range?: ReadRange): Promise<FloatArray | Int32Array | Uint8Array>;
  async read(source: Tensor | Vector, range?: ReadRange): Promise<FloatArray | Int32Array | Uint8Array> {
    return readHandle(this.#context, source, range);
  }

  fill(target: Tensor | Vector, value: number) {
    fillHandle(this.#context, target, value);
  }

  copy(from: Tensor | Vector, to: Tensor | Vector) {
    copyHandle(this.#context, from, to);
  }

  copyUnlessApplied(report: Tensor, from: Tensor, to: Tensor) {
    checkTensor('report', report, 'float', [UPDATE_REPORT_LENGTH]);
    copyHandle(this.#context, from, to, report);
  }

  recurrentForward(call: RecurrentForward) {
    checkCompute(this, call);
    checkInference(call);
    recurrentForward(this.#context, call);
  }

  recurrentBackward(call: RecurrentBackward) {
    checkCompute(this, call);
    recurrentBackward(this.#context, call);
  }

  embeddingForward({ weights, module, tokens, output }: EmbeddingForward) {
    checkEmbedding(tokens, 'output', output, moduleOf(weights, module, 'embedding'));
    this.#embed('embeddingForward', this.#context.weights(weights), module, tokens, output);
  }

  embeddingBackward({ gradient, module, tokens, outputGradient }: EmbeddingBackward) {
    checkEmbedding(tokens, 'outputGradient', outputGradient, moduleOf(gradient, module, 'embedding'));
    this.#embed('embeddingBackward', this.#context.vector(gradient), module, tokens, outputGradient);
  }

  #embed(
    operation: 'embeddingForward' | 'embeddingBackward',
    vector: CpuVector,
    module: number,
    tokens: Tensor,
    output: Tensor,
  ) {
    const { vocabularySize: V, outputSize: D } = moduleOf(vector, module, 'embedding');
    const ids = this.#context.tokens(tokens, V);
    const positions = ids.length;
    this.#context.submit(
      operation,
      [
        positions,
        V,
        D,
        offsetIn(vector.packed, module, 'weight'),
        this.#context.elementOf({ weights: vector }),
      ],
      [vector.buffer, ids.buffer, this.#context.buffer(output)],
      positions * D,
    );
  }

  linearForward(call: LinearForward) {
    checkCompute(this, call);
    checkInference(call);
    const module = moduleOf(call.weights, call.module, 'linear');
    const positions = checkLinear(call, module);
    const { inputSize: H, outputSize: V } = module;
    const packs = this.#context.packsFactors(call);
    this.#context.submit(
      'linearForward',
      this.#linearNumbers(call, positions, H, V),
      [
        this.#context.weights(call.weights).buffer,
        ...this.#context.buffers(call.input, call.output),
        ...[undefined, undefined],
        packs ? this.#context.scratch(linearScratchBytes(H, V, positions, packs)) : undefined,
      ],
      positions * H * V,
    );
  }

  linearBackward(call: LinearBackward) {
    checkCompute(this, call);
    const module = moduleOf(call.weights, call.module, 'linear');
    const positions = checkLinear({ input: call.input, output: call.outputGradient }, module);
    if (call.inputGradient) checkTensor('inputGradient', call.inputGradient, 'float', call.input.shape);
    checkSameLayout(call.weights, call.gradient);
    const { inputSize: H, outputSize: V } = module;
    const scratch = this.#context.scratch(
      linearScratchBytes(H, V, positions, this.#context.packsFactors(call)),
    );
    this.#context.submit(
      'linearBackward',
      this.#linearNumbers(call, positions, H, V),
      [
        ...this.#context.buffers(
          call.weights,
          call.input,
          call.outputGradient,
          call.gradient,
          call.inputGradient,
        ),
        scratch,
      ],
      2 * positions * H * V,
    );
  }

  #linearNumbers(call: LinearForward | LinearBackward, positions: number, H: number, V: number): number[] {
    const { module, weights } = call;
    const { packed } = this.#context.weights(weights);
    const places = [offsetIn(packed, module, 'weight'), offsetIn(packed, module, 'bias')];
    return [positions, H, V, ...places, this.#context.elementOf(call)];
  }

  crossEntropy(call: CrossEntropy) {
    const { positions, vocabularySize: V } = checkCrossEntropy(call);
    const targets = this.#context.tokens(call.targets, V);
    const scratch = this.#context.scratch(positions * 8);
    this.#context.submit(
      'crossEntropy',
      [positions, V, call.gradientScale ?? 1, (call.loss.shape[0] as number) > 1 ? 1 : 0],
      [
        this.#context.buffer(call.logits),
        targets.buffer,
        ...this.#context.buffers(call.positionWeights, call.loss, call.logProbabilities, call.gradient),
        scratch,
      ],
      positions * V * 20,
    );
  }

  dropout(call: DropoutCall) {
    checkDropout(call);
    const [steps, rows, columns] = call.input.shape as [number, number, number];
    this.#context.submit(
      'dropout',
      [
        ...[steps, rows, columns, dropThreshold(call.probability), dropoutKey(call)],
        ...[1 / (1 - call.probability), call.perSequence ? 1 : 0, call.firstStep ?? 0],
      ],
      this.#context.buffers(call.input, call.output),
      steps * rows * columns * 4,
    );
  }

  dropWeights(call: WeightDropout) {
    checkWeightDropout(call);
    const { vector, module, parameter, probability, drops } = call;
    const { packed } = this.#context.vector(vector);
    const { gates, units, rows, offset } = sliceIn(packed, module, parameter);
    this.#context.submit(
      'dropWeights',
      [
        ...[gates, units, rows, offset, drops === 'input' ? 1 : 0],
        ...[dropThreshold(probability), dropoutKey(call), 1 / (1 - probability)],
      ],
      this.#context.buffers(vector),
      gates * units * rows * 4,
    );
  }

  average(from: Vector, into: Vector, weight: number) {
    checkSameLayout(from, into);
    const { size } = this.#context.vector(from).packed;
    this.#context.submit('average', [size, weight], this.#context.buffers(from, into), size * 2);
  }

  update(call: Update) {
    checkUpdate(call);
    const { size } = this.#context.vector(call.weights).packed;
    const scratch = this.#context.scratch(chunkBytes(size, 3));
    const biases = biasRanges(call.weights.layout);
    this.#context.submit(
      'update',
      [
        ...[size, UPDATE_RULE_KINDS.indexOf(call.rule.kind)],
        ...[call.learningRate, call.clipNorm ?? 0, call.clipElement ?? 0, call.weightDecay ?? 0],
        ...[biases.length / 2, ...ruleNumbers(call.rule)],
      ],
      [
        ...this.#context.buffers(call.weights, call.gradient, call.loss, call.report),
        scratch,
        this.#context.uploadCached('biases', biases),
        ...this.#context.buffers(call.steps, ...call.moments),
      ],
      size * 8,
    );
  }

  step(call: Step) {
    step(this.#context, call);
  }

  readTokens(call: ReadTokens) {
    readTokens(this.#context, call);
  }

  async generate(call: Generate): Promise<Int32Array> {
    checkDraws(this, call);
    return generate(this.#context, call);
  }

  copySlots(from: Tensor, fromSlots: Int32Array, to: Tensor, toSlots: Int32Array) {
    copySlots(this.#context, from, fromSlots, to, toSlots);
  }

  close(): Promise<void> {
    return this.#context.close();
  }
}
