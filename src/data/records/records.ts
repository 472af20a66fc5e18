/** What CSV and JSON readers share: the field whose values are documents, and the errors. */
import { TextError } from '../../errors.ts';
import { formatCount } from '../../util/format.ts';
import { suggest } from '../../util/suggest.ts';

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
/** Maximum number of fields that an error names. */
const MAX_NAMED = 12;
/** Maximum characters of each name. */
const MAX_NAME = 100;

/** The format of a file of records. */
export type RecordFormat = 'csv' | 'json-lines' | 'json-list';

/** The format by the name of a file, else by its first character. @param start Returns its first bytes in UTF-8, if they are needed. */
export function recordFormat(path: string, start: () => Uint8Array): RecordFormat {
  const ending = /\.(csv|tsv|tab|jsonl|ndjson|json)(?:\.gz)?$/i.exec(path)?.[1]?.toLowerCase();
  if (ending === 'csv' || ending === 'tsv' || ending === 'tab') return 'csv';
  if (ending === 'jsonl' || ending === 'ndjson') return 'json-lines';
  const first = new TextDecoder().decode(start()).trimStart()[0];
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

/** @param where Such as `line 3`. */
export function brokenRecord(name: string, where: string, problem: string): TextError {
  return new TextError('text-field', `${name}, ${where}: ${problem}.`);
}

export function lineText(line: number): string {
  return `line ${formatCount(line)}`;
}

/** The error for invalid bytes, which a decoder would silently replace by U+FFFD. @param line The line of the bytes, or an earlier one. */
export function invalidUtf8(name: string, line: number, cause: unknown): TextError {
  const problem = `${name} is not valid UTF-8 from line ${formatCount(line)} on, and its encoding can't be detected from its first bytes. Name the encoding.`;
  return new TextError('text-field', problem, { cause });
}
