/** A name that stands for another file of its folder, on any file system. */
import { constants, copyFile, link, lstat, open, symlink } from 'node:fs/promises';
import { basename } from 'node:path';
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

async function copyWhole(target: string, temporary: string): Promise<void> {
  await copyFile(target, temporary, constants.COPYFILE_EXCL);
  const file = await open(temporary, 'r+');
  await file.sync().finally(() => file.close());
}
