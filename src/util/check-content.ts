/** Checks a text that a program hands over: without TypeScript nothing else does before it is read. */
import { OptionError } from '../errors.ts';

/**
 * @param option What the text is called where it was given.
 * @throws {OptionError} for what is neither a string nor bytes
 */
export function checkContent(option: string, content: unknown): void {
  if (typeof content === 'string' || content instanceof Uint8Array) return;
  throw new OptionError(option, `got ${kindOf(content)}, expected a text: a string or a Uint8Array`);
}

/**
 * @param option What the texts are called where they were given.
 * @throws {OptionError} for what is not an array of texts
 */
export function checkContents(option: string, contents: unknown): void {
  if (!Array.isArray(contents)) {
    throw new OptionError(option, `got ${kindOf(contents)}, expected an array of texts`);
  }
  for (const content of contents) checkContent(option, content);
}

/** A value in a message, by its kind: it may be long. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'an array';
  if (value instanceof Uint8Array) return 'bytes';
  if (typeof value === 'string') return 'one text';
  return typeof value === 'object' ? 'an object' : `the ${typeof value} ${String(value)}`;
}
