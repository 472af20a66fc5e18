/** What is done to the bytes of a text before it is cut into documents and symbols. */
import { LineFeeds } from './line-ends.ts';
import { isPlain, type Reading } from './reading.ts';
import { type ByteTransform, transcoder } from './transcoder.ts';

export interface TransformedFile {
  /** What to call it in messages. */
  readonly name: string;
  readonly path: string;
  /** Its first bytes. */
  readonly start: Uint8Array;
}

/** @param reading Its encoding is settled: not `auto`. */
export function transformsOf(reading: Reading, { name }: TransformedFile): ByteTransform[] {
  const { encoding, lineEnds } = reading;
  return [
    ...(encoding === undefined || isPlain(encoding) ? [] : [transcoder(encoding, name)]),
    ...(lineEnds === 'lf' ? [new LineFeeds()] : []),
  ];
}
