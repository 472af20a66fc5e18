/** Which parts of a WebAssembly memory are taken: first fit, neighbours that are free become one. */

interface Block {
  readonly at: number;
  readonly bytes: number;
}

/** The cache line, and the alignment of every block. */
const ALIGNMENT = 64;

export class MemoryBlocks {
  readonly #grow: (bytes: number) => void;
  /** Free blocks, by place. */
  #free: Block[] = [];
  readonly #taken = new Map<number, number>();
  #end: number;

  /**
   * @param start First byte that may be given out.
   * @param grow Makes sure that the memory reaches up to here; throws where it can't.
   */
  constructor(start: number, grow: (end: number) => void) {
    this.#end = Math.ceil(start / ALIGNMENT) * ALIGNMENT;
    this.#grow = grow;
  }

  /** The place of a new block. Its bytes are what they were before. */
  take(bytes: number): number {
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

  /** Gives a block back. */
  give(at: number): void {
    const bytes = this.#taken.get(at);
    if (bytes === undefined) throw new RangeError(`nothing was taken at ${at}`);
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

  /** Bytes of the block at a place. */
  sizeAt(at: number): number | undefined {
    return this.#taken.get(at);
  }
}
