/** The known name that someone most likely meant. */
import { editDistance } from './edit-distance.ts';

/** Letters of a name that may be wrong: one in three, and at most three. */
const LETTERS_FOR_A_SLIP = 3;
const MAX_SLIPS = 3;
/** Letters from which on the beginning of a name stands for it. */
const MIN_PREFIX = 3;

/** The closest name, if it is close enough to be a slip of the hand or begins as typed. */
export function suggest(typed: string, known: Iterable<string>): string | undefined {
  const names = [...known];
  let best: string | undefined;
  let least = Math.min(MAX_SLIPS, Math.floor(typed.length / LETTERS_FOR_A_SLIP)) + 1;
  for (const name of names) {
    const distance = editDistance(typed, name);
    if (distance < least) {
      least = distance;
      best = name;
    }
  }
  if (best !== undefined || typed.length < MIN_PREFIX) return best;
  return names.find((name) => name.startsWith(typed));
}
