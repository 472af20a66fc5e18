/** Notices about detected encodings. */
import { formatCount } from '../../util/format.ts';
import { shortList } from '../files/left-out.ts';
import { encodingTitle } from './encodings.ts';
import type { FoundEncoding } from './reading.ts';

export interface FileEncoding {
  readonly name: string;
  readonly found: FoundEncoding;
}

/** One line for each encoding. It gives the reason for a single file, or the first few names of several. */
export function encodingNotices(files: readonly FileEncoding[]): string[] {
  const groups = new Map<string, FileEncoding[]>();
  for (const file of files) {
    groups.set(file.found.encoding, [...(groups.get(file.found.encoding) ?? []), file]);
  }
  return [...groups.values()].map((group) => {
    const [first, ...more] = group;
    if (!first) return '';
    const { name, found } = first;
    const as = `read as ${encodingTitle(found.encoding)}`;
    if (more.length === 0) return `${name}: ${as}, since ${found.why}`;
    return `${formatCount(group.length)} files ${as}: ${shortList(group.map((file) => file.name))}`;
  });
}
