/** Checks the type of texts passed by a program, which may not use TypeScript. */
import { OptionError } from '../errors.ts';

/**
 * @param option The name of the argument.
 * @throws {OptionError} for a value that is neither a string nor bytes
 */
export function checkContent(option: string, content: unknown): void {
  if (typeof content === 'string' || content instanceof Uint8Array) return;
  throw new OptionError(option, `got ${kindOf(content)}, expected a text: a string or a Uint8Array`);
}

/**
 * @param option The name of the argument.
 * @throws {OptionError} for a value that is not an array of texts
 */
export function checkContents(option: string, contents: unknown): void {
  if (!Array.isArray(contents)) {
    throw new OptionError(option, `got ${kindOf(contents)}, expected an array of texts`);
  }
  for (const content of contents) checkContent(option, content);
}

/** The kind of a value, for messages. The value itself may be long. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'an array';
  if (value instanceof Uint8Array) return 'bytes';
  if (typeof value === 'string') return 'one text';
  return typeof value === 'object' ? 'an object' : `the ${typeof value} ${String(value)}`;
}
