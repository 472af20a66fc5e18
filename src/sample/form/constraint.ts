/** A constraint on the tokens of a text: it must match a regular expression or a template. */
import type { StopTracker } from '../stops.ts';

/** The constraint of one sequence, after the tokens so far. */
export interface Constraint {
  /** Whether the text is complete: nothing may follow. */
  readonly isComplete: boolean;
  /** Sets 1 for each token that may come next, and 0 for the others. There is at least one, unless the text is complete. */
  allow(into: Uint8Array): void;
  /** Takes the next token, which `allow` must have allowed. */
  advance(token: number): void;
  /** From now on, allows only tokens on a shortest way to a complete text. */
  hurry(): void;
  /** A copy in the same state, for another sequence that continues the text. */
  fork(): Constraint;
}

/** Called when a text reaches its time limit. Ends it or, if it has a constraint, lets it finish by the shortest path to a match. */
export function endOnTimeout(end: StopTracker, constraint: Constraint | undefined): void {
  constraint?.hurry();
  if (!constraint) end.end('seconds');
  else if (constraint.isComplete) end.end('complete');
}
