/** Reads one field of JSON records as documents. */
import type { TextError } from '../../errors.ts';
import { formatCount } from '../../util/format.ts';
import type { ByteTransform } from '../encoding/byte-transform.ts';
import {
  brokenRecord,
  DocumentWriter,
  type FieldReading,
  invalidUtf8,
  lineText,
  MAX_RECORD,
  unknownField,
} from './records.ts';

/** Maximum bytes of a file that is one JSON list. */
const MAX_LIST = 256 * 2 ** 20;

/** Reads JSON with an object on each line, or one list of objects. */
export class JsonRecords implements ByteTransform {
  readonly #name: string;
  readonly #isList: boolean;
  readonly #writer: DocumentWriter;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  #held = '';
  #line = 0;
  /** The fields of the first records, for error messages. */
  readonly #fields = new Set<string>();
  #hasValue = false;

  constructor(name: string, format: 'json-lines' | 'json-list', field: FieldReading) {
    this.#name = name;
    this.#isList = format === 'json-list';
    this.#writer = new DocumentWriter(field);
  }

  push(bytes: Uint8Array, isLast: boolean): Uint8Array {
    try {
      this.#held += this.#decoder.decode(bytes, { stream: !isLast });
    } catch (error) {
      throw invalidUtf8(this.#name, this.#line + 1, error);
    }
    if (this.#isList) this.#readList(isLast);
    else this.#readLines(isLast);
    if (isLast && !this.#hasValue) throw unknownField(this.#name, this.#writer.field.name, [...this.#fields]);
    return this.#writer.take();
  }

  #readLines(isLast: boolean): void {
    const lines = this.#held.split(/\r\n|\n|\r(?!$)/);
    this.#held = isLast ? '' : (lines.pop() ?? '');
    if (this.#held.length > MAX_RECORD) throw this.#tooLarge(MAX_RECORD);
    for (const line of lines) {
      this.#line++;
      if (line.trim() !== '') this.#add(this.#parse(line), lineText(this.#line));
    }
  }

  #readList(isLast: boolean): void {
    if (this.#held.length > MAX_LIST) throw this.#tooLarge(MAX_LIST);
    if (!isLast) return;
    this.#line = 1;
    const list = this.#parse(this.#held);
    if (!Array.isArray(list)) throw brokenRecord(this.#name, lineText(1), 'expected a list of records');
    list.forEach((record: unknown, index) => {
      this.#add(record, `record ${formatCount(index + 1)}`);
    });
    this.#held = '';
  }

  #parse(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw brokenRecord(this.#name, lineText(this.#line), `this is not JSON (${reason.slice(0, 120)})`);
    }
  }

  #add(record: unknown, where: string): void {
    if (typeof record !== 'object' || record === null || Array.isArray(record)) {
      throw brokenRecord(this.#name, where, 'expected an object with fields');
    }
    if (this.#fields.size < 1000) for (const key of Object.keys(record)) this.#fields.add(key);
    const value = valueAt(record, this.#writer.field.name);
    if (value === undefined || value === null) return;
    if (typeof value === 'object') {
      throw brokenRecord(
        this.#name,
        where,
        `${JSON.stringify(this.#writer.field.name)} is ${Array.isArray(value) ? 'a list' : 'an object'}, expected a text`,
      );
    }
    this.#hasValue = true;
    this.#writer.add(String(value));
  }

  #tooLarge(limit: number): TextError {
    return brokenRecord(
      this.#name,
      lineText(this.#line + 1),
      `a record is larger than ${formatCount(limit / 2 ** 20)} MB, or the file is not JSON lines`,
    );
  }
}

/** The value of a field, given its name or its path. */
function valueAt(record: object, name: string): unknown {
  if (Object.hasOwn(record, name)) return (record as Record<string, unknown>)[name];
  let value: unknown = record;
  for (const key of name.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}
