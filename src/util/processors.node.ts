/** How many processors this process may use. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { ownCgroupFolders } from './cgroup.node.ts';

/**
 * Those that the system schedules this process on, fewer where a container's share of time is smaller (cgroup v2 `cpu.max`, v1
 * `cpu.cfs_quota_us`), which Node 20 does not look at, or where it allows fewer threads.
 */
export function availableProcessors(): number {
  const scheduled = availableParallelism();
  const share = cgroupShare();
  return Math.max(1, Math.min(scheduled, Math.floor(share ?? scheduled), allowedThreads()));
}

/** The controller of version 1 that counts threads, as a container sees it. */
const PIDS_V1 = '/sys/fs/cgroup/pids';
/** Threads that are left to the other work of this process, where the system limits them. */
const SPARE_THREADS = 16;

/** Threads that a container lets this process add (cgroup `pids.max`, which counts threads); at least 1; Infinity without a limit. */
export function allowedThreads(folders: readonly string[] = [...ownCgroupFolders(), PIDS_V1]): number {
  const rooms = folders.map(
    (folder) => Number(read(`${folder}/pids.max`) ?? 'max') - Number(read(`${folder}/pids.current`) ?? 0),
  );
  const room = Math.min(Number.POSITIVE_INFINITY, ...rooms.filter(Number.isFinite));
  return Math.max(1, room - SPARE_THREADS);
}

/** Processors' worth of time that the container, and those around it, have; undefined where there is no limit. */
function cgroupShare(): number | undefined {
  const shares = ownCgroupFolders().map((folder) => {
    const [quota = '', period = ''] = (read(`${folder}/cpu.max`) ?? '').trim().split(' ');
    return Number(quota) / Number(period);
  });
  shares.push(
    Number(read('/sys/fs/cgroup/cpu/cpu.cfs_quota_us') ?? -1) /
      Number(read('/sys/fs/cgroup/cpu/cpu.cfs_period_us') ?? 0),
  );
  const limits = shares.filter((share) => share > 0 && Number.isFinite(share));
  return limits.length > 0 ? Math.min(...limits) : undefined;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
