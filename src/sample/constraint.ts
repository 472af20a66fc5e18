/** What a text must look like, told token by token: a regular expression, a template. */

/** Where one stream stands. */
export interface Constraint {
  /** Whether nothing may follow: the text is complete. */
  readonly complete: boolean;
  /** Sets 1 for each token that may come next, 0 for the others. At least one may, unless it is complete. */
  allow(into: Uint8Array): void;
  /** Goes on by a token that `allow` has allowed. */
  advance(token: number): void;
  /** From now on only what leads to a complete text by the shortest way. */
  hurry(): void;
  /** The same place, for another stream to go on from. */
  fork(): Constraint;
}
