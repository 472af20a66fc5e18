/**
 * `step`, `readTokens` and `generate`: sequences go through the network with the operations on whole batches, on copies of their states. So
 * their results have the same bits as those operations.
 */
import { checkGenerate, checkReadTokens, checkSequences, checkStepTokens } from '../checks.ts';
import {
  type ElementType,
  type Engine,
  type FloatArray,
  type Generate,
  type HeldUnit,
  NO_TOKEN,
  type ReadTokens,
  type RecurrentForward,
  type Step,
  type Tensor,
  type Vector,
} from '../engine.ts';
import { heldIn, heldUnits } from '../held-units.ts';
import { HostDraws } from '../host-draws.ts';
import type { Module } from '../layout.ts';
import { type DeviceDraw, drawNumbers } from './draw.ts';

/** What sequences need of the engine. */
export interface SequenceOperations
  extends Pick<
    Engine,
    'tensor' | 'tensorIn' | 'release' | 'copySlots' | 'embeddingForward' | 'linearForward'
  > {
  /** @param held Units of the layer to hold after the step; T is 1 if there are any. */
  recurrentForward(call: RecurrentForward, held: readonly HeldUnit[]): void;
  write(target: Tensor, values: Int32Array | Float32Array): void;
  /** Copies slots of a state [S, slots, H] to rows [S, N, H], or back. @param slots int [N]. */
  moveSlots(direction: 'gather' | 'scatter', slots: Tensor, state: Tensor, rows: Tensor): void;
  read(source: Tensor, range: { readonly offset: number; readonly count: number }): Promise<unknown>;
  /** output [≥ N, V] = the log-probabilities of the first N rows of logits [1, N, V]. */
  logSoftmax(logits: Tensor, output: Tensor): void;
  drawTokens(call: DeviceDraw): void;
}

const ACTIVATION_BYTES = 8 * 2 ** 20;

/** Some of the sequences of a call, which all have begun. */
interface Part extends Pick<Step, 'weights' | 'states' | 'slots' | 'hold'> {
  /** [T, N]. */
  readonly tokens: Int32Array;
  readonly steps: number;
}

export class SequenceRunner {
  readonly #engine: SequenceOperations;
  readonly #activationBytes: number;
  /** Tensors that every call uses again, by name. They grow as needed. */
  readonly #scratch = new Map<string, Tensor>();
  /** The slots that were written last, and their tensor: consecutive calls often have the same slots. */
  #slots: { readonly values: Int32Array; readonly tensor: Tensor } | undefined;

  /** @param activationBytes Maximum bytes of one activation. A longer prompt is read in pieces of time. */
  constructor(engine: SequenceOperations, activationBytes = ACTIVATION_BYTES) {
    this.#engine = engine;
    this.#activationBytes = activationBytes;
  }

  step(call: Step): void {
    checkStepTokens(call);
    if (call.slots.length === 0) return;
    checkReadTokens(call, checkSequences(call));
    this.#read({ ...call, steps: 1 }, call.output);
  }

  readTokens(call: ReadTokens): void {
    const { slots, tokens, snapshots, output } = call;
    const N = slots.length;
    if (N === 0) return;
    const { steps } = checkReadTokens(call, checkSequences(call));
    const starts = Array.from(slots, (_, n) => startOf(tokens, N, n));
    // The output needs the last step only, so this step is a part of its own.
    const cuts = new Set([...starts, ...(snapshots?.steps ?? []), steps - 1, steps]);
    let from = 0;
    for (const to of [...cuts].sort((a, b) => a - b)) {
      if (to > from) {
        const begun = [...slots.keys()].filter((n) => (starts[n] as number) <= from);
        const part = { ...call, ...partOf(tokens, slots, begun, from, to), steps: to - from };
        if (begun.length > 0) this.#read(part, to === steps ? output : undefined);
      }
      this.#takeSnapshots(call, to);
      from = to;
    }
  }

  async generate(call: Generate): Promise<Int32Array> {
    const V = checkSequences(call);
    heldUnits(call.hold, call.weights.layout);
    const { steps } = checkGenerate(call, V);
    return call.draws === 'device' ? this.#drawOnDevice(call, steps, V) : this.#drawOnHost(call, steps, V);
  }

