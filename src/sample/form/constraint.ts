/** What a text must look like, told token by token: a regular expression, a template. */
import type { StopTracker } from '../stops.ts';

/** Where one stream stands. */
export interface Constraint {
  /** Whether nothing may follow: the text is complete. */
  readonly isComplete: boolean;
  /** Sets 1 for each token that may come next, 0 for the others. at least one may, unless it is complete. */
  allow(into: Uint8Array): void;
  /** Goes on by a token that `allow` has allowed. */
  advance(token: number): void;
  /** From now on only what leads to a complete text by the shortest way. */
  hurry(): void;
  /** The same place, for another stream to go on from. */
  fork(): Constraint;
}

/** The time of a text is over: it ends here, or, where it has to have a form, by the shortest way there. */
export function endOnTimeout(end: StopTracker, constraint: Constraint | undefined): void {
  constraint?.hurry();
  if (!constraint) end.end('seconds');
  else if (constraint.isComplete) end.end('complete');
}
