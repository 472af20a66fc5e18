/** The notice about a separator that does not occur in a text. */
import { formatCount } from '../../util/format.ts';
import { findBytes } from './documents.ts';

/** Bytes at the start of a text that are searched for similar separators. */
export const SEPARATOR_SAMPLE = 1 << 20;

/**
 * For example `the separator "\n---\n" does not occur in a.txt, which is one document; "---" does, 300 times`.
 *
 * @param start The first bytes of the text, `SEPARATOR_SAMPLE` or all of it.
 * @param files Number of files of the text. Each file ends a document, even without the separator.
 */
export function separatorNotice(name: string, separator: string, start: Uint8Array, files: number): string {
  const near = nearSeparators(separator)
    .map((text) => ({ text, count: countOf(start, text) }))
    .find(({ count }) => count > 0);
  const documents = files === 1 ? 'one document' : `${formatCount(files)} documents, one per file`;
  const instead = near ? `; ${JSON.stringify(near.text)} does, ${timesText(near.count)}` : '';
  return `the separator ${JSON.stringify(separator)} does not occur in ${name}, which is ${documents}${instead}`;
}

/** Separators that may have been meant: with CR for line ends, or without surrounding white space. */
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
