/** Transforms that convert the bytes of a file to UTF-8, extract a field and replace line ends. */

import type { ByteTransform } from '../encoding/byte-transform.ts';
import { LineFeeds } from '../encoding/line-ends.ts';
import { isPlain, type Reading, withByteOrder } from '../encoding/reading.ts';
import { transcoder } from '../encoding/transcoder.ts';
import { CsvColumn } from '../records/csv.ts';
import { JsonRecords } from '../records/json.ts';
import { recordFormat } from '../records/records.ts';

export interface TransformedFile {
  /** What to call it in messages. */
  readonly name: string;
  readonly path: string;
  /** Its first bytes. */
  readonly start: Uint8Array;
}

/**
 * @param reading With a detected or named encoding, not `auto`.
 * @throws {TextError} `text-not-decodable` if the first bytes are not valid in the encoding and have to show the format of records
 */
export function transformsOf(reading: Reading, { name, path, start }: TransformedFile): ByteTransform[] {
  const { lineEnds, field } = reading;
  const encoding =
    reading.encoding === undefined || isPlain(reading.encoding)
      ? undefined
      : withByteOrder(reading.encoding, start);
  const format =
    field && recordFormat(path, () => (encoding ? transcoder(encoding, name).push(start, false) : start));
  return [
    ...(encoding ? [transcoder(encoding, name)] : []),
    ...(field && format === 'csv' ? [new CsvColumn(name, field)] : []),
    ...(field && format && format !== 'csv' ? [new JsonRecords(name, format, field)] : []),
    ...(lineEnds === 'lf' ? [new LineFeeds()] : []),
  ];
}
