/** Values of one field of records as documents: a column of a CSV, a field of JSON lines, or of a list in JSON. */
import { TextError } from '../../errors.ts';
import { formatCount } from '../../util/format.ts';
import { suggest } from '../../util/suggest.ts';
import type { ByteTransform } from '../encoding/byte-transform.ts';

/** Which field of records is the text, and what ends each value. */
export interface FieldReading {
  /** The name of a column; of JSON also a path with dots, such as `post.text`. */
  readonly name: string;
  readonly separator: string;
  /** Whether line ends within a value become spaces: where a line end separates the values. */
  readonly oneLine: boolean;
}

/** What separates documents where nothing else was chosen. */
export const DEFAULT_FIELD_SEPARATOR = '\n';

/** Bytes that one record may have. */
export const MAX_RECORD = 64 * 2 ** 20;
/** Bytes of a file that is one list in JSON. */
const MAX_LIST = 256 * 2 ** 20;
/** Fields that an error names. */
const MAX_NAMED = 12;
/** Characters of each. */
const MAX_NAME = 100;

/** How the records of a file are written. */
export type RecordFormat = 'csv' | 'json-lines' | 'json-list';

/** By the name of the file, else by its first character. @param start Its first bytes, in UTF-8. */
export function recordFormat(path: string, start: Uint8Array): RecordFormat {
  const first = new TextDecoder().decode(start).trimStart()[0];
  const ending = /\.(csv|tsv|tab|jsonl|ndjson|json)(?:\.gz)?$/i.exec(path)?.[1]?.toLowerCase();
  if (ending === 'csv' || ending === 'tsv' || ending === 'tab') return 'csv';
  if (ending === 'jsonl' || ending === 'ndjson') return 'json-lines';
  if (first === '[') return 'json-list';
  return first === '{' ? 'json-lines' : 'csv';
}

/** Turns the values of a field into documents, in UTF-8. Empty and missing values are left out. */
export class DocumentWriter {
  readonly field: FieldReading;
  readonly #encoder = new TextEncoder();
  #parts: string[] = [];

  constructor(field: FieldReading) {
    this.field = field;
  }

  add(value: string): void {
    const text = this.field.oneLine ? value.replace(/\s*[\r\n]+\s*/g, ' ').trim() : value;
    if (text !== '') this.#parts.push(text, this.field.separator);
  }

  /** All that came since the last call. */
  take(): Uint8Array {
    const bytes = this.#encoder.encode(this.#parts.join(''));
    this.#parts = [];
    return bytes;
  }
}

/** @throws {TextError} `text-field` for a file that does not have the field; it names those that there are */
export function unknownField(name: string, field: string, fields: readonly string[]): TextError {
  const shown = fields.slice(0, MAX_NAMED).map((one) => JSON.stringify(one.slice(0, MAX_NAME)));
  const more = fields.length > shown.length ? ` and ${formatCount(fields.length - shown.length)} more` : '';
  const meant = suggest(
    field,
    fields.filter(({ length }) => length <= MAX_NAME),
  );
  return new TextError(
    'text-field',
    `${name} has no field ${JSON.stringify(field)}. Its fields are ${shown.join(', ')}${more}.`,
    { remedies: meant === undefined ? [] : [{ text: 'The closest name', set: { field: meant } }] },
  );
}

/** @param place Such as `line 3`. */
export function brokenRecord(name: string, place: string, problem: string): TextError {
  return new TextError('text-field', `${name}, ${place}: ${problem}.`);
}

export function lineText(line: number): string {
  return `line ${formatCount(line)}`;
}

/** Bytes that would silently become U+FFFD. @param line At or before the line that they are in. */
export function invalidUtf8(name: string, line: number, cause: unknown): TextError {
  const problem = `${name}, from line ${formatCount(line)} on: not valid UTF-8, and its first bytes do not show its encoding. Name the encoding.`;
  return new TextError('text-field', problem, { cause });
}

/** JSON: an object on each line, or one list of objects. */
export class JsonRecords implements ByteTransform {
  readonly #name: string;
  readonly #isList: boolean;
  readonly #writer: DocumentWriter;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  #held = '';
  #line = 0;
  /** Fields of the first records, for an error. */
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

  #add(record: unknown, place: string): void {
    if (typeof record !== 'object' || record === null || Array.isArray(record)) {
      throw brokenRecord(this.#name, place, 'expected an object with fields');
    }
    if (this.#fields.size < 1000) for (const key of Object.keys(record)) this.#fields.add(key);
    const value = valueAt(record, this.#writer.field.name);
    if (value === undefined || value === null) return;
    if (typeof value === 'object') {
      throw brokenRecord(
        this.#name,
        place,
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

/** A field by its name, or by the names on the way to it. */
function valueAt(record: object, name: string): unknown {
  if (Object.hasOwn(record, name)) return (record as Record<string, unknown>)[name];
  let value: unknown = record;
  for (const key of name.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}
