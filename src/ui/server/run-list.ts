/** The list of runs as it was last read, for any number of readers. Each reader gets what has changed since its last request. */
import type { RunChange, RunSummary } from '../protocol.ts';

/** The number of removed runs that are remembered for slow readers. */
const MAX_REMOVED = 1000;

/** A change as it comes from the index. */
export type ListChange = Pick<RunChange, 'changed' | 'removed' | 'isSearching' | 'notices'>;

interface Entry {
  readonly summary: RunSummary;
  /** The change that brought it. */
  readonly number: number;
}

export class RunList {
  /** Distinguishes the positions of this list from those of an earlier process. */
  readonly #generation: string;
  readonly #folders: readonly string[];
  readonly #runs = new Map<string, Entry>();
  readonly #removed = new Map<string, number>();
  /** The number of the last change that was forgotten. Readers that are further behind get everything. */
  #forgotten = 0;
  #number = 1;
  #state: Pick<RunChange, 'isSearching' | 'notices'> = { isSearching: true, notices: [] };
  readonly #waiting = new Set<() => void>();

  /** @param generation A text without dots that no other list has. */
  constructor(folders: readonly string[], generation: string) {
    this.#folders = folders;
    this.#generation = generation;
  }

  get size(): number {
    return this.#runs.size;
  }

  get isSearching(): boolean {
    return this.#state.isSearching;
  }

  get(id: string): RunSummary | undefined {
    return this.#runs.get(id)?.summary;
  }

  add({ changed, removed, isSearching, notices }: ListChange): void {
    const isSame = this.#state.isSearching === isSearching && String(this.#state.notices) === String(notices);
    if (changed.length === 0 && removed.length === 0 && isSame) return;
    this.#number++;
    this.#state = { isSearching, notices };
    for (const summary of changed) {
      this.#runs.set(summary.id, { summary, number: this.#number });
      this.#removed.delete(summary.id);
    }
    for (const id of removed) if (this.#runs.delete(id)) this.#removed.set(id, this.#number);
    for (const [id, number] of this.#removed) {
      if (this.#removed.size <= MAX_REMOVED) break;
      this.#removed.delete(id);
      this.#forgotten = number;
    }
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  /** Forgets all runs, because the index begins anew. Readers get everything. */
  clear(): void {
    this.#runs.clear();
    this.#removed.clear();
    this.#forgotten = ++this.#number;
  }

  /** What has changed since a position; everything if the position is unknown. */
  after(position: string | undefined): RunChange {
    const since = this.#numberOf(position);
    const entries = [...this.#runs.values()].filter(({ number }) => number > (since ?? 0));
    return {
      position: `${this.#generation}.${this.#number}`,
      isComplete: since === undefined,
      changed: entries.map(({ summary }) => summary),
      removed: since === undefined ? [] : [...this.#removed].flatMap(([id, n]) => (n > since ? id : [])),
      ...this.#state,
      folders: this.#folders,
    };
  }

  /** Waits until something has changed since a position, or the signal is aborted. */
  async waitForChange(position: string, signal: AbortSignal): Promise<void> {
    const since = this.#numberOf(position);
    if (since === undefined || since < this.#number || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const wake = () => {
        this.#waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake);
    });
  }

  /** The number of readers that wait. */
  get readers(): number {
    return this.#waiting.size;
  }

  #numberOf(position: string | undefined): number | undefined {
    const [generation, text] = (position ?? '').split('.');
    const number = Number(text);
    const isKnown = generation === this.#generation && Number.isSafeInteger(number) && number <= this.#number;
    return isKnown && number > this.#forgotten ? number : undefined;
  }
}
