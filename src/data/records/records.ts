/** Reads one field of records as documents: a column of a CSV file, or a field of JSON lines or of a JSON list. */
import { TextError } from '../../errors.ts';
import { formatCount } from '../../util/format.ts';
import { suggest } from '../../util/suggest.ts';
import type { ByteTransform } from '../encoding/byte-transform.ts';

/** The field that holds the text, and how its values become documents. */
export interface FieldReading {
  /** The name of a column or field. In JSON it may be a path with dots, such as `post.text`. */
  readonly name: string;
  readonly separator: string;
  /** Whether line ends within a value become spaces, because a line end separates the values. */
  readonly oneLine: boolean;
}

/** Separates documents by default. */
export const DEFAULT_FIELD_SEPARATOR = '\n';

/** Maximum bytes of a record. */
export const MAX_RECORD = 64 * 2 ** 20;
/** Maximum bytes of a file that is one JSON list. */
const MAX_LIST = 256 * 2 ** 20;
/** Maximum number of fields that an error names. */
const MAX_NAMED = 12;
/** Maximum characters of each name. */
const MAX_NAME = 100;

/** The format of a file of records. */
export type RecordFormat = 'csv' | 'json-lines' | 'json-list';

/** Judges by the name of the file, else by its first character. @param start Its first bytes, in UTF-8. */
export function recordFormat(path: string, start: Uint8Array): RecordFormat {
  const first = new TextDecoder().decode(start).trimStart()[0];
  const ending = /\.(csv|tsv|tab|jsonl|ndjson|json)(?:\.gz)?$/i.exec(path)?.[1]?.toLowerCase();
  if (ending === 'csv' || ending === 'tsv' || ending === 'tab') return 'csv';
  if (ending === 'jsonl' || ending === 'ndjson') return 'json-lines';
  if (first === '[') return 'json-list';
  return first === '{' ? 'json-lines' : 'csv';
}

/** Turns the values of a field into documents in UTF-8. Leaves out empty values. */
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

  /** The documents since the last call. */
  take(): Uint8Array {
    const bytes = this.#encoder.encode(this.#parts.join(''));
    this.#parts = [];
    return bytes;
  }
}

/** The error for a file without the wanted field. It lists the fields of the file. */
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

/** The error for bytes that would silently become U+FFFD. @param line The line of the bytes, or an earlier one. */
export function invalidUtf8(name: string, line: number, cause: unknown): TextError {
  const problem = `${name}, from line ${formatCount(line)} on: not valid UTF-8, and its first bytes do not show its encoding. Name the encoding.`;
  return new TextError('text-field', problem, { cause });
}

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
