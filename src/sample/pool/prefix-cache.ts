/**
 * States after prefixes of prompts, so that a prefix that prompts share is read once.
 *
 * A state is kept after every `BLOCK` tokens of a prompt and before its last token; the last token is always read again, since that gives
 * the prediction that follows. The prefixes form a tree of blocks, compared token by token. When the cache is full, the least recently
 * used state is evicted. A sequence's states are the same bits however it is cut, so a text does not depend on what is cached.
 */
import type { Engine } from '../../engine/engine.ts';
import type { Layout } from '../../engine/layout.ts';
import { StateSlots, stateBytes } from '../../model/states.ts';

/** Tokens between two kept states of a prompt. */
const BLOCK = 16;

/** States kept at most, however small they are. */
const MAX_STATES = 1 << 16;
/** Bytes that a node of the tree takes, roughly. */
const NODE_BYTES = 512;

/** A prefix whose state is kept: a node of the tree, and an entry of the list ordered by last use. */
export class PrefixNode {
  readonly slot: number;
  /** Tokens in the prefix. */
  readonly length: number;
  readonly parent: PrefixNode | undefined;
  /** The tokens after the parent's, as the parent's key for it. */
  readonly key: string;
  readonly children = new Map<string, PrefixNode>();
  /** Set when it is no longer kept: its slot holds another state. */
  isEvicted = false;
  /** Neighbours in a ring ordered by last use; itself when it is in no ring. */
  #older: PrefixNode = this;
  #newer: PrefixNode = this;

  constructor(slot: number, length = 0, parent?: PrefixNode, key = '') {
    this.slot = slot;
    this.length = length;
    this.parent = parent;
    this.key = key;
  }

  /** The node used next after this one. The root closes the ring: after the newest comes the root, then the oldest. */
  get newer(): PrefixNode {
    return this.#newer;
  }

  /** Moves it to right before another in the order of use. */
  moveBefore(other: PrefixNode): void {
    if (other === this) return;
    this.unlink();
    this.#older = other.#older;
    this.#newer = other;
    this.#older.#newer = this;
    other.#older = this;
  }

  unlink(): void {
    this.#older.#newer = this.#newer;
    this.#newer.#older = this.#older;
    this.#older = this;
    this.#newer = this;
  }
}

export class PrefixCache {
  readonly slots: StateSlots;
  /**
   * The empty prefix; its state, of zeros, is never written. Every other node is in the ring by its last use, older than its parent, so
   * that the oldest node has no children.
   */
  readonly root: PrefixNode;

  /** @param bytes At most, of the engine's memory and of this tree; for less than a state nothing is kept. */
  constructor(engine: Engine, layout: Layout, bytes: number) {
    const bytesOfOne = stateBytes(layout, engine.description.precision) + NODE_BYTES;
    const capacity = Math.min(MAX_STATES, Math.floor(bytes / bytesOfOne));
    this.slots = new StateSlots(engine, layout, capacity + 1);
    const [slot = 0] = this.slots.take(1) ?? [];
    this.root = new PrefixNode(slot);
  }

  /** States that are kept now. */
  get size(): number {
    return this.slots.used - 1;
  }

  /** The longest kept prefix of a prompt that leaves at least its last token to read; the root where there is none. */
  find(prompt: readonly number[]): PrefixNode {
    let at = this.root;
    for (;;) {
      const next = longestChild(at, prompt);
      if (!next) break;
      at = next;
    }
    // A node and all its parents become the newest, each older than its parent.
    for (let node = at; node.parent; node = node.parent) node.moveBefore(this.root);
    return at;
  }

  /** The lengths, after `from` and up to `to`, at which a prompt's state is worth keeping. */
  *lengthsToKeep(prompt: readonly number[], from: number, to: number): Generator<number, void, void> {
    const beforeLast = prompt.length - 1;
    for (let length = from + 1; length <= to; length++)
      if (length % BLOCK === 0 || length === beforeLast) yield length;
  }

  /**
   * Makes room for the state after the first `length` tokens of a prompt.
   *
   * @param parent The prefix of the prompt that was kept last, or found.
   * @returns The node, and whether its state must be written now or is there already; undefined when there is no room.
   */
  keep(parent: PrefixNode, prompt: readonly number[], length: number) {
    if (parent.isEvicted) return undefined;
    const key = keyOf(prompt, parent.length, length);
    const known = parent.children.get(key);
    if (known) {
      known.moveBefore(parent);
      return { node: known, isNew: false };
    }
    const slot = this.slots.take(1)?.[0] ?? this.#evict(parent);
    if (slot === undefined) return undefined;
    const node = new PrefixNode(slot, length, parent, key);
    parent.children.set(key, node);
    // Not the newest of all: its parents would then have to follow, which takes long for a long prompt.
    node.moveBefore(parent);
    return { node, isNew: true };
  }

  release(): void {
    this.slots.release();
  }

  /** The slot of the least recently used node; undefined when only the new node's parents are left. */
  #evict(parent: PrefixNode): number | undefined {
    const oldest = this.root.newer;
    if (oldest === this.root || oldest === parent) return undefined;
    oldest.unlink();
    oldest.parent?.children.delete(oldest.key);
    oldest.isEvicted = true;
    return oldest.slot;
  }
}

function longestChild(at: PrefixNode, prompt: readonly number[]): PrefixNode | undefined {
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
