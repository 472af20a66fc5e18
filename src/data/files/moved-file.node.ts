/** Searches for files and folders that were moved. */
import { readdir, stat } from 'node:fs/promises';
import { basename, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { identifyFile } from '../tokens/make-tokens.node.ts';
import type { FileFacts } from './known-text.ts';

/** Maximum number of entries examined in a folder, and of files hashed. */
const MAX_ENTRIES = 2000;
const MAX_HASHED = 8;

/**
 * Searches some folders for a file with the same content, among those of the same name or size.
 *
 * @returns its path, relative if possible
 */
export async function findMoved(file: FileFacts, folders: readonly string[]): Promise<string | undefined> {
  let hashed = 0;
  for (const folder of new Set(folders.map((path) => resolve(path)))) {
    for (const path of await candidates(file, folder)) {
      if (hashed++ >= MAX_HASHED) return undefined;
      const found = await identifyFile(path).catch(() => undefined);
      if (found?.sha256 === file.sha256) return shortPath(path);
    }
  }
  return undefined;
}

/**
 * Searches some folders for a folder of the same name that contains all of the files.
 *
 * @param files The files that were below the folder.
 */
export async function findMovedFolder(
  folder: string,
  files: readonly FileFacts[],
  folders: readonly string[],
): Promise<string | undefined> {
  const [first] = files;
  if (!first) return undefined;
  for (const parent of new Set(folders.map((path) => resolve(path)))) {
    const path = join(parent, basename(folder));
    if (path === folder || !(await relocated(files, folder, path))) continue;
    const found = await identifyFile(join(path, relative(folder, first.path))).catch(() => undefined);
    if (found?.sha256 === first.sha256) return shortPath(path);
  }
  return undefined;
}

/** The files with their paths changed from one folder to another; undefined unless all of them exist there. */
export async function relocated(
  files: readonly FileFacts[],
  from: string,
  to: string,
): Promise<FileFacts[] | undefined> {
  const moved: FileFacts[] = [];
  for (const file of files) {
    if (!isWithin(file.path, from)) return undefined;
    const path = resolve(to, relative(from, file.path));
    const facts = await stat(path).catch(() => undefined);
    if (!facts?.isFile()) return undefined;
    moved.push({ ...file, path });
  }
  return moved;
}

/** Whether a path is a folder or below it. */
export function isWithin(path: string, folder: string): boolean {
  const below = relative(folder, path);
  return below !== '..' && !below.startsWith(`..${sep}`) && !isAbsolute(below);
}

/** The path relative to the working folder if it is below that, else unchanged. */
export function shortPath(path: string): string {
  const near = relative('', path);
  return near === '' || !isWithin(path, '') ? path : near;
}

/** Files of a folder that may be the wanted one. Those with its name, packed or not, come first. */
async function candidates({ path, bytes }: FileFacts, folder: string): Promise<string[]> {
  const name = basename(path);
  const names = [name, `${name}.gz`, name.replace(/\.gz$/, '')];
  const entries = (await readdir(folder).catch(() => [])).slice(0, MAX_ENTRIES);
  const [byName, bySize]: [string[], string[]] = [[], []];
  for (const entry of entries) {
    const candidate = join(folder, entry);
    if (candidate === path) continue;
    const facts = await stat(candidate).catch(() => undefined);
    if (!facts?.isFile()) continue;
    if (names.includes(entry)) byName.push(candidate);
    else if (facts.size === bytes) bySize.push(candidate);
  }
  return [...byName, ...bySize];
}
