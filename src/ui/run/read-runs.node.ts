/** The runs whose columns and events are in memory. Those that were not used for the longest time are dropped first. */
import { setImmediate } from 'node:timers/promises';
import { ReadRun } from './read-run.node.ts';

const MAX_BYTES = 64e6;

export class ReadRuns {
  /** In the order of their last use. */
  readonly #runs = new Map<string, ReadRun>();
  /** At least the bytes of all runs. */
  #bytes = 0;

  /**
   * A run, with everything that its log contains now. The log is read in pieces, and other work continues between them.
   *
   * @param onPiece Called with the number of bytes of each piece.
   * @throws a system error, for example if the log was deleted; what is thrown by `signal`
   */
  async read(
    path: string,
    onPiece: (bytes: number) => void = () => {},
    signal?: AbortSignal,
  ): Promise<ReadRun> {
    const run = this.#runs.get(path) ?? new ReadRun(path);
    this.#runs.delete(path);
    this.#runs.set(path, run);
    for (let hasMore = true; hasMore; ) {
      signal?.throwIfAborted();
      const before = run.offset;
      hasMore = run.readOn();
      onPiece(Math.max(0, run.offset - before));
      await setImmediate();
    }
    this.#dropSurplus(path);
    return run;
  }

  /** Bytes of a log that were read already. */
  offsetOf(path: string): number {
    return this.#runs.get(path)?.offset ?? 0;
  }

  /** Drops runs until the others fit into memory. Their sizes are counted again only if they may not fit. */
  #dropSurplus(kept: string): void {
    const own = this.#runs.get(kept)?.bytes ?? 0;
    this.#bytes += own;
    if (this.#bytes <= MAX_BYTES) return;
    this.#bytes = 0;
    for (const run of this.#runs.values()) this.#bytes += run.bytes;
    for (const [path, run] of this.#runs) {
      if (this.#bytes <= MAX_BYTES) return;
      if (path === kept) continue;
      this.#runs.delete(path);
      this.#bytes -= run.bytes;
    }
  }
}
