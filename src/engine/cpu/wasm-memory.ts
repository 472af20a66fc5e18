/** Allocates blocks in a WebAssembly memory: first fit; adjacent free blocks are joined. */

interface Block {
  readonly at: number;
  readonly bytes: number;
}

/** The size of a cache line: every block is aligned to it. */
const ALIGNMENT = 64;

export class MemoryBlocks {
  readonly #grow: (bytes: number) => void;
  /** Free blocks, by address. */
  #free: Block[] = [];
  readonly #taken = new Map<number, number>();
  #end: number;

  /**
   * @param start The first byte that may be allocated.
   * @param grow Called to extend the memory up to an address. Throws if it can't.
   */
  constructor(start: number, grow: (end: number) => void) {
    this.#end = Math.ceil(start / ALIGNMENT) * ALIGNMENT;
    this.#grow = grow;
  }

  /** Allocates a block and returns its address. Its bytes are not cleared. */
  allocate(bytes: number): number {
    const size = Math.max(ALIGNMENT, Math.ceil(bytes / ALIGNMENT) * ALIGNMENT);
    const index = this.#free.findIndex((block) => block.bytes >= size);
    const found = this.#free[index];
    let at: number;
    if (found) {
      at = found.at;
      const rest = { at: at + size, bytes: found.bytes - size };
      this.#free.splice(index, 1, ...(rest.bytes > 0 ? [rest] : []));
    } else {
      at = this.#end;
      this.#grow(at + size);
      this.#end += size;
    }
    this.#taken.set(at, size);
    return at;
  }

  free(at: number): void {
    const bytes = this.#taken.get(at);
    if (bytes === undefined) throw new RangeError(`there is no allocated block at ${at}`);
    this.#taken.delete(at);
    const after = this.#free.findIndex((block) => block.at > at);
    this.#free.splice(after < 0 ? this.#free.length : after, 0, { at, bytes });
    this.#free = this.#free.reduce<Block[]>((joined, block) => {
      const before = joined.at(-1);
      if (before && before.at + before.bytes === block.at) {
        joined[joined.length - 1] = { at: before.at, bytes: before.bytes + block.bytes };
      } else joined.push(block);
      return joined;
    }, []);
  }

  /** The size of the block at an address. */
  sizeAt(at: number): number | undefined {
    return this.#taken.get(at);
  }
}
