/** How to read texts given to a model: as its training texts were, except that the encoding of each is detected. */

import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import type { ReadingOptions } from '../../data/encoding/reading.ts';

/** @param given What was typed. */
export function readingLike(
  { vocabulary, training }: Checkpoint,
  given: { readonly encoding?: string | undefined; readonly field?: string | undefined },
): ReadingOptions {
  const { lineEnds } = training?.options ?? {};
  return {
    tokens: vocabulary.kind,
    encoding: given.encoding,
    field: given.field,
    lineEnds: lineEnds === 'lf' ? 'lf' : 'keep',
  };
}

/** How a run read its own texts. */
export function readingOfRun(
  checkpoint: Checkpoint,
  given: { readonly encoding?: string | undefined },
): ReadingOptions {
  const { encoding, field } = checkpoint.training?.options ?? {};
  const own = typeof encoding === 'string' ? encoding : undefined;
  return readingLike(checkpoint, {
    encoding: given.encoding ?? own,
    field: typeof field === 'string' ? field : undefined,
  });
}
