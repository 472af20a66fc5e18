/**
 * TensorBoard's event files: a sequence of records, each with an `Event` message.
 *
 * A record (TensorFlow's record_writer.cc) has its length in 64 bits, the masked checksum of these 8 bytes, the data and the masked checksum
 * of the data, all little endian. The messages are from event.proto, summary.proto, tensor.proto and tensor_shape.proto.
 */

import { joinBytes } from '../util/bytes.ts';
import { crc32c } from '../util/crc.ts';
import { MessageWriter } from './protobuf.ts';

const DT_STRING = 7;
/** SessionLog.START: readers drop earlier records of this step and later ones, which are from an interrupted run. */
const SESSION_START = 1;
/** SummaryMetadata.DataClass */
const DATA_CLASS_TENSOR = 2;

/** The first record of a file. */
export function versionRecord(seconds: number): Uint8Array {
  return eventRecord(seconds, 0, (event) => event.text(3, 'brain.Event:2'));
}

/**
 * Marks the step at which the following records start.
 *
 * @param seconds Since 1970.
 */
export function startRecord(seconds: number, step: number): Uint8Array {
  return eventRecord(seconds, step, (event) =>
    event.message(7, new MessageWriter().varint(1, SESSION_START)),
  );
}

/** The numbers of a step, by tag. */
export function scalarsRecord(
  seconds: number,
  step: number,
  scalars: Readonly<Record<string, number>>,
): Uint8Array {
  const summary = new MessageWriter();
  for (const [tag, value] of Object.entries(scalars)) {
    summary.message(1, new MessageWriter().text(1, tag).float(2, value));
  }
  return eventRecord(seconds, step, (event) => event.message(5, summary));
}

/** A text at a step, which TensorBoard shows as Markdown. */
export function textRecord(seconds: number, step: number, tag: string, text: string): Uint8Array {
  const metadata = new MessageWriter()
    .message(1, new MessageWriter().text(1, 'text'))
    .varint(4, DATA_CLASS_TENSOR);
  const tensor = new MessageWriter()
    .varint(1, DT_STRING)
    .message(2, new MessageWriter().message(2, new MessageWriter().varint(1, 1)))
    .text(8, text);
  const value = new MessageWriter().text(1, tag).message(8, tensor).message(9, metadata);
  return eventRecord(seconds, step, (event) => event.message(5, new MessageWriter().message(1, value)));
}

function eventRecord(
  seconds: number,
  step: number,
  addContent: (event: MessageWriter) => MessageWriter,
): Uint8Array {
  return record(joinBytes(addContent(new MessageWriter().double(1, seconds).varint(2, step)).parts));
}

function record(data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + data.length + 4);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, masked(crc32c(bytes.subarray(0, 8))), true);
  bytes.set(data, 12);
  view.setUint32(12 + data.length, masked(crc32c(data)), true);
  return bytes;
}

/** Masks a checksum, as TensorFlow does to avoid the CRC of data that contains CRCs. */
function masked(checksum: number): number {
  return (((checksum >>> 15) | (checksum << 17)) + 0xa282ead8) >>> 0;
}
