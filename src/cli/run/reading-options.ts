/**
 * How to read texts for a model: as its training texts were read, except for the encoding, which is detected, and the field, which another
 * text may not have.
 */
import type { Checkpoint, TrainingState } from '../../checkpoint/checkpoint.ts';
import type { CorpusOptions } from '../../data/corpus.ts';
import type { ReadingOptions } from '../../data/encoding/reading.ts';
import { DEFAULT_FIELD_SEPARATOR } from '../../data/records/records.ts';
import type { UnknownInText } from '../../data/symbols/unknown-in-text.ts';
import type { Vocabulary } from '../../data/vocabulary.ts';

/** What the user has typed about the text. */
interface GivenReading {
  readonly encoding?: string | undefined;
  readonly field?: string | undefined;
  /** The empty string: none, whatever the run had. Default: that of the run. */
  readonly separator?: string | undefined;
}

/** The parts of a checkpoint that decide how texts are read. */
export interface TextReader extends Pick<Checkpoint, 'vocabulary'> {
  readonly training?: Pick<TrainingState, 'options'> | undefined;
}

/** @param given The typed options. */
export function readingOptionsFor(
  { vocabulary, training }: TextReader,
  given: GivenReading,
): ReadingOptions & { readonly separator: string | undefined } {
  const { lineEnds, separator: own } = training?.options ?? {};
  const separator = given.separator ?? (typeof own === 'string' ? own : undefined);
  return {
    tokens: vocabulary.kind,
    encoding: given.encoding,
    field: given.field,
    lineEnds: lineEnds === 'lf' ? 'lf' : 'keep',
    // Each value of a field is a document.
    separator: separator || (given.field === undefined ? undefined : DEFAULT_FIELD_SEPARATOR),
  };
}

/** How to turn a text into the symbols of a model. */
export function symbolsOf(
  vocabulary: Vocabulary,
  unknown: UnknownInText,
): Pick<CorpusOptions, 'normalize' | 'minCount' | 'unknown' | 'vocabulary'> {
  return { normalize: vocabulary.normalize, minCount: 1, unknown, vocabulary };
}

/** How to read a text that is scored as a whole. Rows cut a text themselves, so the separator of the run does not. */
export function wholeTextReading(
  checkpoint: TextReader,
  given: GivenReading & { readonly rows: number },
): ReturnType<typeof readingOptionsFor> {
  const isCut = given.rows > 1 && given.field === undefined;
  return readingOptionsFor(checkpoint, { ...given, separator: given.separator ?? (isCut ? '' : undefined) });
}

/** How to read the texts of the run itself. */
export function readingOptionsOfRun(
  checkpoint: TextReader,
  given: { readonly encoding?: string | undefined },
): ReadingOptions {
  const { encoding, field } = checkpoint.training?.options ?? {};
  const own = typeof encoding === 'string' ? encoding : undefined;
  return readingOptionsFor(checkpoint, {
    encoding: given.encoding ?? own,
    field: typeof field === 'string' ? field : undefined,
  });
}
