/** Slots for recurrent states: each holds the state of one sequence on the engine. */
import { stateParts } from '../engine/cells.ts';
import type { Engine, Precision, Tensor } from '../engine/engine.ts';
import { type Layout, recurrentModules } from '../engine/layout.ts';
import { MemoryError } from '../errors.ts';

/** For each recurrent layer, a tensor of zeros, float [S, slots, H]: the states of sequences that have read nothing yet. */
export function makeStates(engine: Engine, layout: Layout, slots: number): Tensor[] {
  const states: Tensor[] = [];
  try {
    for (const { cell, hiddenSize } of recurrentModules(layout))
      states.push(engine.tensor('float', [stateParts(cell), slots, hiddenSize]));
  } catch (error) {
    for (const state of states) engine.release(state);
    throw error;
  }
  return states;
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
 * A pool of state slots, one for each sequence.
 *
 * It grows up to its capacity as slots are taken. When it grows, `states` becomes a list of other tensors with the same values. A newly
 * taken slot still holds the state of its previous owner.
 */
export class StateSlots {
  readonly capacity: number;
  readonly #engine: Engine;
  readonly #layout: Layout;
  #states: readonly Tensor[];
  #size: number;
  /** Free slots; the next one to take is the last. */
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

  /** For each recurrent layer, float [S, slots, H]. `take` may replace these tensors. */
  get states(): readonly Tensor[] {
    return this.#states;
  }

  /** The number of slots taken. */
  get used(): number {
    return this.#size - this.#free.length;
  }

  /** The number of slots that can still be taken. */
  get left(): number {
    return this.capacity - this.used;
  }

  /** Takes slots. Returns undefined if fewer are left. If the engine can't allocate them, it throws, and nothing has changed. */
  take(count: number): number[] | undefined {
    if (count > this.left) return undefined;
    if (count > this.#free.length) this.#grow(this.used + count);
    return this.#free.splice(this.#free.length - count).reverse();
  }

  /** Gives slots back. */
  give(slots: readonly number[]): void {
    this.#free.push(...slots);
  }

  /** Copies states to slots of this or another pool. All are read before any is written. */
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
    const { states, size } = this.#makeMore(needed);
    this.#states = states;
    const slots = Int32Array.from({ length: this.#size }, (_, slot) => slot);
    before.forEach((state, layer) => {
      if (slots.length > 0) this.#engine.copySlots(state, slots, this.#states[layer] as Tensor, slots);
      this.#engine.release(state);
    });
    this.#free.unshift(...descending(this.#size, size));
    this.#size = size;
  }

  /** Twice the slots that there are, or only those that are needed if the engine has no memory for more. */
  #makeMore(needed: number): { states: readonly Tensor[]; size: number } {
    const make = (size: number) => ({ states: makeStates(this.#engine, this.#layout, size), size });
    const size = Math.min(this.capacity, Math.max(needed, 2 * this.#size));
    try {
      return make(size);
    } catch (error) {
      if (size === needed || !(error instanceof MemoryError)) throw error;
      return make(needed);
    }
  }
}

/** The numbers from `from` to before `to`, the largest first. */
function descending(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => to - 1 - index);
}
