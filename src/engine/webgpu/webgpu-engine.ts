/**
 * The WebGPU engine: hand-written WGSL for GPUs, in Node and in pages, in float32.
 *
 * This file checks each call and passes it on; `recorder.ts` records its dispatches. Results are reproducible on one device, and a row's do not
 * depend on the other rows. They are not those of the CPU engines to the last bit.
 */
import { type EngineLostError, type MemoryError, UnsupportedError } from '../../errors.ts';
import {
  checkCompute,
  checkDraws,
  checkDropout,
  checkRecurrentBackward,
  checkRecurrentForward,
  checkSameLayout,
  type RecurrentSizes,
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
  type HeldUnit,
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
  type Update,
  type Vector,
  type WeightDropout,
} from '../engine.ts';
import type { Layout } from '../layout.ts';
import type { GpuDevice } from './device.ts';
import { forEach } from './dispatch.ts';
import { drawTokens } from './draw.ts';
import { dropWeights } from './drop-weights.ts';
import { dropInput } from './dropout.ts';
import {
  bufferIf,
  bufferOf,
  GpuTape,
  GpuTensor,
  GpuVector,
  partOf,
  release,
  tokensOf,
  traceOf,
} from './handles.ts';
import { floatBits } from './kernel.ts';
import { embeddingBackward, embeddingForward, linearBackward, linearForward } from './linear.ts';
import { crossEntropy, logSoftmax } from './loss.ts';
import { Recorder } from './recorder.ts';
import { layerBackward } from './recurrent-backward.ts';
import { layerForward } from './recurrent-forward.ts';
import { placesIn } from './recurrent-layer.ts';
import { SequenceRunner } from './sequences.ts';
import { AVERAGE } from './shaders/elements.ts';
import {
  copyHandle,
  copySlots,
  copyUnlessApplied,
  fillHandle,
  moveSlots,
  readHandle,
  writeHandle,
} from './transfer.ts';
import { type RecurrentTuning, recurrentTuning, type TuningOptions } from './tuning.ts';
import { update } from './update.ts';

/** Iterations in flight, so that the device does not wait while one is recorded. */
const DEPTH = 4;

export class WebGpuEngine implements Engine {
  readonly description: EngineDescription;
  readonly lost: Promise<EngineLostError | MemoryError>;
  readonly #recorder: Recorder;
  readonly #gpu: GpuDevice;
  readonly #tuning: TuningOptions;
  readonly #sequences: SequenceRunner;

  /** @param tuning For tests: another design of the recurrent steps than the device would get. */
  constructor(gpu: GpuDevice, tuning: TuningOptions = {}) {
    this.#gpu = gpu;
    this.#tuning = tuning;
    this.#recorder = new Recorder(gpu);
    this.lost = this.#recorder.lost;
    this.#sequences = new SequenceRunner({
      tensor: (type, shape) => this.tensor(type, shape),
      tensorIn: (memory, shape) => this.tensorIn(memory, shape),
      release: (handle) => this.release(handle),
      copySlots: (...slots) => this.copySlots(...slots),
      embeddingForward: (call) => this.embeddingForward(call),
      recurrentForward: (call, held) => this.#recurrentForward(call, held),
      linearForward: (call) => this.linearForward(call),
      write: (target, values) => this.write(target, values),
      moveSlots: (direction, slots, state, rows) => this.#moveSlots(direction, slots, state, rows),
      read: (source, range) => this.read(source, range),
      logSoftmax: (logits, output) => logSoftmax(this.#recorder, logits, output),
      drawTokens: (call) => drawTokens(this.#recorder, call),
    });
    const { name, backend, isSoftware, limits } = gpu.adapter;
    const kind = isSoftware ? 'software adapter' : 'GPU';
    this.description = {
      name: 'webgpu',
      precision: 'float32',
      text: `${kind} ${name} (${backend}), webgpu engine, float32`,
      depth: DEPTH,
      canBeLost: true,
      // WebGPU does not tell how much memory a GPU has.
      limits: {
        largest: Math.min(limits.maxBufferSize, limits.maxStorageBufferBindingSize),
        isOnDevice: !isSoftware,
      },
      capabilities: {
        // These are drawn on the host, in double precision.
        drawControls: ALL_DRAW_CONTROLS,
        deviceDrawControls: new Set(['temperature', 'logitBias']),
        exactBits: false,
        bfloat16: false,
        float16: true,
        int8: false,
      },
    };
  }

  get bytesInUse(): number {
    return this.#recorder.bytesInUse;
  }

  /** Counted since the engine was made. */
  get counts(): Readonly<Recorder['counts']> {
    return this.#recorder.counts;
  }

