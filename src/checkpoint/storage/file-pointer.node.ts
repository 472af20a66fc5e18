/** A name that stands for another file of its folder, on any file system. */
import { constants, copyFile, link, lstat, open, readlink, stat, symlink } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { replaceWith } from './whole-file.node.ts';

/** Makes `temporary` stand for `target`, a file in the same folder. */
type Way = (target: string, temporary: string) => Promise<void>;

/** A symbolic link says which file it is; where there are none, as on FAT or without the right on Windows, the next will do. */
export const WAYS: readonly Way[] = [
  (target, temporary) => symlink(basename(target), temporary),
  (target, temporary) => link(target, temporary),
  copyWhole,
];

/**
 * Makes a path stand for a file in the same folder; what stood there before is replaced in one step.
 *
 * @throws an error of the system; then what stood there before is untouched
 */
export async function pointTo(path: string, target: string, ways: readonly Way[] = WAYS): Promise<void> {
  const failures: unknown[] = [];
  for (const way of ways) {
    try {
      return await replaceWith(path, 'training', (temporary) => way(target, temporary));
    } catch (error) {
      failures.push(error);
    }
  }
  throw failures.at(-1);
}

/** Whether a path is a symbolic link, which can be replaced without loss. */
export async function isLink(path: string): Promise<boolean> {
  return lstat(path).then(
    (facts) => facts.isSymbolicLink(),
    () => false,
  );
}

/**
 * What a symbolic link points to; the path itself where it is none. A file of that name beside the link goes first: a copied folder may
 * have links to where it was.
 */
export async function linkTarget(path: string): Promise<string> {
  const target = await readlink(path).catch(() => undefined);
  if (target === undefined) return path;
  const beside = join(dirname(path), basename(target));
  if (await stat(beside).catch(() => undefined)) return beside;
  return isAbsolute(target) ? target : join(dirname(path), target);
}

async function copyWhole(target: string, temporary: string): Promise<void> {
  await copyFile(target, temporary, constants.COPYFILE_EXCL);
  const file = await open(temporary, 'r+');
  await file.sync().finally(() => file.close());
}
