/** What to say of a separator that does not occur in a text. */
import { formatCount } from '../../util/format.ts';
import { findBytes } from './documents.ts';

/** Bytes at the start of a text in which something like the separator is looked for. */
export const SEPARATOR_GLANCE = 1 << 20;

/**
 * That a separator does not occur, with what is there instead: `"\n---\n" does not occur in a.txt …; "---" does, 300 times`.
 *
 * @param start The first bytes of the text, `SEPARATOR_GLANCE` or all of it.
 * @param files Files of the text; between them there is an end of a document all the same.
 */
export function separatorNotice(name: string, separator: string, start: Uint8Array, files: number): string {
  const near = nearSeparators(separator)
    .map((text) => ({ text, count: countOf(start, text) }))
    .find(({ count }) => count > 0);
  const documents = files === 1 ? 'one document' : `${formatCount(files)} documents, one a file`;
  const instead = near ? `; ${JSON.stringify(near.text)} does, ${timesText(near.count)}` : '';
  return `the separator ${JSON.stringify(separator)} does not occur in ${name}, which is ${documents}${instead}`;
}

/** What may have been meant: CR alone among other line ends, the same without white space around it. */
function nearSeparators(separator: string): string[] {
  const candidates = [separator.replaceAll(/\r?\n/g, '\r'), separator.trim()];
  return candidates.filter((text) => text !== '' && text !== separator);
}

function countOf(bytes: Uint8Array, text: string): number {
  const wanted = new TextEncoder().encode(text);
  let count = 0;
  for (let at = findBytes(bytes, wanted, 0); at >= 0; at = findBytes(bytes, wanted, at + wanted.length))
    count++;
  return count;
}

function timesText(count: number): string {
  return count === 1 ? 'once' : `${formatCount(count)} times`;
}
