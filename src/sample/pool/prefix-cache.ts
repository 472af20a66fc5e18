/**
 * Caches the states after prefixes of prompts, so that a prefix that several prompts share is read only once.
 *
 * A state is kept after every `BLOCK_TOKENS` tokens of a prompt and before its last token. The last token is always read again, which gives the
 * prediction after it. The prefixes form a tree of blocks, which are compared token by token. When the cache is full, the least recently used
 * state is evicted. States have the same bits however a prompt is cut, so texts do not depend on what is cached.
 */
import type { Engine } from '../../engine/engine.ts';
import type { Layout } from '../../engine/layout.ts';
import { StateSlots, stateBytes } from '../../model/states.ts';

/** Tokens between two cached states of a prompt. */
const BLOCK_TOKENS = 16;

/** Maximum cached states, however small they are. */
const MAX_STATES = 1 << 16;
/** Approximate bytes of a node of the tree. */
const NODE_BYTES = 512;

/** A prefix whose state is cached: a node of the tree, and an entry of the list ordered by last use. */
export class PrefixNode {
  readonly slot: number;
  /** Tokens in the prefix. */
  readonly length: number;
  readonly parent: PrefixNode | undefined;
  /** The tokens after the parent's prefix, joined: the key in the parent's `children`. */
  readonly key: string;
  readonly children = new Map<string, PrefixNode>();
  /** Whether it was evicted, so its slot may hold another state. */
  isEvicted = false;
  /** The neighbours in a ring ordered by last use; the node itself if it is in no ring. */
  #older: PrefixNode = this;
  #newer: PrefixNode = this;

  constructor(slot: number, length = 0, parent?: PrefixNode, key = '') {
    this.slot = slot;
    this.length = length;
    this.parent = parent;
    this.key = key;
  }

  /** The next more recently used node. The root closes the ring: after the newest node comes the root, then the oldest. */
  get newer(): PrefixNode {
    return this.#newer;
  }

  /** Moves it directly before another node in the order of use. */
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
   * The empty prefix. Its state is zero and is never written. All other nodes are in the ring in the order of their last use, each one older
   * than its parent, so the oldest node has no children.
   */
  readonly root: PrefixNode;

  /** @param bytes Maximum memory of the states and the tree. If it is too little for one state, nothing is cached. */
  constructor(engine: Engine, layout: Layout, bytes: number) {
    const bytesOfOne = stateBytes(layout, engine.description.precision) + NODE_BYTES;
    const capacity = Math.min(MAX_STATES, Math.floor(bytes / bytesOfOne));
    this.slots = new StateSlots(engine, layout, capacity + 1);
    const [slot = 0] = this.slots.take(1) ?? [];
    this.root = new PrefixNode(slot);
  }

  /** How many states are cached. */
  get size(): number {
    return this.slots.used - 1;
  }

  /** The longest cached prefix of a prompt without its last token; the root if there is none. */
  find(prompt: readonly number[]): PrefixNode {
    let at = this.root;
    for (;;) {
      const next = longestChild(at, prompt);
      if (!next) break;
      at = next;
    }
    // Makes the node and all its parents the newest ones, each older than its parent.
    for (let node = at; node.parent; node = node.parent) node.moveBefore(this.root);
    return at;
  }

  /** The lengths above `from` and up to `to` at which a prompt's state should be cached. */
  *lengthsToKeep(prompt: readonly number[], from: number, to: number): Generator<number, void, void> {
    const beforeLast = prompt.length - 1;
    for (let length = from + 1; length <= to; length++)
      if (length % BLOCK_TOKENS === 0 || length === beforeLast) yield length;
  }

  /**
   * Reserves a slot for the state after the first `length` tokens of a prompt.
   *
   * @param parent The longest cached prefix of the prompt.
   * @returns The node, and whether it is new, so that its state must be written; undefined if no slot can be freed.
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
    // It does not become the newest of all, because its parents would have to move too, which is slow for a long prompt.
    node.moveBefore(parent);
    return { node, isNew: true };
  }

  /** Removes nodes and all nodes below them. Called after a failed call, which has not written their states. */
  drop(nodes: readonly PrefixNode[]): void {
    for (const node of nodes) {
      // Its slot belongs to another node now.
      if (node.isEvicted) continue;
      this.drop([...node.children.values()]);
      this.#unlink(node);
      this.slots.give([node.slot]);
    }
  }

  release(): void {
    this.slots.release();
  }

  /** Evicts the least recently used node and returns its slot; undefined if only parents of the new node are left. */
  #evict(parent: PrefixNode): number | undefined {
    const oldest = this.root.newer;
    if (oldest === this.root || oldest === parent) return undefined;
    this.#unlink(oldest);
    return oldest.slot;
  }

  #unlink(node: PrefixNode): void {
    node.unlink();
    node.parent?.children.delete(node.key);
    node.isEvicted = true;
  }
}

function longestChild(at: PrefixNode, prompt: readonly number[]): PrefixNode | undefined {
  if (at.children.size === 0) return undefined;
  for (let length = Math.min(BLOCK_TOKENS, prompt.length - 1 - at.length); length > 0; length--) {
    const child = at.children.get(keyOf(prompt, at.length, at.length + length));
    if (child) return child;
  }
  return undefined;
}

function keyOf(prompt: readonly number[], from: number, to: number): string {
  return prompt.slice(from, to).join(',');
}
