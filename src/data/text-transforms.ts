/** What is done to the bytes of a text before it is cut into documents and symbols. */

import type { ByteTransform } from './byte-transform.ts';
import { CsvColumn } from './csv.ts';
import { LineFeeds } from './line-ends.ts';
import { isPlain, type Reading } from './reading.ts';
import { JsonRecords, recordFormat } from './records.ts';
import { transcoder } from './transcoder.ts';

export interface TransformedFile {
  /** What to call it in messages. */
  readonly name: string;
  readonly path: string;
  /** Its first bytes. */
  readonly start: Uint8Array;
}

/** @param reading Its encoding is settled: not `auto`. */
export function transformsOf(reading: Reading, { name, path, start }: TransformedFile): ByteTransform[] {
  const { encoding, lineEnds, field } = reading;
  const format = field && recordFormat(path, start);
  return [
    ...(encoding === undefined || isPlain(encoding) ? [] : [transcoder(encoding, name)]),
    ...(field && format === 'csv' ? [new CsvColumn(name, field)] : []),
    ...(field && format && format !== 'csv' ? [new JsonRecords(name, format, field)] : []),
    ...(lineEnds === 'lf' ? [new LineFeeds()] : []),
  ];
}
