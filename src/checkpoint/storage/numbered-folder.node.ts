/** The folders of several runs for which the same folder was requested: `cv`, `cv-2`, `cv-3`, … */
import { readdir } from 'node:fs/promises';
import { basename, dirname, join, normalize } from 'node:path';

/** @param number From 1, which is the folder itself. */
export function numberedFolder(folder: string, number: number): string {
  if (number === 1) return folder;
  const path = withoutEnd(folder);
  // `.`, `..` or `/`: use a folder inside it, since its siblings are unrelated.
  if (hasNoName(path)) return join(path, `run-${number}`);
  return `${path}-${number}`;
}

/** A path without trailing separators. */
function withoutEnd(folder: string): string {
  return normalize(folder).replace(/(?<=.)[/\\]+$/, '');
}

/** Whether a path does not end in a name: `.`, `..` or `/`. */
function hasNoName(path: string): boolean {
  return /^(?:.*[/\\])?\.{0,2}$/.test(path);
}

/** The existing numbered folders of a folder, in order. */
export async function numberedFolders(folder: string): Promise<string[]> {
  const first = withoutEnd(folder);
  const inside = hasNoName(first);
  const above = inside ? first : dirname(first);
  const name = inside ? 'run' : basename(first);
  const entries = await readdir(above, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
    .flatMap((entry) => {
      if (entry.name === name && !inside) return [{ path: folder, number: 1 }];
      const [, stem, number] = /^(.*)-([1-9]\d{0,5})$/.exec(entry.name) ?? [];
      const isOne = stem === name && Number(number) > 1;
      return isOne ? [{ path: join(above, entry.name), number: Number(number) }] : [];
    })
    .concat(inside ? [{ path: folder, number: 1 }] : [])
    .sort((a, b) => a.number - b.number)
    .map(({ path }) => path);
}
