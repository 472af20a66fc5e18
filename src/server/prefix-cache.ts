/**
 * States after the beginnings of prompts, so that a beginning that prompts share is computed once.
 *
 * A state is kept after every `BLOCK` tokens of a prompt and before its last token; the last one is always read anew, since
 * that is what predicts the next. Beginnings form a tree of blocks, compared token by token. The memory is taken at once and
 * never grows: where it is full, what was used longest ago makes room. States are the same bits however a sequence is cut, so
 * a text does not depend on what is kept.
 */
import { stateParts } from '../engine/cells.ts';
import type { Engine, Tensor, Vector } from '../engine/engine.ts';
import { recurrentModules } from '../engine/layout.ts';
import { Beginning } from './beginning.ts';

/** Tokens between two kept states of a prompt. */
const BLOCK = 16;

/** More states than this are not kept, however small they are. */
const MOST_STATES = 1 << 16;
/** Bytes that a state's place in the tree takes, about. */
const PLACE = 512;

/** Bytes of the state of one stream. */
function bytesOfState(engine: Engine, weights: Vector): number {
  const bytes = engine.description.precision === 'float64' ? 8 : 4;
  return recurrentModules(weights.layout).reduce(
    (sum, module) => sum + stateParts(module.cell) * module.hiddenSize * bytes,
    0,
  );
}

export class PrefixCache {
  /** For each recurrent layer float [S, slots, H]. */
  readonly states: readonly Tensor[];
  readonly #engine: Engine;
  /**
   * The state of a stream that has read nothing: slot 0 is never written. All others stand between it and itself by their last use,
   * each older than what it begins with, so that the oldest has no children.
   */
  readonly #nothing = new Beginning(0);
  readonly #capacity: number;
  readonly #free: number[];

  /** @param bytes At most, of the engine's memory and ours; for less than a state nothing is kept. */
  constructor(engine: Engine, weights: Vector, bytes: number) {
    const kept = Math.min(MOST_STATES, Math.floor(bytes / (bytesOfState(engine, weights) + PLACE)));
    this.#engine = engine;
    this.#capacity = kept;
    this.states = recurrentModules(weights.layout).map((module) =>
      engine.tensor('float', [stateParts(module.cell), kept + 1, module.hiddenSize]),
    );
    this.#free = Array.from({ length: kept }, (_, index) => kept - index);
  }

  /** States that are kept now. */
  get size(): number {
    return this.#capacity - this.#free.length;
  }

  /** The longest kept beginning of a prompt that leaves at least its last token to read; of length 0 where there is none. */
  find(prompt: readonly number[]): Beginning {
    let at = this.#nothing;
    for (;;) {
      const next = longestChild(at, prompt);
      if (!next) break;
      at = next;
    }
    this.#use(at);
    return at;
  }

  /** The beginning of no tokens. */
  get nothing(): Beginning {
    return this.#nothing;
  }

  /** Whether the state after `length` tokens of a prompt is one to keep. */
  wants(prompt: readonly number[], length: number): boolean {
    return length > 0 && (length % BLOCK === 0 || length === prompt.length - 1);
  }

  /**
   * Makes room for the state after the first `length` tokens of a prompt.
   *
   * @param after The beginning that was wanted last, or found.
   * @returns The beginning, and whether its state is to be written now: else it is there already. Undefined where there is no room.
   */
  keep(after: Beginning, prompt: readonly number[], length: number) {
    if (after.isGone) return undefined;
    const key = keyOf(prompt, after.length, length);
    const known = after.children.get(key);
    if (known) {
      known.placeBefore(after);
      return { beginning: known, isNew: false };
    }
    const slot = this.#free.pop() ?? this.#evict(after);
    if (slot === undefined) return undefined;
    const beginning = new Beginning(slot, length, after, key);
    after.children.set(key, beginning);
    // Not the youngest of all: then what it begins with would have to follow, which is long in a long prompt.
    beginning.placeBefore(after);
    return { beginning, isNew: true };
  }

  release(): void {
    for (const state of this.states) this.#engine.release(state);
  }

  /** Makes a beginning, and all that it begins with, the youngest. */
  #use(beginning: Beginning): void {
    for (let at = beginning; at.parent; at = at.parent) at.placeBefore(this.#nothing);
  }

  /** The slot of what was used longest ago; undefined where only what the new one begins with is left. */
  #evict(after: Beginning): number | undefined {
    const oldest = this.#nothing.younger;
    if (oldest === this.#nothing || oldest === after) return undefined;
    oldest.leave();
    oldest.parent?.children.delete(oldest.key);
    oldest.isGone = true;
    return oldest.slot;
  }
}

function longestChild(at: Beginning, prompt: readonly number[]): Beginning | undefined {
  if (at.children.size === 0) return undefined;
  for (let length = Math.min(BLOCK, prompt.length - 1 - at.length); length > 0; length--) {
    const child = at.children.get(keyOf(prompt, at.length, at.length + length));
    if (child) return child;
  }
  return undefined;
}

function keyOf(prompt: readonly number[], from: number, to: number): string {
  return prompt.slice(from, to).join(',');
}
