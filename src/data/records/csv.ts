/**
 * Reads a column of a CSV file (RFC 4180) as documents. Quoted fields may contain line ends and doubled quotes. The delimiter is a comma,
 * semicolon, tab or bar, whichever occurs most in the first line.
 *
 * Why not a library: this reads blocks of bytes of any size, and CSV libraries are larger than all readers of this program.
 */

import { joinBytes } from '../../util/bytes.ts';
import { formatCount } from '../../util/format.ts';
import type { ByteTransform } from '../encoding/byte-transform.ts';
import { hasUtf8Mark } from '../encoding/reading.ts';
import {
  brokenRecord,
  DocumentWriter,
  type FieldReading,
  invalidUtf8,
  lineText,
  MAX_RECORD,
  unknownField,
} from './records.ts';

const QUOTE = 0x22;
const CR = 0x0d;
const LF = 0x0a;
const DELIMITERS = [0x2c, 0x3b, 0x09, 0x7c];

/** Where the parser is in a field; `quote`: after a quote in a quoted field, which either ends it or is doubled. */
type State = 'start' | 'plain' | 'quoted' | 'quote';

export class CsvColumn implements ByteTransform {
  readonly #name: string;
  readonly #writer: DocumentWriter;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  /** Bytes held back until the first line is complete. */
  #head: Uint8Array[] | undefined = [];
  #headLength = 0;
  #delimiter = 0x2c;
  #header: string[] | undefined;
  /** Index of the column; −1 until the header is read. */
  #column = -1;
  #row: string[] = [];
  #index = 0;
  #state: State = 'start';
  #value: number[] = [];
  #line = 1;
  #rowLine = 1;
  #hasContent = false;
  #isAfterCr = false;

  constructor(name: string, field: FieldReading) {
    this.#name = name;
    this.#writer = new DocumentWriter(field);
  }

  push(bytes: Uint8Array, isLast: boolean): Uint8Array {
    let block = bytes;
    if (this.#head) {
      this.#head.push(bytes.slice());
      this.#headLength += bytes.length;
      if (!isLast && this.#headLength < MAX_RECORD && !hasLineEnd(bytes)) return new Uint8Array();
      const head = joinBytes(this.#head);
      this.#head = undefined;
      block = hasUtf8Mark(head) ? head.subarray(3) : head;
      this.#delimiter = delimiterOf(block);
    }
    for (const byte of block) this.#take(byte);
    if (isLast) this.#end();
    return this.#writer.take();
  }

  #take(byte: number): void {
    const isLineFeedOfPair = byte === LF && this.#isAfterCr;
    this.#isAfterCr = byte === CR;
    if (byte === CR || (byte === LF && !isLineFeedOfPair)) this.#line++;
    if (this.#state === 'quoted') {
      if (byte === QUOTE) this.#state = 'quote';
      else this.#keep(byte);
      return;
    }
    if (this.#state === 'quote' && byte === QUOTE) {
      this.#state = 'quoted';
      this.#keep(byte);
    } else if (byte === this.#delimiter) {
      this.#endValue();
      this.#hasContent = true;
    } else if (byte === LF || byte === CR) {
      if (!isLineFeedOfPair) this.#endRow();
    } else if (byte === QUOTE && this.#state === 'start') {
      this.#state = 'quoted';
      this.#hasContent = true;
    } else {
      this.#state = 'plain';
      this.#hasContent = true;
      this.#keep(byte);
    }
  }

  /** Appends a byte to the value, if it belongs to the header or to the wanted column. */
  #keep(byte: number): void {
    if (this.#header && this.#index !== this.#column) return;
    if (this.#value.length >= MAX_RECORD) {
      const limit = formatCount(MAX_RECORD / 2 ** 20);
      throw brokenRecord(
        this.#name,
        lineText(this.#rowLine),
        `a value of more than ${limit} MB: a quote may be missing`,
      );
    }
    this.#value.push(byte);
  }

  #endValue(): void {
    if (!this.#header || this.#index === this.#column) {
      try {
        this.#row.push(this.#decoder.decode(Uint8Array.from(this.#value)));
      } catch (error) {
        throw invalidUtf8(this.#name, this.#rowLine, error);
      }
      this.#value = [];
    }
    this.#index++;
    this.#state = 'start';
  }

  #endRow(): void {
    if (this.#hasContent) {
      this.#endValue();
      if (!this.#header) this.#readHeader();
      else this.#readRow();
    }
    this.#row = [];
    this.#index = 0;
    this.#state = 'start';
    this.#hasContent = false;
    this.#rowLine = this.#line;
  }

  #readHeader(): void {
    const header = this.#row.map((name) => name.trim());
    const { name } = this.#writer.field;
    this.#column = header.indexOf(name);
    if (this.#column < 0) throw unknownField(this.#name, name, header);
    this.#header = header;
  }

  #readRow(): void {
    const [value] = this.#row;
    if (value !== undefined) {
      this.#writer.add(value);
      return;
    }
    const [got, expected] = [formatCount(this.#index), formatCount(this.#header?.length ?? 0)];
    throw brokenRecord(this.#name, lineText(this.#rowLine), `a row of ${got} fields, expected ${expected}`);
  }

  #end(): void {
    if (this.#state === 'quoted') {
      throw brokenRecord(this.#name, lineText(this.#rowLine), 'a quote that is opened here is never closed');
    }
    this.#endRow();
    if (!this.#header) throw unknownField(this.#name, this.#writer.field.name, []);
  }
}

function hasLineEnd(bytes: Uint8Array): boolean {
  return bytes.includes(LF) || bytes.includes(CR);
}

/** The delimiter that occurs most in the first line, outside quotes. Default: a comma. */
function delimiterOf(bytes: Uint8Array): number {
  const counts = new Map(DELIMITERS.map((delimiter) => [delimiter, 0]));
  let isQuoted = false;
  for (const byte of bytes) {
    if (byte === QUOTE) isQuoted = !isQuoted;
    else if (!isQuoted && (byte === LF || byte === CR)) break;
    else if (!isQuoted && counts.has(byte)) counts.set(byte, (counts.get(byte) ?? 0) + 1);
  }
  return DELIMITERS.reduce((best, one) => ((counts.get(one) ?? 0) > (counts.get(best) ?? 0) ? one : best));
}
