/** `--seed random`. */
import { randomInt } from 'node:crypto';

/** Replaces `random` by a drawn number. @returns the new words, and the number: if there are several, the last */
export function drawRandomSeed(words: readonly string[]): {
  readonly words: readonly string[];
  readonly randomSeed: number | undefined;
} {
  const drawn = [...words];
  let randomSeed: number | undefined;
  drawn.forEach((word, at) => {
    const isSeparate = /^--?seed$/.test(word) && drawn[at + 1] === 'random';
    const isAttached = /^--?seed=random$/.test(word);
    if (!isSeparate && !isAttached) return;
    randomSeed = randomInt(2 ** 32);
    if (isSeparate) drawn[at + 1] = String(randomSeed);
    else drawn[at] = `--seed=${randomSeed}`;
  });
  return { words: drawn, randomSeed };
}
