/** The control groups (cgroup v2) that bound this process. */
import { readFileSync } from 'node:fs';

const ROOT = '/sys/fs/cgroup';

/** The folders of this process's group and of those around it, the innermost first; the root's alone where that is not known. */
export function ownCgroupFolders(): string[] {
  const folders = [ROOT];
  let folder = ROOT;
  for (const name of ownPath().split('/').filter(Boolean)) {
    folder += `/${name}`;
    folders.unshift(folder);
  }
  return folders;
}

/** The path of this process's group in the unified hierarchy. */
function ownPath(): string {
  try {
    const lines = readFileSync('/proc/self/cgroup', 'utf8').split('\n');
    return lines.find((line) => line.startsWith('0::'))?.slice(3) ?? '';
  } catch {
    return '';
  }
}
