/** Progress of what comes before training on a large text. */

export interface PreparingProgress {
  /**
   * `reading`: it is hashed, to see whether it is the text that tokens are kept of. `counting`: its symbols are counted. `encoding`: its tokens
   * are made. `checking`: kept tokens are looked through.
   */
  readonly stage: 'reading' | 'counting' | 'encoding' | 'checking';
  /** What the text is called. */
  readonly name: string;
  /** Done and in all; of the files on disk. */
  readonly bytes: number;
  readonly total: number;
}

/** Something that takes a while, and its result. */
export type Preparation<T> = AsyncGenerator<PreparingProgress, T, void>;

/** The result alone. */
export async function prepared<T>(preparation: Preparation<T>): Promise<T> {
  for (;;) {
    const step = await preparation.next();
    if (step.done) return step.value;
  }
}
