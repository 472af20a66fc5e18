/** The known name that someone most likely meant. */

/** One mistake is tolerated for this many letters. */
const LETTERS_PER_MISTAKE = 3;
const MAX_MISTAKES = 3;
/** A beginning of this many letters or more can stand for the whole name. */
const MIN_PREFIX = 3;

/** The closest name, if it differs only by typing mistakes or begins as typed. */
export function suggest(typed: string, known: Iterable<string>): string | undefined {
  const names = [...known];
  let best: string | undefined;
  let least = Math.min(MAX_MISTAKES, Math.floor(typed.length / LETTERS_PER_MISTAKE)) + 1;
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

/** Insertions, deletions, replacements and swaps of neighbours that turn one word into another (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) =>
    Array.from({ length: b.length + 1 }, (_, j) => (i === 0 ? j : j === 0 ? i : 0)),
  );
  const at = (i: number, j: number) => rows[i]?.[j] ?? 0;
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + same);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwap) least = Math.min(least, at(i - 2, j - 2) + 1);
      (rows[i] as number[])[j] = least;
    }
  }
  return at(a.length, b.length);
}