  tensor(type: ElementType, shape: readonly number[]): Tensor {
    return new GpuTensor(this.#recorder, type, shape);
  }

  vector(layout: Layout, quantization?: Quantization): Vector {
    if (quantization) throw new UnsupportedError(`the webgpu engine does not compute in ${quantization}.`);
    return new GpuVector(this.#recorder, layout);
  }

  tensorIn(memory: Tensor, shape: readonly number[]): Tensor {
    return partOf(this.#recorder, memory, shape);
  }

  tape(layout: Layout, module: number, steps: number, rows: number): Tape {
    return new GpuTape(this.#recorder, layout, module, steps, rows);
  }

  release(handle: Tensor | Vector | Tape) {
    release(this.#recorder, handle);
  }

  write(target: Tensor | Vector, values: NumberArray, offset = 0) {
    writeHandle(this.#recorder, target, values, offset);
  }

  read(source: Vector, range?: ReadRange): Promise<FloatArray>;
  read(source: Tensor, range?: ReadRange): Promise<FloatArray | Int32Array | Uint8Array>;
  async read(source: Tensor | Vector, range?: ReadRange): Promise<FloatArray | Int32Array | Uint8Array> {
    return readHandle(this.#recorder, source, range);
  }

  fill(target: Tensor | Vector, value: number) {
    fillHandle(this.#recorder, target, value);
  }

  copy(from: Tensor | Vector, to: Tensor | Vector) {
    copyHandle(this.#recorder, from, to);
  }

  copyUnlessApplied(report: Tensor, from: Tensor, to: Tensor) {
    copyUnlessApplied(this.#recorder, report, from, to);
  }

  recurrentForward(call: RecurrentForward) {
    this.#recurrentForward(call, []);
  }

  #recurrentForward(call: RecurrentForward, held: readonly HeldUnit[]) {
    checkCompute(this, call);
    const sizes = checkRecurrentForward(call);
    const recorder = this.#recorder;
    const layer = {
      ...this.#layerOf(call, sizes),
      initial: bufferOf(recorder, call.initial),
      final: bufferOf(recorder, call.final),
      output: bufferOf(recorder, call.output),
      cells: bufferIf(recorder, call.cells),
      held,
      trace: call.tape && traceOf(recorder, call.tape, { ...sizes, module: call.module }),
    };
    layerForward(recorder, layer, this.#tuningOf(sizes));
  }

  recurrentBackward(call: RecurrentBackward) {
    checkCompute(this, call);
    const sizes = checkRecurrentBackward(call);
    const recorder = this.#recorder;
    const layer = {
      ...this.#layerOf(call, sizes),
      trace: traceOf(recorder, call.tape, { ...sizes, module: call.module }),
      outputGradient: bufferOf(recorder, call.outputGradient),
      finalGradient: bufferIf(recorder, call.finalGradient),
      gradient: bufferOf(recorder, call.gradient),
      inputGradient: bufferIf(recorder, call.inputGradient),
      initialGradient: bufferIf(recorder, call.initialGradient),
    };
    layerBackward(recorder, layer, this.#tuningOf(sizes));
  }

  /** What both passes of a layer have in common. */
  #layerOf(call: RecurrentForward | RecurrentBackward, sizes: RecurrentSizes) {
    const recorder = this.#recorder;
    const { input, inputSize } = sizes.module;
    return {
      ...sizes,
      places: placesIn(call.weights.layout, call.module),
      weights: bufferOf(recorder, call.weights),
      input: input === 'tokens' ? tokensOf(recorder, call.input, inputSize) : bufferOf(recorder, call.input),
      dropout: call.dropout,
      compute: call.compute,
      resets: bufferIf(recorder, call.resets),
    };
  }

  #tuningOf({ module, rows }: RecurrentSizes): RecurrentTuning {
    return recurrentTuning(this.#gpu.adapter, module.hiddenSize, rows, this.#tuning);
  }

  embeddingForward(call: EmbeddingForward) {
    embeddingForward(this.#recorder, call);
  }

  embeddingBackward(call: EmbeddingBackward) {
    embeddingBackward(this.#recorder, call);
  }

  linearForward(call: LinearForward) {
    checkCompute(this, call);
    linearForward(this.#recorder, call);
  }

  linearBackward(call: LinearBackward) {
    checkCompute(this, call);
    linearBackward(this.#recorder, call);
  }

  crossEntropy(call: CrossEntropy) {
    crossEntropy(this.#recorder, call);
  }

  dropout(call: DropoutCall) {
    checkDropout(call);
    const [steps, rows, units] = call.input.shape as [number, number, number];
    const [input, output] = [bufferOf(this.#recorder, call.input), bufferOf(this.#recorder, call.output)];
    dropInput(this.#recorder, call, input, output, { steps, rows, units, from: 0 });
  }

  dropWeights(call: WeightDropout) {
    dropWeights(this.#recorder, call);
  }

  update(call: Update) {
    update(this.#recorder, call);
  }

  average(from: Vector, into: Vector, weight: number) {
    checkSameLayout(from, into);
    const buffers = [bufferOf(this.#recorder, from), bufferOf(this.#recorder, into)];
    forEach(this.#recorder, 'average', () => AVERAGE, buffers, into.size, [floatBits(weight)]);
  }

  step(call: Step) {
    this.#sequences.step(call);
  }

  readTokens(call: ReadTokens) {
    this.#sequences.readTokens(call);
  }

  async generate(call: Generate): Promise<Int32Array> {
    checkDraws(this, call);
    return this.#sequences.generate(call);
  }

  #moveSlots(direction: 'gather' | 'scatter', slots: Tensor, state: Tensor, rows: Tensor) {
    const [list, into] = [slots, rows].map((tensor) => bufferOf(this.#recorder, tensor)) as [
      GPUBuffer,
      GPUBuffer,
    ];
    moveSlots(this.#recorder, direction, list, state, into, rows.shape[1] as number);
  }

  copySlots(from: Tensor, fromSlots: Int32Array, to: Tensor, toSlots: Int32Array) {
    copySlots(this.#recorder, from, fromSlots, to, toSlots);
  }

  async close() {
    this.#recorder.close();
  }
}
