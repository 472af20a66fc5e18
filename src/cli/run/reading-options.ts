/** How to read texts for a model: as its training texts were read, except that the encoding of each text is detected. */
import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import type { ReadingOptions } from '../../data/encoding/reading.ts';

/** @param given The typed options. */
export function readingOptionsFor(
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

/** How to read the texts of the run itself. */
export function readingOptionsOfRun(
  checkpoint: Checkpoint,
  given: { readonly encoding?: string | undefined },
): ReadingOptions {
  const { encoding, field } = checkpoint.training?.options ?? {};
  const own = typeof encoding === 'string' ? encoding : undefined;
  return readingOptionsFor(checkpoint, {
    encoding: given.encoding ?? own,
    field: typeof field === 'string' ? field : undefined,
  });
}
