/** Pointers, such as `best.safetensors`: links to another file in the same folder, or copies of it where links are not supported. */
import { constants, copyFile, link, lstat, open, readlink, stat, symlink } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { replaceWith } from './whole-file.node.ts';

/** Makes `temporary` a pointer to `target`, a file in the same folder. */
type PointerMethod = (target: string, temporary: string) => Promise<void>;

/** In order of preference. A symbolic link shows its target; the others are for FAT, and for Windows without the privilege for links. */
export const POINTER_METHODS: readonly PointerMethod[] = [
  (target, temporary) => symlink(basename(target), temporary),
  (target, temporary) => link(target, temporary),
  copyWhole,
];

/**
 * Makes a path a pointer to a file in the same folder. Replaces an earlier pointer in one step.
 *
 * @throws a system error; the earlier pointer is then untouched
 */
export async function pointTo(
  path: string,
  target: string,
  methods: readonly PointerMethod[] = POINTER_METHODS,
): Promise<void> {
  const failures: unknown[] = [];
  for (const method of methods) {
    try {
      return await replaceWith(path, 'training', (temporary) => method(target, temporary));
    } catch (error) {
      failures.push(error);
    }
  }
  throw failures.at(-1);
}

/** Whether a path is a symbolic link, which can be replaced without losing data. */
export async function isLink(path: string): Promise<boolean> {
  return lstat(path).then(
    (facts) => facts.isSymbolicLink(),
    () => false,
  );
}

/**
 * The target of a symbolic link; the path itself if it is not a link. A file of that name in the link's folder takes precedence, because a
 * copied folder may have links to its original location.
 */
export async function linkTarget(path: string): Promise<string> {
  const target = await readlink(path).catch(() => undefined);
  if (target === undefined) return path;
  const sibling = join(dirname(path), basename(target));
  if (await stat(sibling).catch(() => undefined)) return sibling;
  return isAbsolute(target) ? target : join(dirname(path), target);
}

async function copyWhole(target: string, temporary: string): Promise<void> {
  await copyFile(target, temporary, constants.COPYFILE_EXCL);
  const file = await open(temporary, 'r+');
  await file.sync().finally(() => file.close());
}
