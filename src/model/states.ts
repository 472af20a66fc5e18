/** Slots of recurrent state: where an engine keeps what each of many sequences has read so far. */
import { stateParts } from '../engine/cells.ts';
import type { Engine, Precision, Tensor } from '../engine/engine.ts';
import { type Layout, recurrentModules } from '../engine/layout.ts';

/** For each recurrent layer a tensor of zeros, float [S, slots, H]: the states of as many sequences that have read nothing. */
export function makeStates(engine: Engine, layout: Layout, slots: number): Tensor[] {
  return recurrentModules(layout).map((module) =>
    engine.tensor('float', [stateParts(module.cell), slots, module.hiddenSize]),
  );
}

/** Bytes of the state of one sequence: precision · Σ over layers of S·H. */
export function stateBytes(layout: Layout, precision: Precision): number {
  const bytes = precision === 'float64' ? 8 : 4;
  return recurrentModules(layout).reduce(
    (sum, module) => sum + stateParts(module.cell) * module.hiddenSize * bytes,
    0,
  );
}

/**
 * A store of states that are taken and given back, one for each sequence.
 *
 * It grows as slots are taken, up to its capacity; then `states` are other tensors, with the same values. A slot that is taken holds
 * what its last owner left in it.
 */
export class StateSlots {
  readonly capacity: number;
  readonly #engine: Engine;
  readonly #layout: Layout;
  #states: readonly Tensor[];
  #size: number;
  /** Slots that are free, the next one to take last. */
  readonly #free: number[];

  /** @param size Slots to begin with. */
  constructor(engine: Engine, layout: Layout, capacity: number, size = Math.min(capacity, 1)) {
    this.#engine = engine;
    this.#layout = layout;
    this.capacity = capacity;
    this.#size = size;
    this.#states = makeStates(engine, layout, size);
    this.#free = descending(0, size);
  }

  /** For each recurrent layer float [S, slots, H]. Not to be kept across `take`. */
  get states(): readonly Tensor[] {
    return this.#states;
  }

  /** Slots that are taken. */
  get used(): number {
    return this.#size - this.#free.length;
  }

  /** Slots that can still be taken. */
  get left(): number {
    return this.capacity - this.used;
  }

  /** @returns As many slots; undefined where fewer are left. */
  take(count: number): number[] | undefined {
    if (count > this.left) return undefined;
    if (count > this.#free.length) this.#grow(this.used + count);
    return this.#free.splice(this.#free.length - count).reverse();
  }

  /** Gives slots back. */
  give(slots: readonly number[]): void {
    this.#free.push(...slots);
  }

  /** Copies states to slots of this or another store. All are read before any is written. */
  copy(slots: readonly number[], to: StateSlots, toSlots: readonly number[]): void {
    if (slots.length === 0) return;
    const [sources, targets] = [Int32Array.from(slots), Int32Array.from(toSlots)];
    this.#states.forEach((state, layer) => {
      this.#engine.copySlots(state, sources, to.#states[layer] as Tensor, targets);
    });
  }

  release(): void {
    for (const state of this.#states) this.#engine.release(state);
  }

  #grow(needed: number): void {
    const before = this.#states;
    const size = Math.min(this.capacity, Math.max(needed, 2 * this.#size));
    this.#states = makeStates(this.#engine, this.#layout, size);
    const slots = Int32Array.from({ length: this.#size }, (_, slot) => slot);
    before.forEach((state, layer) => {
      if (slots.length > 0) this.#engine.copySlots(state, slots, this.#states[layer] as Tensor, slots);
      this.#engine.release(state);
    });
    this.#free.unshift(...descending(this.#size, size));
    this.#size = size;
  }
}

/** The numbers from `from` to before `to`, the largest first. */
function descending(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => to - 1 - index);
}
