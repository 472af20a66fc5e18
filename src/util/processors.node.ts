/** How many processors this process may use. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { ownCgroupFolders } from './cgroup.node.ts';

/**
 * Those that the system schedules this process on, less where a container's share of time is smaller (cgroup v2 `cpu.max`, v1
 * `cpu.cfs_quota_us`), which Node 20 does not look at.
 */
export function availableProcessors(): number {
  const scheduled = availableParallelism();
  const share = cgroupShare();
  return share === undefined ? scheduled : Math.max(1, Math.min(scheduled, Math.floor(share)));
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
