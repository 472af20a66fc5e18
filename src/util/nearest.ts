/** The known name that someone most likely meant. */

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

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
function editDistance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) =>
    Array.from({ length: b.length + 1 }, (_, j) => (i === 0 ? j : j === 0 ? i : 0)),
  );
  const at = (i: number, j: number) => rows[i]?.[j] ?? 0;
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + same);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) least = Math.min(least, at(i - 2, j - 2) + 1);
      (rows[i] as number[])[j] = least;
    }
  }
  return at(a.length, b.length);
}