  /** In double precision like those of every other engine; so each step waits for its predictions. */
  async #drawOnHost(call: Generate, steps: number, V: number): Promise<Int32Array> {
    const { output, slots, weights, states, hold } = call;
    const draws = new HostDraws(call, V);
    for (let step = 0; step < steps; step++) {
      const predictions = await this.#engine.read(output, { offset: 0, count: slots.length * V });
      const tokens = draws.draw(step, predictions as FloatArray);
      this.#read({ weights, states, slots, tokens, hold, steps: 1 }, output);
    }
    return draws.drawn;
  }

  /** All steps are recorded at once, and only their tokens are read. */
  async #drawOnDevice(call: Generate, steps: number, V: number): Promise<Int32Array> {
    const { output, slots, weights, states, hold } = call;
    const N = slots.length;
    const { temperatures, uniforms, biases } = drawNumbers(call, V);
    const inputs = {
      temperatures: this.#written('temperatures', 'float', [N], temperatures),
      uniforms: this.#written('uniforms', 'int', [steps, N], uniforms),
      biases: biases && this.#written('biases', 'float', [N, V], biases),
    };
    const tokens = this.#tensor('drawn tokens of a step', 'int', [1, N]);
    const drawn = this.#tensor('drawn tokens', 'int', [steps, N]);
    const held = heldUnits(hold, weights.layout);
    const own = this.#gather(states, slots);
    for (let step = 0; step < steps; step++) {
      this.#engine.drawTokens({ ...inputs, step, predictions: output, tokens, drawn });
      this.#forward(weights, own, tokens, held, output);
    }
    this.#scatter(states, slots, own);
    return (await this.#engine.read(drawn, { offset: 0, count: steps * N })) as Int32Array;
  }

  /** Reads tokens. @param output Receives the predictions after the last step. Default: they are not computed. */
  #read(part: Part, output: Tensor | undefined): void {
    const { weights, slots, states, tokens, steps } = part;
    const N = slots.length;
    const held = heldUnits(part.hold, weights.layout);
    const own = this.#gather(states, slots);
    const widest = Math.max(...weights.layout.map(widthOf));
    // The engine remembers the largest token that was written to a tensor, so each size of a vocabulary has its own.
    const name = `tokens of ${widthOf(weights.layout.at(-1) as Module)}`;
    // A held value must be there before the next step reads it.
    const most = held.length > 0 ? 1 : Math.max(1, Math.floor(this.#activationBytes / (4 * N * widest)));
    for (let from = 0; from < steps; from += most) {
      const count = Math.min(most, steps - from);
      const input = this.#written(name, 'int', [count, N], tokens.subarray(from * N, (from + count) * N));
      this.#forward(weights, own, input, held, output);
    }
    this.#scatter(states, slots, own);
  }

  /** The states of some slots, float [S, N, H] for each layer: copies, unless they are all slots in order. */
  #gather(states: readonly Tensor[], slots: Int32Array): readonly Tensor[] {
    return states.map((state, layer) => {
      if (isWhole(slots, state)) return state;
      const [parts, , H] = state.shape as [number, number, number];
      const copy = this.#tensor(`state ${layer}`, 'float', [parts, slots.length, H]);
      this.#engine.moveSlots('gather', this.#slotsTensor(slots), state, copy);
      return copy;
    });
  }

  /** Copies what `#gather` returned back to the slots. */
  #scatter(states: readonly Tensor[], slots: Int32Array, own: readonly Tensor[]): void {
    states.forEach((state, layer) => {
      const copy = own[layer] as Tensor;
      if (copy !== state) this.#engine.moveSlots('scatter', this.#slotsTensor(slots), state, copy);
    });
  }

  #forward(
    weights: Vector,
    own: readonly Tensor[],
    tokens: Tensor,
    held: readonly HeldUnit[],
    output: Tensor | undefined,
  ): void {
    const engine = this.#engine;
    let input = tokens;
    let layer = 0;
    weights.layout.forEach((module, index) => {
      if (module.kind === 'linear' && !output) return;
      // Two tensors take turns: an operation can't write to its input.
      const next = this.#tensor(`activation ${index % 2}`, 'float', [...tokens.shape, widthOf(module)]);
      if (module.kind === 'embedding') {
        engine.embeddingForward({ weights, module: index, tokens: input, output: next });
      } else if (module.kind === 'recurrent') {
        const state = own[layer] as Tensor;
        const call = { weights, module: index, input, initial: state, final: state, output: next };
        engine.recurrentForward(call, heldIn(held, layer));
        layer++;
      } else {
        engine.linearForward({ weights, module: index, input, output: next });
      }
      input = next;
    });
    if (output) engine.logSoftmax(input, output);
  }

  /** Copies the states of the snapshots after a number of steps. */
  #takeSnapshots({ snapshots, slots, states }: ReadTokens, step: number): void {
    if (!snapshots) return;
    const taken = [...snapshots.steps.keys()].filter((i) => snapshots.steps[i] === step);
    if (taken.length === 0) return;
    const from = Int32Array.from(taken, (i) => slots[snapshots.sequences[i] as number] as number);
    const to = Int32Array.from(taken, (i) => snapshots.slots[i] as number);
    states.forEach((state, layer) => {
      this.#engine.copySlots(state, from, snapshots.states[layer] as Tensor, to);
    });
  }

  #slotsTensor(slots: Int32Array): Tensor {
    const known = this.#slots;
    if (known?.values.length === slots.length && known.values.every((slot, n) => slot === slots[n]))
      return known.tensor;
    this.#slots = undefined;
    const tensor = this.#written('slots', 'int', [slots.length], slots);
    this.#slots = { values: slots.slice(), tensor };
    return tensor;
  }

  #written(
    name: string,
    type: ElementType,
    shape: readonly number[],
    values: Int32Array | Float32Array,
  ): Tensor {
    const tensor = this.#tensor(name, type, shape);
    this.#engine.write(tensor, values);
    return tensor;
  }

  /** A tensor of this shape in the scratch memory of a name. */
  #tensor(name: string, type: ElementType, shape: readonly number[]): Tensor {
    const known = this.#scratch.get(name);
    const fits = known && shape.every((length, axis) => length <= (known.shape[axis] as number));
    if (known && fits) return this.#engine.tensorIn(known, shape);
    // First, so that nothing refers to the released memory if the allocation fails.
    this.#scratch.delete(name);
    if (known) this.#engine.release(known);
    // Room for both shapes, unless that is much more than either: many steps of one sequence, then one step of many.
    const both = shape.map((length, axis) => Math.max(length, known?.shape[axis] ?? 0));
    const isLarge = both.reduce((bytes, length) => bytes * length, 4) > this.#activationBytes;
    const made = this.#engine.tensor(type, isLarge ? shape : both);
    this.#scratch.set(name, made);
    return this.#engine.tensorIn(made, shape);
  }
}

/** The first step at which a sequence reads a token. */
function startOf(tokens: Int32Array, N: number, n: number): number {
  let step = 0;
  while (tokens[step * N + n] === NO_TOKEN) step++;
  return step;
}

/** The slots of some sequences, and their tokens of some steps. */
function partOf(
  tokens: Int32Array,
  slots: Int32Array,
  begun: readonly number[],
  from: number,
  to: number,
): Pick<Part, 'slots' | 'tokens'> {
  const N = slots.length;
  return {
    slots: Int32Array.from(begun, (n) => slots[n] as number),
    tokens: Int32Array.from(
      { length: (to - from) * begun.length },
      (_, at) =>
        tokens[(from + Math.floor(at / begun.length)) * N + (begun[at % begun.length] as number)] as number,
    ),
  };
}

/** Whether the slots are all slots of a state, in order: then it needs no copy. */
function isWhole(slots: Int32Array, state: Tensor): boolean {
  return slots.length === state.shape[1] && slots.every((slot, n) => slot === n);
}

/** Numbers per position that a module computes. */
function widthOf(module: Module): number {
  return module.kind === 'recurrent' ? module.hiddenSize : module.outputSize;
}
