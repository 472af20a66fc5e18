/** How much memory is free for this process now. */
import { readFileSync } from 'node:fs';
import { freemem } from 'node:os';
import { ownCgroupFolders } from './cgroup.node.ts';

/**
 * What the machine can give without swapping, or what is left in the container where that is less (cgroup v2 `memory.max`).
 * Pages of files that the container has read can be taken back and count as free.
 */
export function freeMemory(): number {
  return Math.min(freemem(), ...ownCgroupFolders().map(freeIn));
}

function freeIn(folder: string): number {
  const limit = number(`${folder}/memory.max`);
  const used = number(`${folder}/memory.current`);
  if (limit === undefined || used === undefined) return Number.POSITIVE_INFINITY;
  const cached = /^inactive_file (\d+)$/m.exec(read(`${folder}/memory.stat`) ?? '')?.[1] ?? '0';
  return Math.max(0, limit - used + Number(cached));
}

/** The number in a file; undefined for `max` or where there is no such file. */
function number(path: string): number | undefined {
  const text = read(path)?.trim();
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
