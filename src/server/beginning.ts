/** A beginning of prompts whose state is kept: its place in the tree of beginnings, and among them by age. */

export class Beginning {
  readonly slot: number;
  /** Tokens that it has read. */
  readonly length: number;
  readonly parent: Beginning | undefined;
  /** The tokens after the parent's, as the tree finds them. */
  readonly key: string;
  readonly children = new Map<string, Beginning>();
  /** Set where it was kept no longer: the slot holds another state. */
  isGone = false;
  /** Its neighbours in a ring by age; alone at first. */
  #older: Beginning = this;
  #younger: Beginning = this;

  constructor(slot: number, length = 0, parent?: Beginning, key = '') {
    this.slot = slot;
    this.length = length;
    this.parent = parent;
    this.key = key;
  }

  /** The next that was used later; after the youngest comes the ring's fixed point, and then the oldest. */
  get younger(): Beginning {
    return this.#younger;
  }

  /** Takes the place of what was used right before another. */
  placeBefore(other: Beginning): void {
    if (other === this) return;
    this.leave();
    this.#older = other.#older;
    this.#younger = other;
    this.#older.#younger = this;
    other.#older = this;
  }

  /** Is in no ring any more. */
  leave(): void {
    this.#older.#younger = this.#younger;
    this.#younger.#older = this.#older;
    this.#older = this;
    this.#younger = this;
  }
}
