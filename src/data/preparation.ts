/** Progress of reading and encoding a large text. */

export interface PreparingProgress {
  /**
   * `reading`: hashing the text, to see whether the cached tokens belong to it. `counting`: counting its symbols. `encoding`: turning it into
   * tokens. `checking`: verifying cached tokens.
   */
  readonly stage: 'reading' | 'counting' | 'encoding' | 'checking';
  /** What to call the text in messages. */
  readonly name: string;
  /** Bytes of the files on disk that are done, and their total. */
  readonly bytes: number;
  readonly total: number;
}

/** A long computation: yields its progress and returns its result. */
export type Preparation<T> = AsyncGenerator<PreparingProgress, T, void>;

/** Runs a preparation to its end, ignoring progress. */
export async function resultOf<T>(preparation: Preparation<T>): Promise<T> {
  for (;;) {
    const step = await preparation.next();
    if (step.done) return step.value;
  }
}
